// Pieces of memory that are used again and again, between threads too. Memory of that size is not of the heap, but the collector counts
// it: a pull that took new memory for every block of lines and for every gathering of rows had the serving thread's whole heap looked
// through nineteen times, and the system hand out and clear each page of it.

/** A block of lines with one more chunk of its stream, and the rows that become of it. */
export const PIECE_BYTES = 384 * 1024;
/** So many are kept; others are left to the collector. */
const MOST = 24;

export type Pieces = {
  /** Memory with anything in it: a piece, or as much as is asked for when that is more. */
  take(bytes?: number): Buffer<ArrayBuffer>;
  /** Takes memory back that no one reads or writes any more. What is no piece, or is in another thread by now, is left alone. */
  give(memory: ArrayBuffer): void;
  /** Some that are free, to go to another thread; fewer when there are fewer. */
  spare(most: number): ArrayBuffer[];
};

export function pieces(): Pieces {
  const free: ArrayBuffer[] = [];
  return {
    take(bytes = PIECE_BYTES) {
      if (bytes > PIECE_BYTES) return Buffer.allocUnsafeSlow(bytes);
      const memory = free.pop();
      return memory === undefined ? Buffer.allocUnsafeSlow(PIECE_BYTES) : Buffer.from(memory);
    },
    give(memory) {
      if (memory.byteLength === PIECE_BYTES && free.length < MOST) free.push(memory);
    },
    spare: (most) => free.splice(Math.max(0, free.length - most), most),
  };
}

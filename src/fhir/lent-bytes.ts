// Memory for answers that is used again and again. An answer of a search is some fifty kilobytes that nobody needs once they are
// sent; memory of that size is not of the heap, but the collector counts it, and would look through the heap for its sake ten
// times a second. Whoever takes it and never gives it back, as when a client has gone, leaves it to the collector.

/** Sizes are powers of two, from the smallest to the largest that is kept. */
const SMALLEST = 14;
const LARGEST = 20;
/** So much of each size is kept. */
const KEPT_BYTES = 2 ** LARGEST;

const free: Uint8Array<ArrayBuffer>[][] = Array.from({ length: LARGEST + 1 }, () => []);
/** written on memory while it is lent */
const LENT = Symbol('lent');
type Marked = ArrayBuffer & { [LENT]?: boolean };

/** Memory of `size` bytes with anything in it; what is small or very large is not lent. */
export function lendBytes(size: number): Uint8Array<ArrayBuffer> {
  const power = Math.max(SMALLEST, 32 - Math.clz32(Math.max(0, size - 1)));
  if (size <= 2 ** (SMALLEST - 1) || power > LARGEST) return Buffer.allocUnsafe(size);
  const whole = free[power]?.pop() ?? Buffer.allocUnsafeSlow(2 ** power);
  (whole.buffer as Marked)[LENT] = true;
  return whole.subarray(0, size);
}

/** Is it memory that will hold something else one day? Who keeps it copies it. */
export const isLent = (bytes: Uint8Array): boolean => (bytes.buffer as Marked)[LENT] === true;

/** The bytes are not needed any more; what was not lent, or is given back already, is left alone. */
export function giveBack(bytes: Uint8Array): void {
  const buffer = bytes.buffer as Marked;
  if (buffer[LENT] !== true) return;
  buffer[LENT] = false;
  const kept = free[31 - Math.clz32(buffer.byteLength)];
  if (kept !== undefined && (kept.length + 1) * buffer.byteLength <= KEPT_BYTES) kept.push(Buffer.from(buffer));
}

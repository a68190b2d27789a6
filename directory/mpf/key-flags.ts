// Facts about very many resources by their `Type/id`, a few bytes each: what the audit has to know of a target.
import { hashed, hashText } from '../../src/db/hash.ts';

/** Bits, see {@link KeyFlags}. */
export const FLAG = { exists: 1, network: 2, phone: 4, address: 8, npi: 16, inPlan: 32, hasProvider: 64 } as const;

/** An open table of 64-bit hashes: 9 bytes a place, at most three quarters full. */
export class KeyFlags {
  #hi = new Int32Array(1024);
  #lo = new Int32Array(1024);
  #flags = new Uint8Array(1024);
  #used = 0;

  #place(hi: number, lo: number): number {
    const mask = this.#flags.length - 1;
    let at = (lo ^ hi) & mask;
    while (this.#flags[at] !== 0 && (this.#hi[at] !== hi || this.#lo[at] !== lo)) at = (at + 1) & mask;
    return at;
  }

  /** Adds flags to a key. @returns those it had before */
  add(key: string, flags: number): number {
    if (this.#used * 4 > this.#flags.length * 3) this.#grow();
    hashText(key, 0);
    const { hi, lo } = hashed;
    const at = this.#place(hi, lo);
    const before = this.#flags[at] ?? 0;
    if (before === 0) this.#used++;
    this.#hi[at] = hi;
    this.#lo[at] = lo;
    this.#flags[at] = before | flags;
    return before;
  }

  get(key: string): number {
    hashText(key, 0);
    return this.#flags[this.#place(hashed.hi, hashed.lo)] ?? 0;
  }

  has(key: string, flags: number): boolean {
    return (this.get(key) & flags) === flags;
  }

  #grow(): void {
    const [hi, lo, flags] = [this.#hi, this.#lo, this.#flags];
    this.#hi = new Int32Array(hi.length * 2);
    this.#lo = new Int32Array(hi.length * 2);
    this.#flags = new Uint8Array(hi.length * 2);
    flags.forEach((f, i) => {
      if (f === 0) return;
      const at = this.#place(hi[i] ?? 0, lo[i] ?? 0);
      this.#hi[at] = hi[i] ?? 0;
      this.#lo[at] = lo[i] ?? 0;
      this.#flags[at] = f;
    });
  }
}

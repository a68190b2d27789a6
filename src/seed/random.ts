// Numbers that look random and are a pure function of (seed, kind, index): the same entity comes out the same in every
// run, in every order, without anything remembered. mulberry32 over a mixed key; not for secrets.

/** 32-bit mixing, the finalizer of MurmurHash3. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** FNV-1a of a kind name. Kinds are few and constant, so callers hash them once. */
export function kindKey(kind: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < kind.length; i++) h = Math.imul(h ^ kind.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** A stream of draws for one entity. */
export class Draw {
  #state: number;

  /**
   * @param seed any integer; its low 53 bits count
   * @param kind from {@link kindKey}
   * @param index of the entity within its kind, ≥ 0
   */
  constructor(seed: number, kind: number, index: number) {
    const high = Math.floor(seed / 0x1_0000_0000);
    this.#state = mix(mix(mix(mix(seed) ^ high) + kind) + Math.imul(index, 0x9e3779b1));
  }

  /** [0, 1) */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** Whole number in [0, below). */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** Whole number in [from, to], both included. */
  between(from: number, to: number): number {
    return from + this.int(to - from + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    return at(list, this.int(list.length));
  }

  /** `count` decimal digits. */
  digits(count: number): string {
    let out = '';
    for (let i = 0; i < count; i++) out += this.int(10);
    return out;
  }
}

/** The entry at `index`, counted round and round. Throws on an empty list, which no table of ours is. */
export function at<T>(list: readonly T[], index: number): T {
  const value = list[((index % list.length) + list.length) % list.length];
  if (value === undefined) throw new RangeError('an empty list has no entries');
  return value;
}

// The 64-bit hashes of PostgreSQL, `hashtextextended` and `hashint8extended`, as a little-endian server computes them. They
// are the keys of the directory (docs/decisions/002), and hash partitions depend on them, so they do not change. Values
// stand as two signed 32-bit halves: JavaScript has no 64-bit integer that is fast.
// https://github.com/postgres/postgres/blob/REL_18_STABLE/src/common/hashfn.c (after Bob Jenkins' lookup3)

/** The last hash: its upper and lower half. Read both before the next call. */
export const hashed = { hi: 0, lo: 0 };

const START = (0x9e3779b9 + 3923095) | 0;
let a = 0;
let b = 0;
let c = 0;

function mix(): void {
  a = ((a - c) ^ ((c << 4) | (c >>> 28))) | 0;
  c = (c + b) | 0;
  b = ((b - a) ^ ((a << 6) | (a >>> 26))) | 0;
  a = (a + c) | 0;
  c = ((c - b) ^ ((b << 8) | (b >>> 24))) | 0;
  b = (b + a) | 0;
  a = ((a - c) ^ ((c << 16) | (c >>> 16))) | 0;
  c = (c + b) | 0;
  b = ((b - a) ^ ((a << 19) | (a >>> 13))) | 0;
  a = (a + c) | 0;
  c = ((c - b) ^ ((b << 4) | (b >>> 28))) | 0;
  b = (b + a) | 0;
}

function finish(): void {
  c = ((c ^ b) - ((b << 14) | (b >>> 18))) | 0;
  a = ((a ^ c) - ((c << 11) | (c >>> 21))) | 0;
  b = ((b ^ a) - ((a << 25) | (a >>> 7))) | 0;
  c = ((c ^ b) - ((b << 16) | (b >>> 16))) | 0;
  a = ((a ^ c) - ((c << 4) | (c >>> 28))) | 0;
  b = ((b ^ a) - ((a << 14) | (a >>> 18))) | 0;
  c = ((c ^ b) - ((b << 24) | (b >>> 8))) | 0;
  hashed.hi = b;
  hashed.lo = c;
}

function begin(length: number, seed: number): void {
  a = b = c = (START + length) | 0;
  if (seed !== 0) {
    b = (b + seed) | 0;
    mix();
  }
}

let scratch = new Uint8Array(4096);
const encoder = new TextEncoder();

/** UTF-8 of a text in {@link scratch}, with twelve zeros behind it. @returns its length in bytes */
function encode(text: string): number {
  const n = text.length;
  if (n * 3 + 12 > scratch.length) scratch = new Uint8Array(n * 3 + 1024);
  let i = 0;
  for (; i < n; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) break;
    scratch[i] = code;
  }
  const length = i === n ? n : encoder.encodeInto(text, scratch).written;
  scratch.fill(0, length, length + 12);
  return length;
}

const word = (at: number): number =>
  (scratch[at] ?? 0) | ((scratch[at + 1] ?? 0) << 8) | ((scratch[at + 2] ?? 0) << 16) | ((scratch[at + 3] ?? 0) << 24);

/**
 * `hashtextextended(text, seed)` into {@link hashed}.
 * @param seed 0 to 2³¹−1
 */
export function hashText(text: string, seed: number): void {
  const length = encode(text);
  begin(length, seed);
  let at = 0;
  for (; length - at >= 12; at += 12) {
    a = (a + word(at)) | 0;
    b = (b + word(at + 4)) | 0;
    c = (c + word(at + 8)) | 0;
    mix();
  }
  // the lowest byte of c is kept for the length
  a = (a + word(at)) | 0;
  b = (b + word(at + 4)) | 0;
  c = (c + (word(at + 8) << 8)) | 0;
  finish();
}

/** `hashint8extended(value, seed)` into {@link hashed}; the value as its halves. Parameters as {@link hashText}. */
export function hashKey(hi: number, lo: number, seed: number): void {
  begin(4, seed);
  a = (a + (lo ^ (hi >= 0 ? hi : ~hi))) | 0;
  finish();
}

// The token under which a reference stands in the index: the key of its target, moved by a number that the parameter has. All 64 bits of
// the key are in it: `hashint8extended` alone would fold them to 32, and of a million targets some have the same half.
import { hashed, hashKey } from './hash.ts';

/**
 * The token as SQL.
 * @param key a bigint: the key of the target
 * @param parameter its number, or a column that holds it
 */
export const referenceToken = (key: string, parameter: number | string): string =>
  `(${key} # hashint8extended(${parameter}, 0))`;

type Halves = readonly [hi: number, lo: number];
const moves = new Map<number, Halves>();

function moveOf(parameter: number): Halves {
  const known = moves.get(parameter);
  if (known !== undefined) return known;
  hashKey(0, parameter, 0);
  const move: Halves = [hashed.hi, hashed.lo];
  moves.set(parameter, move);
  return move;
}

/** The token of a target's key, as its halves, into {@link hashed}: what {@link referenceToken} gives on a little-endian server. */
export function tokenOfReference(hi: number, lo: number, parameter: number): void {
  const [moveHi, moveLo] = moveOf(parameter);
  hashed.hi = hi ^ moveHi;
  hashed.lo = lo ^ moveLo;
}

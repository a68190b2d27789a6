// The page position: the row at the edge of the page, and nothing of the client or of its query. Names by which a page is
// sorted are read from that row, as it was in the version that the page showed; times and distances are in the cursor.
// Not signed: an edited cursor is only another position.
import { Outcome } from '../outcome.ts';
import type { SortKey } from './sort.ts';

/**
 * The page after this row, or before it. `keys` are those of the row under `_sort`, in its order: milliseconds since 1970
 * or meters; of a name the version of the row that had it; 0 for its id. `names`: the names of that version by their places in the
 * sort text, from 0, when the row has another version now.
 */
export type Cursor = { back: boolean; keys: number[]; rk: bigint; names?: readonly string[] };

/** Without keys eight bytes, or nine when it looks back; eight bytes more for each key. As base64url. */
export function encodeCursor({ back, keys, rk }: Cursor): string {
  const bytes = Buffer.alloc(8 + (back || keys.length > 0 ? 1 : 0) + keys.length * 8);
  bytes.writeBigInt64BE(rk);
  if (bytes.length > 8) bytes[8] = back ? 1 : 0;
  keys.forEach((key, i) => void bytes.writeDoubleBE(key, 9 + i * 8));
  return bytes.toString('base64url');
}

/** The earliest and the latest time that PostgreSQL and JavaScript both know are far outside of this. */
const MAX_KEY = 1e14;

/** @throws Outcome bad-cursor */
export function decodeCursor(text: string, sort: readonly SortKey[]): Cursor {
  const bytes = /^[A-Za-z0-9_-]{11,200}$/.test(text) ? Buffer.from(text, 'base64url') : Buffer.alloc(0);
  const whole = 9 + sort.length * 8;
  if (bytes.length !== whole && !(sort.length === 0 && bytes.length === 8)) throw new Outcome('bad-cursor');
  const back = bytes[8] ?? 0;
  const keys = sort.map((_, i) => bytes.readDoubleBE(9 + i * 8));
  if (back > 1 || !keys.every((key) => Math.abs(key) < MAX_KEY)) throw new Outcome('bad-cursor');
  return { back: back === 1, keys, rk: bytes.readBigInt64BE() };
}

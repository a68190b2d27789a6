// The page position: the key of the last row, and nothing else. Not signed: an edited cursor is only another position.
import { Outcome } from '../outcome.ts';

/** Eight bytes, base64url. */
export function encodeCursor(rk: bigint): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(rk);
  return bytes.toString('base64url');
}

/** @throws Outcome bad-cursor */
export function decodeCursor(text: string): bigint {
  const bytes = /^[A-Za-z0-9_-]{11}$/.test(text) ? Buffer.from(text, 'base64url') : undefined;
  if (bytes?.length !== 8) throw new Outcome('bad-cursor');
  return bytes.readBigInt64BE();
}

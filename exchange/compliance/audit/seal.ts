// Seals: batches of audit rows, each chained to the one before by its root, and signed. Pure.
import { createHash } from 'node:crypto';

/** What a seal is made of: a row's number and its SHA-256. */
export type SealedRow = { seq: bigint; hash: Uint8Array };

export type SealHead = {
  /** counts from 1 */
  id: number;
  at: string;
  rows: number;
  first: string;
  last: string;
  /** lower-case hex */
  prev: string;
  root: string;
};

/** Root before the first seal. */
export const GENESIS = '0'.repeat(64);
export const MARK_BYTES = 8;

/** SHA-256 over the root before, then number (8 bytes, big-endian) and hash of each row in order of their numbers. */
export function sealRoot(prev: string, rows: readonly SealedRow[]): string {
  const hash = createHash('sha256').update(Buffer.from(prev, 'hex'));
  const number = Buffer.alloc(8);
  for (const row of rows) {
    number.writeBigInt64BE(row.seq);
    hash.update(number).update(row.hash);
  }
  return hash.digest('hex');
}

export function sealHead(id: number, at: Date, prev: string, rows: readonly SealedRow[]): SealHead {
  return {
    id,
    at: at.toISOString(),
    rows: rows.length,
    first: String(rows[0]?.seq ?? ''),
    last: String(rows.at(-1)?.seq ?? ''),
    prev,
    root: sealRoot(prev, rows),
  };
}

/** The first bytes of each hash, joined. */
export function marks(rows: readonly SealedRow[]): Buffer {
  return Buffer.concat(rows.map((r) => r.hash.subarray(0, MARK_BYTES)));
}

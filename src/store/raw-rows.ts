// Rows with their large columns as the bytes that the database sent. The driver shows a row where the server's message lies, which
// another message may overwrite (src/runtime/postgres-socket.ts): bytes are copied as they come, into memory that is used again.
import { giveBack, lendBytes } from '../fhir/lent-bytes.ts';
import type { Queryable } from './database.ts';

export type RawRow = (Uint8Array<ArrayBuffer> | string | null)[];

export type RawRows = {
  rows: RawRow[];
  /** The bytes are not needed any more. Without it the collector finds that out. */
  release(): void;
};

const CHUNK = 64 * 1024;
const FIRST = 16 * 1024;

/**
 * Runs a statement. This is the only place that takes bytes from the driver.
 * @param bytes places of the columns that are given as bytes; others are text
 */
export async function rawRows(
  sql: Queryable,
  text: string,
  values: string[],
  bytes: readonly number[],
  options: { prepare: boolean },
): Promise<RawRows> {
  const rows: RawRow[] = [];
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let chunk = new Uint8Array(0);
  let used = 0;
  const copied = (column: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
    const end = used + column.length;
    if (end > chunk.length) {
      chunk = lendBytes(Math.max(chunks.length === 0 ? FIRST : CHUNK, column.length));
      chunks.push(chunk);
      used = 0;
      return copied(column);
    }
    chunk.set(column, used);
    const copy = chunk.subarray(used, end);
    used = end;
    return copy;
  };
  const take = (given: (Uint8Array<ArrayBuffer> | null)[]): void => {
    const row: RawRow = given;
    for (let i = 0; i < given.length; i++) {
      const column = given[i];
      if (column !== null && column !== undefined) row[i] = bytes.includes(i) ? copied(column) : String(column);
    }
    rows.push(row);
  };
  await sql
    .unsafe(text, values, options)
    .raw()
    .forEach((row) => {
      take(row as unknown as Parameters<typeof take>[0]);
    });
  return { rows, release: () => chunks.splice(0).forEach((one) => void giveBack(one)) };
}

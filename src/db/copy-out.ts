// COPY out of a table in binary form: values come as the server holds them, nothing is escaped and nothing is decoded.
// postgres.js pauses the socket when a COPY is left early, so callers pass a dedicated client that they end themselves.
import type { Queryable } from './database.ts';

const HEADER = 19;
const NONE = new Uint8Array(0);

/**
 * Rows of a query in batches, each row its columns as bytes; null is empty. The bytes are views of what was received: copy
 * what is to be kept.
 */
export async function* copyOut(sql: Queryable, query: string): AsyncGenerator<Uint8Array[][]> {
  const stream = await sql.unsafe(`copy (${query}) to stdout (format binary)`).readable();
  let rest: Buffer = Buffer.alloc(0);
  let started = false;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    if (!started) {
      if (data.length < HEADER) {
        rest = data;
        continue;
      }
      at = HEADER + data.readInt32BE(HEADER - 4);
      started = true;
    }
    const rows: Uint8Array[][] = [];
    for (let next = readRow(data, at); next !== undefined; next = readRow(data, at)) {
      at = next.end;
      if (next.row.length > 0) rows.push(next.row);
    }
    rest = data.subarray(at);
    if (rows.length > 0) yield rows;
  }
}

/** One row, when all of it is there. The trailer is a row without columns. */
function readRow(data: Buffer, from: number): { row: Uint8Array[]; end: number } | undefined {
  if (from + 2 > data.length) return undefined;
  const columns = data.readInt16BE(from);
  let at = from + 2;
  const row: Uint8Array[] = [];
  for (let i = 0; i < columns; i++) {
    if (at + 4 > data.length) return undefined;
    const length = data.readInt32BE(at);
    at += 4;
    if (length <= 0) {
      row.push(NONE);
      continue;
    }
    if (at + length > data.length) return undefined;
    row.push(data.subarray(at, at + length));
    at += length;
  }
  return { row, end: at };
}

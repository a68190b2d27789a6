// COPY into a table from rows of text. postgres.js 3.4.9 neither rejects nor finishes a COPY that the server refuses, so
// a deadline ends the client; callers pass a dedicated one and never a pooled one.
import { once } from 'node:events';
import type { Sql } from './database.ts';

/** Characters gathered before a chunk is handed to the socket. */
const CHUNK = 256 * 1024;

/** The server refused a COPY, or did not take it in time. The client it ran on is closed. */
export class CopyFault extends Error {}

/**
 * Sends rows to `copy … from stdin`.
 * @param sql a dedicated client
 * @param statement the COPY statement, text format
 * @param rows lines in COPY text format, without the newline
 * @param idleMs longest wait for the server between two chunks and at the end
 * @returns how many rows were sent
 * @throws CopyFault
 */
export async function copyIn(
  sql: Sql,
  statement: string,
  rows: Iterable<string> | AsyncIterable<string>,
  idleMs = 60_000,
): Promise<number> {
  const stream = await sql.unsafe(statement).writable();
  let failure: unknown;
  stream.on('error', (error) => {
    failure = error;
  });
  const inTime = async (what: Promise<unknown>): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, fail) => {
      timer = setTimeout(() => fail(new CopyFault('the database did not take the rows')), idleMs);
    });
    try {
      await Promise.race([what, late]);
    } finally {
      clearTimeout(timer);
    }
  };
  let sent = 0;
  let pending = '';
  try {
    for await (const row of rows) {
      pending += `${row}\n`;
      sent++;
      if (pending.length < CHUNK) continue;
      const room = stream.write(pending);
      pending = '';
      if (failure !== undefined) throw new CopyFault(String(failure));
      if (!room) await inTime(once(stream, 'drain'));
    }
    const finished = once(stream, 'finish');
    stream.end(pending);
    await inTime(finished);
  } catch (error) {
    await sql.end({ timeout: 0 });
    throw error;
  }
  return sent;
}

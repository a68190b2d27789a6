// COPY into a table from rows of text. What the server refuses it says at once (docs/decisions/014-driver-patches.md has a part in it). A server
// that says nothing has a deadline, which ends the client: callers pass a dedicated one and never a pooled one.
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Queryable, Sql } from './database.ts';

/** Characters gathered before a chunk is handed to the socket. */
const CHUNK = 256 * 1024;

/**
 * The server refused a COPY, or did not take it in time: then the client it ran on is closed. `code`: the server's, or the system's. What
 * the server said stays with `cause`: it quotes the rows.
 */
export class CopyFault extends Error {
  readonly code: string | undefined;
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    this.code = typeof code === 'string' ? code : undefined;
  }
}

export type Copy = {
  /**
   * One row in COPY text format, without the newline, or bytes as they go out. A promise when the server must catch up
   * first: await it.
   */
  write(row: string | Buffer): Promise<void> | undefined;
  /** Sends bytes as they go out, and is done when they have: then their memory may be used for something else. */
  sent(bytes: Buffer): Promise<void>;
  /** Ends the COPY; returns how many rows were sent. */
  end(): Promise<number>;
};

/**
 * Opens `copy … from stdin` (text format) on a dedicated client.
 * @param idleMs longest wait for the server between two chunks and at the end
 * @param on the transaction of `sql.begin` within which it runs, if any
 */
export async function openCopy(sql: Sql, statement: string, idleMs = 60_000, on: Queryable = sql): Promise<Copy> {
  const stream = await on.unsafe(statement).writable();
  let failure: unknown;
  let pending = '';
  let sent = 0;
  /** of all who write meanwhile: each listener of its own would be one more on a stream that the server holds up */
  let drained: Promise<unknown> | undefined;
  stream.on('error', (error) => {
    failure = error;
  });
  const refusal = (error: unknown) => new CopyFault('the database refused the rows', error);
  const inTime = async (what: Promise<unknown>): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, fail) => {
      timer = setTimeout(() => {
        fail(new CopyFault('the database did not take the rows'));
        void sql.end({ timeout: 0 });
      }, idleMs);
    });
    try {
      await Promise.race([what, late]);
    } catch (error) {
      throw error instanceof CopyFault ? error : refusal(failure ?? error);
    } finally {
      clearTimeout(timer);
    }
    if (failure !== undefined) throw refusal(failure);
  };
  return {
    write(row) {
      if (typeof row === 'string') {
        pending += `${row}\n`;
        sent++;
        if (pending.length < CHUNK) return undefined;
      }
      const room = stream.write(typeof row === 'string' ? pending : row);
      if (typeof row === 'string') pending = '';
      if (room && failure === undefined) return undefined;
      if (failure !== undefined) return inTime(Promise.resolve());
      drained ??= once(stream, 'drain').finally(() => {
        drained = undefined;
      });
      return inTime(drained);
    },
    sent: (bytes) =>
      inTime(
        new Promise<void>((done, fail) => {
          stream.write(bytes, (error) => (error ? fail(error) : done()));
        }),
      ),
    async end() {
      // a stream that was refused already neither ends nor fails once more
      await inTime(failure === undefined ? ended(stream, pending) : Promise.resolve());
      return sent;
    },
  };
}

function ended(stream: Writable, rest: string): Promise<unknown> {
  const finished = once(stream, 'finish');
  stream.end(rest);
  return finished;
}

/**
 * Sends finished bytes to one COPY. Faults as {@link openCopy}.
 * @param client dedicated
 * @param on the transaction of `client.begin` within which it runs, if any
 */
export async function copyBytes(
  client: Sql,
  statement: string,
  chunks: Iterable<Buffer>,
  on: Queryable = client,
): Promise<void> {
  const into = await openCopy(client, statement, 60_000, on);
  for (const chunk of chunks) {
    const full = into.write(chunk);
    if (full) await full;
  }
  await into.end();
}

/** Sends all rows to one COPY. Parameters and faults as {@link openCopy}. */
export async function copyIn(
  sql: Sql,
  statement: string,
  rows: Iterable<string> | AsyncIterable<string>,
  idleMs = 60_000,
): Promise<number> {
  const into = await openCopy(sql, statement, idleMs);
  for await (const row of rows) {
    const full = into.write(row);
    if (full) await full;
  }
  return into.end();
}

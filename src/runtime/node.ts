// The Node runtime: database pool, files, keys, log and metrics. Only src/runtime/ knows which runtime it is.
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync, openSync } from 'node:fs';
import { open, readdir, rename, rm, rmdir, stat, statfs } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { dirname, join, relative, resolve } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import postgres, { type Sql } from 'postgres';
import type { Blobs, Log, LogLevel } from '../deps.ts';
import type { Database } from '../store/database.ts';
import { RAW_PAGES, type RawPages, RUN_RAW } from '../store/raw-rows.ts';
import { ARRAY_TYPES } from './array-types.ts';
import { type Intake, messageSocket, type Take } from './postgres-socket.ts';
import { type Channel, type Connection, type StatementLine, statementLine } from './statement-line.ts';
import { statementLines } from './statement-lines.ts';

const LEVELS: Record<LogLevel | 'silent', number> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };

/** Log lines as JSON to a stream (standard error by default). Warnings and errors do not wait, see {@link gathered}. */
export function jsonLog(
  level: LogLevel | 'silent',
  write: (line: string, now: boolean) => void = gathered((text) => process.stderr.write(text)),
): Log {
  return (at, event, fields = {}) => {
    if (LEVELS[at] < LEVELS[level]) return;
    let line = `{"time":"${new Date().toISOString()}","level":"${at}","event":${JSON.stringify(event)}`;
    for (const name in fields) {
      const value: string | undefined = JSON.stringify(fields[name]);
      if (value !== undefined) line += `,"${name}":${value}`;
    }
    write(`${line}}\n`, LEVELS[at] >= LEVELS.warn);
  };
}

const GATHER_MS = 20;
const GATHER_LENGTH = 64 * 1024;

/** Lines written together, at most 20 milliseconds late: a write for each costs a busy server a tenth of its time. */
export function gathered(write: (text: string) => void): (line: string, now: boolean) => void {
  let held = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    const text = held;
    held = '';
    if (text !== '') write(text);
  };
  process.once('exit', flush);
  return (line, now) => {
    held += line;
    if (now || held.length > GATHER_LENGTH) flush();
    else timer ??= setTimeout(flush, GATHER_MS).unref();
  };
}

type Address = { path?: string | false; host: string[]; port: number[] };

/**
 * A TCP connection without Nagle's delay: postgres.js writes the end of a COPY as a packet of its own, which would wait 40
 * milliseconds for the server's acknowledgement. With several hosts, TLS or a
 * Unix socket the driver connects by itself.
 *
 * The socket is handed over before it is connected: were it a promise that fails, the driver would never take that connection
 * of the pool up again, and a database that was away for seconds would be away for ever.
 */
function withoutDelay(url: string, intake?: Intake): { socket?: (address: Address) => Socket } {
  if (!isPlain(url)) return {};
  return {
    socket: ({ host, port }) => messageSocket({ host: host[0] ?? 'localhost', port: port[0] ?? 5432 }, intake),
  };
}

/** One server over TCP without TLS. */
function isPlain(url: string): boolean {
  const { host, searchParams } = new URL(url);
  return !host.includes(',') && host !== '' && !searchParams.has('sslmode') && !searchParams.has('ssl');
}

/**
 * A pool. `role` is set on every connection (the directory runs as a role that can read its own schema only);
 * `statementTimeoutMs` bounds each statement. `keepsPlans`: a prepared statement is planned once for all values; who uses it
 * looks at what that costs (src/store/search-plans.ts). Otherwise the server guesses, and plans many of ours each time. Nor does
 * a statement of such a pool take more than one of the server's processes: one reader must not hold back the others. `alone`: that
 * much only, building indexes too, for work that nobody waits for. `lines`: so many connections more, and one for short statements,
 * for rows that are taken as bytes (src/store/raw-rows.ts); the driver has so many more
 * where it connects by itself. `silentMs`: one of `lines` that is silent for so long is given up, by default five seconds longer than a
 * statement may take.
 */
export function openDatabase(
  url: string,
  options: {
    max?: number;
    role?: string;
    statementTimeoutMs?: number;
    name?: string;
    keepsPlans?: boolean;
    alone?: boolean;
    lines?: number;
    silentMs?: number;
  } = {},
): Database & { close(): Promise<void> } {
  const name = options.name ?? 'payer-node';
  const open = (max: number, application: string, intake?: Intake): Sql =>
    postgres(url, {
      max,
      // the driver would ask each new connection for its types, and were that connection lost, nobody would catch it: the process would end
      fetch_types: false,
      types: ARRAY_TYPES,
      onnotice: () => {},
      idle_timeout: max === 1 ? 0 : 300,
      // the driver ends a connection between half an hour and an hour after it began: one of its own has a transaction or a lock on it
      ...(max === 1 ? { max_lifetime: null } : {}),
      connect_timeout: 15,
      // seconds until the next try; the driver's own pauses grow to twenty
      backoff: (tries: number) => Math.min(2, 0.05 * 2 ** tries),
      ...(withoutDelay(url, intake) as object),
      connection: {
        application_name: application,
        ...(options.role === undefined ? {} : { role: options.role }),
        ...(options.statementTimeoutMs === undefined ? {} : { statement_timeout: String(options.statementTimeoutMs) }),
        ...(options.keepsPlans === true
          ? { plan_cache_mode: 'force_generic_plan', max_parallel_workers_per_gather: '0', enable_hashagg: 'off' }
          : {}),
        ...(options.alone === true
          ? { max_parallel_workers_per_gather: '0', max_parallel_maintenance_workers: '0' }
          : {}),
      } as Record<string, string>,
    });
  const { statementTimeoutMs: timeoutMs } = options;
  const silentMs = options.silentMs ?? (timeoutMs === undefined ? undefined : timeoutMs + GRACE_MS);
  const further = isPlain(url) ? 0 : (options.lines ?? 0);
  const sql = open((options.max ?? 10) + further, name);
  const lines =
    options.lines === undefined || further > 0
      ? undefined
      : statementLines(() => lineBy((intake) => open(1, name, intake), silentMs), options.lines);
  if (lines) Object.assign(sql, { [RUN_RAW]: lines.run });
  return {
    sql,
    dedicated: (use) => {
      if (use !== 'pages') return open(1, `${name} ${use}`);
      const pages = (intake?: Intake) => open(1, `${name} export`, intake);
      return isPlain(url) ? inTurns(pages) : pages();
    },
    close: async () => {
      await Promise.all([sql.end({ timeout: 5 }), lines?.close()]);
    },
  };
}

/** Beyond the time that the server lets a statement run: its answer is on its way by then. */
const GRACE_MS = 5000;

/** A line over a connection that the driver opens, which then has nothing more to do with it until it ends. */
function lineBy(open: (intake: Intake) => Sql, silentMs: number | undefined): StatementLine {
  const intake: Intake = {};
  const sql = open(intake);
  const connection: Connection = {
    async open(): Promise<Channel> {
      intake.take = undefined;
      await sql.unsafe('select 1');
      const { socket } = intake;
      if (socket === undefined) throw new Error('A connection has a socket.');
      return {
        socket,
        take: (take: Take) => {
          intake.take = take;
        },
      };
    },
    abandon: (error: Error) => void intake.socket?.destroy(error),
    close: () => sql.end({ timeout: 5 }),
  };
  return statementLine(connection, silentMs);
}

/** A client of one connection, on which the driver and a line take turns: what the one asks is answered before the other asks. */
function inTurns(open: (intake: Intake) => Sql): Sql {
  const intake: Intake = {};
  const sql = open(intake);
  let ours: Take | undefined;
  const line = statementLine({
    async open(): Promise<Channel> {
      const { socket } = intake;
      if (socket === undefined) throw new Error('A transaction has a connection.');
      return {
        socket,
        take: (take: Take) => {
          ours = take;
          intake.take = take;
        },
      };
    },
    abandon: (error: Error) => void intake.socket?.destroy(error),
    close: async () => {},
  });
  const pages: RawPages = async function* (text, values, first, bytes) {
    const each = line.pages(text, values, first, bytes);
    const next = async () => {
      intake.take = ours;
      try {
        return await each.next();
      } finally {
        intake.take = undefined;
      }
    };
    for (let page = await next(); page.done !== true; page = await next()) yield page.value;
  };
  return Object.assign(sql, { [RAW_PAGES]: pages });
}

/** Leaves failures of these codes alone, and throws others. */
const unless =
  (...codes: string[]) =>
  (error: NodeJS.ErrnoException): undefined => {
    if (!codes.includes(error.code ?? '')) throw error;
  };

/** A new file and its folder, which somebody who empties it may have removed meanwhile. `made`: the first folder that was not there. */
function openIn(path: string): { fd: number; made: string | undefined } {
  const make = () => {
    const made = mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return { fd: openSync(path, 'wx', 0o600), made };
  };
  try {
    return make();
  } catch (error) {
    unless('ENOENT')(error as NodeJS.ErrnoException);
    return make();
  }
}

/**
 * Brings to the disk what a folder lists: a file that was synced under a name that was not is gone when the power is. Who comes while one is
 * at it shares the next one. A folder that was removed meanwhile lists nothing.
 */
function folderSync(): (folder: string) => Promise<void> {
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();
  const sync = async (folder: string): Promise<void> => {
    const handle = await open(folder, 'r').catch(unless('ENOENT'));
    if (!handle) return;
    try {
      // there are file systems that have no such thing
      await handle.sync().catch(unless('EINVAL', 'ENOTSUP'));
    } finally {
      await handle.close();
    }
  };
  const run = (folder: string): Promise<void> => {
    const one = sync(folder).finally(() => running.delete(folder));
    running.set(folder, one);
    return one;
  };
  return (folder) => {
    const before = running.get(folder);
    if (before === undefined) return run(folder);
    const shared = waiting.get(folder);
    if (shared !== undefined) return shared;
    const next = before
      .catch(() => {})
      .then(() => {
        waiting.delete(folder);
        return run(folder);
      });
    waiting.set(folder, next);
    return next;
  };
}

/** Opened when its first byte is asked for: of those who ask for a file many are gone by then, and nobody would close it. */
async function* read(path: string, range?: { start: number; end?: number }): AsyncGenerator<Uint8Array, void, void> {
  const { start, end } = { start: 0, ...range };
  try {
    yield* createReadStream(path, { start, ...(end === undefined ? {} : { end: end - 1 }) });
  } catch (error) {
    // without its path, which may reach who asked
    throw Object.assign(new Error('A stored file cannot be read.'), { code: (error as NodeJS.ErrnoException).code });
  }
}

/** Blobs as files under a folder; a folder is there as long as it holds something. */
export function fileBlobs(folder: string): Blobs {
  const root = resolve(folder);
  const toDisk = folderSync();
  const place = (key: string): string => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(key) || key.includes('..')) throw new Error('bad blob key');
    return join(root, key);
  };
  const removeEmpty = async (dir: string): Promise<void> => {
    if (dir !== root) await rmdir(dir).catch(unless('ENOTEMPTY', 'EEXIST', 'ENOENT'));
  };
  return {
    async put(key, source) {
      const to = place(key);
      const part = `${to}.${randomUUID()}.part`;
      // at once: what comes from the network must not wait, or a connection that is cut takes it along
      const { fd, made } = openIn(part);
      const hash = createHash('sha256');
      let bytes = 0;
      const tap = new Transform({
        transform(chunk: Uint8Array, _encoding, done) {
          hash.update(chunk);
          bytes += chunk.length;
          done(null, chunk);
        },
      });
      try {
        await pipeline(Readable.from(source, { objectMode: false }), tap, createWriteStream(part, { fd, flush: true }));
        await rename(part, to);
        await Promise.all([toDisk(dirname(to)), made === undefined ? undefined : toDisk(dirname(made))]);
      } catch (error) {
        await rm(part, { force: true });
        await removeEmpty(dirname(to));
        throw error;
      }
      return { bytes, sha256: hash.digest('hex') };
    },
    async get(key, range) {
      const from = place(key);
      // what cannot be opened is told now, and not in the midst of an answer
      const handle = await open(from, 'r').catch(unless('ENOENT', 'ENOTDIR'));
      await handle?.close();
      return handle && read(from, range);
    },
    async size(key) {
      try {
        return (await stat(place(key))).size;
      } catch {
        return undefined;
      }
    },
    async list(folder) {
      const from = place(folder.replace(/\/$/, ''));
      if (!existsSync(from)) return [];
      const found = await readdir(from, { recursive: true, withFileTypes: true });
      return found.filter((e) => e.isFile()).map((e) => relative(root, join(e.parentPath, e.name)));
    },
    async delete(key) {
      await rm(place(key), { force: true });
      await removeEmpty(dirname(place(key)));
    },
    async room() {
      mkdirSync(root, { recursive: true, mode: 0o700 });
      const { bavail, bsize } = await statfs(root);
      return bavail * bsize;
    },
  };
}

export { fileKeys, makeKey, withdrawKeys } from './key-files.ts';

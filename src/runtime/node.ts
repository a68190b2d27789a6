// The Node runtime: database pool, keys, log and metrics. Only src/runtime/ knows which runtime it is.
import type { Socket } from 'node:net';
import type { Sql } from 'postgres';
import { type Database, SESSION } from '../db/database.ts';
import { clientOf, socketFolder } from '../db/database-address.ts';
import { type Intake, messageSocket, plainSocket, type Take } from '../db/postgres-socket.ts';
import { KEEPS_PLANS, RAW_PAGES, type RawPages, RUN_RAW } from '../db/raw-rows.ts';
import { type Channel, type Connection, type StatementLine, statementLine } from '../db/statement-line.ts';
import { statementLines } from '../db/statement-lines.ts';
import type { Log, LogLevel } from '../deps.ts';
import { ARRAY_TYPES } from './array-types.ts';
import { lentClients } from './client-pool.ts';

const LEVELS: Record<LogLevel | 'silent', number> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };

/** What JSON lets pass and a terminal obeys: it may turn what is read around, begin a new line, or is not seen. */
const UNSEEN = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;
const UNSEEN_ALL = new RegExp(UNSEEN, 'g');
const escaped = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;

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
    if (UNSEEN.test(line)) line = line.replaceAll(UNSEEN_ALL, escaped);
    write(`${line}}\n`, LEVELS[at] >= LEVELS.warn);
  };
}

/** Log lines for a person at a terminal: time of day, level, event, then the fields as `name=value`. Written at once. */
export function textLog(
  level: LogLevel | 'silent',
  write: (line: string) => void = (text) => process.stderr.write(text),
): Log {
  return (at, event, fields = {}) => {
    if (LEVELS[at] < LEVELS[level]) return;
    const given = Object.entries(fields).filter(([, value]) => value !== undefined);
    const parts = given.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
    const line = [new Date().toISOString().slice(11, 19), at.padEnd(5), event, ...parts].join(' ');
    write(`${line.replaceAll(/\p{Cc}/gu, ' ').replaceAll(UNSEEN_ALL, escaped)}\n`);
  };
}

/** The log of a process: JSON lines for programs, plain lines on a terminal; `LOG` decides otherwise. */
export const processLog = ({
  logLevel,
  log,
}: {
  logLevel: LogLevel | 'silent';
  log: 'json' | 'text' | undefined;
}): Log => ((log ?? (process.stderr.isTTY ? 'text' : 'json')) === 'text' ? textLog(logLevel) : jsonLog(logLevel));

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
 * The socket of one server without TLS; with several hosts or TLS the driver connects by itself. It is handed over before it is connected:
 * were it a promise that fails, the driver would never take that connection of the pool up again, and a database that was away for
 * seconds would be away for ever.
 */
function socketOf(url: string, intake?: Intake): { socket?: (address: Address) => Socket } {
  if (!isPlain(url)) return {};
  return {
    socket: ({ path, host, port }) => {
      const to = path ? { path } : { host: host[0] ?? 'localhost', port: port[0] ?? 5432 };
      return intake === undefined ? plainSocket(to) : messageSocket(to, intake);
    },
  };
}

/** One server without TLS. */
function isPlain(url: string): boolean {
  if (socketFolder(url) !== undefined) return true;
  const [, host = '', query = ''] = /^[a-z]+:\/\/(?:[^/?#]*@)?([^/?#]*)[^?]*\??(.*)/is.exec(url) ?? [];
  const asked = new URLSearchParams(query);
  const hosts = asked.get('host') ?? host;
  return !hosts.includes(',') && hosts !== '' && !asked.has('sslmode') && !asked.has('ssl');
}

/** Seconds for which the connection of a client that is lent stays when no one has it. */
const RESTS_FOR = 10;

/**
 * A pool. `role` is set on every connection (the directory runs as a role that can read its own schema only);
 * `statementTimeoutMs` bounds each statement. `keepsPlans`: a prepared statement is planned once for all values; who uses it
 * looks at what that costs (src/db/search-plans.ts). Otherwise the server guesses, and plans many of ours each time. Nor does
 * a statement of such a pool take more than one of the server's processes: one reader must not hold back the others. `alone`: that
 * much only, building indexes too, for work that no one waits for. `lines`: so many connections more, and one for short statements,
 * for rows that are taken as bytes (src/db/raw-rows.ts); the driver has so many more
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
  const open = (max: number, application: string, intake?: Intake, isLent = false): Sql =>
    clientOf(url, {
      max,
      // the driver would ask each new connection for its types, and were that connection lost, no one would catch it: the process would end
      fetch_types: false,
      types: ARRAY_TYPES,
      onnotice: () => {},
      idle_timeout: isLent ? RESTS_FOR : max === 1 ? 0 : 300,
      // the driver ends a connection between half an hour and an hour after it began: one of its own has a transaction or a lock on it
      ...(max === 1 ? { max_lifetime: null } : {}),
      connect_timeout: 15,
      // seconds until the next try; the driver's own pauses grow to twenty
      backoff: (tries: number) => Math.min(2, 0.05 * 2 ** tries),
      ...(socketOf(url, intake) as object),
      connection: {
        ...SESSION,
        application_name: application,
        ...(options.role === undefined ? {} : { role: options.role }),
        ...(options.statementTimeoutMs === undefined ? {} : { statement_timeout: String(options.statementTimeoutMs) }),
        ...(options.keepsPlans === true
          ? { plan_cache_mode: 'force_generic_plan', max_parallel_workers_per_gather: '0', enable_hashagg: 'off' }
          : {}),
        // what one asked of a small table says nothing of what the next asks of a large one
        ...(isLent ? { plan_cache_mode: 'force_custom_plan' } : {}),
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
  const lent = lentClients(() => open(1, `${name} copy`, undefined, true));
  if (options.keepsPlans === true) Object.assign(sql, { [KEEPS_PLANS]: true });
  if (lines) Object.assign(sql, { [RUN_RAW]: lines.run });
  return {
    sql,
    dedicated: (use) => {
      if (use !== 'pages') return open(1, `${name} ${use}`);
      const pages = (intake?: Intake) => open(1, `${name} export`, intake);
      return isPlain(url) ? inTurns(pages) : pages();
    },
    lend: lent.lend,
    close: async () => {
      await Promise.all([sql.end({ timeout: 5 }), lines?.close(), lent.close()]);
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
        cancel: () => intake.cancel?.(),
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

export { fileBlobs } from './file-blobs.ts';
export { fileKeys, makeKey, withdrawKeys } from './key-files.ts';

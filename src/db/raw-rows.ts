// Rows as the bytes that the database sent, in memory that is used again. Where the runtime has connections for it they come as
// they are (src/db/statement-line.ts), elsewhere from the driver, which has made an object of each column.
import type { Queryable, Sql } from './database.ts';
import { deadlineOf, endOf, type RequestDeadline } from './request-deadline.ts';
import { MOST_KEPT } from './search-plans.ts';

export type RawRows = {
  length: number;
  columns: number;
  /** null where there is no value */
  text(row: number, column: number): string | null;
  /** empty where there is no value */
  bytes(row: number, column: number): Buffer<ArrayBuffer>;
};

/**
 * How a statement is run. `prepare`: it is kept and planned once for all values, otherwise with these. `short`: one look into one index, and no more rows than a page has, whatever is asked. `deadline`: that it is a
 * part of, as its client says.
 */
export type RawOptions = { prepare: boolean; short?: boolean; deadline?: RequestDeadline };

export type RunRaw = (text: string, values: readonly string[], options: RawOptions) => Promise<RawRows>;

/** Under this name a client has the connections that give rows as bytes. */
export const RUN_RAW = Symbol('run raw');

export type RawPages = (
  text: string,
  values: readonly (string | null)[],
  first: number,
  bytes: number,
) => AsyncIterable<RawRows>;

/** Under this name a client of one connection gives the rows of a statement as bytes, in pages, to the holder of a transaction on it. */
export const RAW_PAGES = Symbol('raw pages');

/** Under this name a client says that its session plans without values, also what is not prepared. */
export const KEEPS_PLANS = Symbol('keeps plans');

/**
 * Statements behind it in its transaction are planned with their values: where a session says `force_generic_plan`, not preparing them does
 * not do that. It has no rows. https://www.postgresql.org/docs/current/runtime-config-query.html#GUC-PLAN-CACHE-MODE
 */
export const PLAN_WITH_VALUES = `select 1 from set_config('plan_cache_mode', 'force_custom_plan', true) mode where mode = ''`;

const EMPTY = Buffer.alloc(0);

/**
 * Copies what lies in memory that will hold something else.
 * @param places of each column of each row where it begins and where it ends, both from `begin` on; -1 without a value
 */
export function rowsOf(
  memory: Uint8Array,
  begin: number,
  end: number,
  places: readonly number[],
  length: number,
): RawRows {
  const bytes = Buffer.from(memory.subarray(begin, end));
  const width = length === 0 ? 0 : places.length / length;
  return {
    length,
    columns: width / 2,
    text(row, column) {
      const at = row * width + 2 * column;
      const from = places[at] ?? -1;
      return from === -1 ? null : bytes.toString('utf8', from, places[at + 1]);
    },
    bytes(row, column) {
      const at = row * width + 2 * column;
      const from = places[at] ?? -1;
      return from === -1 ? EMPTY : bytes.subarray(from, places[at + 1]);
    },
  };
}

/**
 * Runs a statement, and gives its columns as text, in UTF-8.
 * @throws Outcome when the request deadline of this client is over
 */
export function rawRows(
  sql: Queryable,
  text: string,
  values: readonly string[],
  options: RawOptions,
): Promise<RawRows> {
  const run = (sql as { [RUN_RAW]?: RunRaw })[RUN_RAW] ?? ((...asked) => byDriver(sql, ...asked));
  const deadline = deadlineOf(sql);
  if (deadline === undefined) return run(text, values, options);
  const end = endOf(deadline);
  return end === undefined ? run(text, values, { ...options, deadline }) : Promise.reject(end);
}

/** The transaction of a client, with what the client can do. */
export const withPages = <T extends Queryable>(client: Queryable, tx: T): T =>
  Object.assign(tx, { [RAW_PAGES]: (client as { [RAW_PAGES]?: RawPages })[RAW_PAGES] });

/** Of so many bytes a page is about: memory that is used again holds one (src/db/postgres-socket.ts). */
const PAGE_BYTES = 192 * 1024;

/**
 * The rows of a statement in pages, prepared: within a transaction in which nothing else is asked meanwhile, or of a client that gives
 * each statement a connection.
 * @param first rows of the first page; further ones have as many as their bytes allow, where the runtime counts them
 */
export function rawPages(
  tx: Queryable,
  text: string,
  values: readonly (string | null)[],
  first: number,
): AsyncIterable<RawRows> {
  const pages = (tx as { [RAW_PAGES]?: RawPages })[RAW_PAGES];
  return pages === undefined ? pagesByDriver(tx, text, values, first) : pages(text, values, first, PAGE_BYTES);
}

async function* pagesByDriver(
  tx: Queryable,
  text: string,
  values: readonly (string | null)[],
  most: number,
): AsyncGenerator<RawRows, void, void> {
  const pages = tx
    .unsafe(text, [...values], { prepare: true })
    .raw()
    .cursor(most) as unknown as AsyncIterable<(Uint8Array | null)[][]>;
  for await (const rows of pages) yield ofDriver(rows);
}

/** No connection of the driver lives longer, and it closes no statement before. */
const LIFE_MS = 60 * 60_000;
const driven = new WeakMap<Queryable, { texts: Set<string>; since: number }>();

/** Is the driver to keep it? Of each client the first so many of an hour. */
function keeps(sql: Queryable, text: string): boolean {
  const now = performance.now();
  const known = driven.get(sql);
  const kept = known !== undefined && now - known.since <= LIFE_MS ? known : { texts: new Set<string>(), since: now };
  if (kept !== known) driven.set(sql, kept);
  if (kept.texts.size < MOST_KEPT) kept.texts.add(text);
  return kept.texts.has(text);
}

/** A transaction plans as what began it does. */
const keepsPlans = (sql: Queryable): sql is Sql => (sql as { [KEEPS_PLANS]?: boolean })[KEEPS_PLANS] === true;

/** Both are on their way before the first is answered. */
async function afterMode<T>(tx: Queryable, ask: (client: Queryable) => PromiseLike<T>): Promise<T> {
  const [, rows] = await Promise.all([tx.unsafe(PLAN_WITH_VALUES), ask(tx)]);
  return rows;
}

async function byDriver(
  sql: Queryable,
  text: string,
  values: readonly string[],
  { prepare, deadline }: RawOptions,
): Promise<RawRows> {
  const began = performance.now();
  try {
    const ask = (client: Queryable) => client.unsafe(text, [...values], { prepare: prepare && keeps(sql, text) }).raw();
    const rows = await (prepare || !keepsPlans(sql) ? ask(sql) : sql.begin((tx) => afterMode(tx, ask)));
    return ofDriver(rows as unknown as (Uint8Array | null)[][]);
  } finally {
    if (deadline !== undefined) deadline.took += performance.now() - began;
  }
}

function ofDriver(rows: readonly (Uint8Array | null)[][]): RawRows {
  const places: number[] = [];
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const row of rows)
    for (const column of row)
      if (column === null) places.push(-1, -1);
      else {
        parts.push(column);
        places.push(at, at + column.length);
        at += column.length;
      }
  return rowsOf(Buffer.concat(parts, at), 0, at, places, rows.length);
}

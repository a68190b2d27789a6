// The database as the stores see it. One pool per service on Node, one client per request on Workers.
import type { Sql, TransactionSql } from 'postgres';

export type { Sql };
/** A client or a transaction: every statement takes either. */
export type Queryable = Sql | TransactionSql;

export type Database = {
  /** The postgres.js client. Statements are cached by their text. */
  sql: Sql;
  /**
   * A client of its own with one connection, for COPY and for cursors that outlive a request. postgres.js hangs when a
   * COPY is left early on a pooled connection; this one can be ended at once. `use` shows in its application name: an
   * export waits for writers, but not for other exports or for the staging of rows. `pages`: an export that reads rows in pages
   * (raw-rows.ts), into memory that is used again, where a COPY would find its rows overwritten.
   */
  dedicated(use: 'copy' | 'export' | 'pages' | 'work'): Sql;
  /**
   * Lends such clients for COPY and cursors: to open one costs both sides more than a small pull asks of it, and what its server's process knows
   * of the tables would go with it. When `work` has ended they rest for who comes next; when it fails they are ended, whatever they were in
   * the midst of. Nothing may be set on them, and no table of the session made, that who comes next must not find.
   */
  lend: <T>(count: number, work: (clients: readonly [Sql, ...Sql[]]) => Promise<T>) => Promise<T>;
};

/** One client, of {@link Database.lend}. */
export const lendOne = <T>(database: Pick<Database, 'lend'>, work: (client: Sql) => Promise<T>): Promise<T> =>
  database.lend(1, ([client]) => work(client));

/** The database whose statements go through another form of its client. It is made for each search: a getter would be a shape of its own each time. */
export const viewOf = (database: Database, view: (sql: Sql) => Sql): Database => ({
  sql: view(database.sql),
  dedicated: (use) => database.dedicated(use),
  lend: database.lend,
});

/** Escapes one field of COPY text format. */
export function copyField(value: string | number | bigint | boolean | null | undefined): string {
  if (value === null || value === undefined) return '\\N';
  if (typeof value !== 'string') return String(value);
  return /[\\\t\n\r]/.test(value)
    ? value.replace(/[\\\t\n\r]/g, (c) => (c === '\\' ? '\\\\' : c === '\t' ? '\\t' : c === '\n' ? '\\n' : '\\r'))
    : value;
}

/**
 * A text[] literal, for COPY text format (before {@link copyField}) and for parameters: the driver writes lists itself only where it
 * has asked the server for types, which a Worker does not.
 */
export function arrayLiteral(values: readonly (string | number | null)[]): string {
  return `{${values
    .map((v) => (v === null ? 'NULL' : typeof v === 'number' ? String(v) : `"${v.replace(/[\\"]/g, '\\$&')}"`))
    .join(',')}}`;
}

/**
 * Set on every connection of a node, whatever the server's own defaults are: what the statements here were written and measured with.
 * Compiling (`jit`) takes longer than they do, a second and more for some; disks are no longer four times slower when they are read here
 * and there; what is held of many members is looked up in memory, where there is room for it, and else line by line. A server that ends
 * what takes long, or anyone who waits between two statements, would end exports, pulls and migrations. Days and instants are written for UTC.
 */
export const SESSION: Readonly<Record<string, string>> = {
  jit: 'off',
  random_page_cost: '1.1',
  work_mem: '16MB',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  default_transaction_isolation: 'read committed',
  TimeZone: 'UTC',
  DateStyle: 'ISO',
};

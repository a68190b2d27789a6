// drizzle's query builder on a client of the driver, or on a transaction of one. drizzle's own factory changes how the client reads dates, for
// all its statements; here the client stays as it is, and what drizzle reads in another way is said to drizzle alone.
import { DrizzleQueryError, type EmptyRelations, type SQL, sql } from 'drizzle-orm';
import {
  castToText,
  type PgAsyncPreparedQuery,
  type PgColumn,
  PgDialect,
  type PreparedQueryConfig,
  refineGenericPgCodecs,
} from 'drizzle-orm/pg-core';
import { PostgresJsDatabase, PostgresJsSession, postgresJsCodecs } from 'drizzle-orm/postgres-js';
import type { Sql } from 'postgres';
import { arrayLiteral, type Queryable } from './database.ts';

/**
 * As the driver gives them: instants as `Date`. Days are read as text: the driver has no day without a time. JSON is sent as text: the driver takes
 * what a value is for its type.
 */
const codecs = refineGenericPgCodecs({
  ...postgresJsCodecs,
  jsonb: {
    ...postgresJsCodecs.jsonb,
    normalizeParam: JSON.stringify,
    castParam: (name) => `${name}::text::jsonb`,
  },
  'date:string': { ...postgresJsCodecs['date:string'], cast: castToText },
});
const dialect = new PgDialect({ codecs });

/** Errors are the driver's, whose codes are judged, and not drizzle's, which have the statement in their message. */
class Session extends PostgresJsSession<Sql, EmptyRelations> {
  override prepareQuery<T extends PreparedQueryConfig>(
    ...args: Parameters<PostgresJsSession<Sql, EmptyRelations>['prepareQuery']>
  ): PgAsyncPreparedQuery<T> {
    const prepared = super.prepareQuery<T>(...args);
    const execute = prepared.execute.bind(prepared);
    prepared.execute = async (values) => {
      try {
        return await execute(values);
      } catch (error) {
        throw error instanceof DrizzleQueryError && error.cause !== undefined ? error.cause : error;
      }
    };
    return prepared;
  }
}

/** Is the column one of many texts? One parameter, however many there are. */
export const isOneOf = (column: PgColumn, values: readonly string[]): SQL =>
  sql`${column} = any(${arrayLiteral(values)}::text[])`;

export type Orm = PostgresJsDatabase;
const known = new WeakMap<object, Orm>();

/** The query builder on `client`. One for each client or transaction, for as long as that lives. */
export function orm(client: Queryable): Orm {
  let found = known.get(client);
  if (found === undefined) {
    found = new PostgresJsDatabase(dialect, new Session(client as Sql, dialect, {}), {});
    known.set(client, found);
  }
  return found;
}

// Column types that the tables share, and a check that a column has one of its values.
import { sql } from 'drizzle-orm';
import { bigint, check, customType, timestamp } from 'drizzle-orm/pg-core';

/** An instant to the microsecond. */
export const instant = () => timestamp({ withTimezone: true });
/** An instant to the millisecond, as FHIR has it. */
export const instantMs = () => timestamp({ precision: 3, withTimezone: true });
/** Counts, sizes and sequence numbers. */
export const int64 = () => bigint({ mode: 'number' });
/** 64-bit hashes, which a JavaScript number cannot represent. */
export const hash64 = () => bigint({ mode: 'string' });
/** Text that sorts by its bytes. */
export const textC = customType<{ data: string }>({ dataType: () => 'text collate "C"' });
/** PostgreSQL's one-byte `"char"`. */
export const oneChar = customType<{ data: string }>({ dataType: () => '"char"' });
export const box = customType<{ data: string }>({ dataType: () => 'box' });
export const polygon = customType<{ data: string }>({ dataType: () => 'polygon' });
export const int4multirange = customType<{ data: string }>({ dataType: () => 'int4multirange' });
/** The number of a transaction. */
export const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' });

/** A check that a column has one of the values of its type, `text({ enum })`. */
export function oneOf(name: string, column: { name: string }) {
  // where a table's constraints are made, drizzle has the values in the configuration of its column alone
  const { config } = column as { name: string; config?: { enumValues?: readonly string[] } };
  const values = config?.enumValues ?? [];
  if (values.length === 0) throw new Error(`The column ${column.name} names no values.`);
  return check(name, sql.raw(`${column.name} in (${values.map((value) => `'${value}'`).join(', ')})`));
}

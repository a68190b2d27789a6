// The typed schema is what a migrated database has.
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { afterAll, expect, test } from 'vitest';
import * as merged from '../../directory/federation/merged-schema.ts';
import * as federation from '../../directory/federation/schema.ts';
import * as directory from '../../directory/schema.ts';
import * as exchange from '../../exchange/schema.ts';
import { freshDb } from '../support/db.ts';

const db = await freshDb();
afterAll(() => db.close());

const described = [directory, merged, federation, exchange]
  .flatMap((module) => Object.values(module) as unknown[])
  .filter((value): value is PgTable => value instanceof PgTable)
  .map((table) => getTableConfig(table));

test('has every table of the database, hash partitions apart, and no other', async () => {
  const tables = await db.sql<{ name: string }[]>`
    select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition and n.nspname in ('directory', 'merged', 'federation', 'exchange')
    order by 1`;
  expect(described.map((table) => `${table.schema}.${table.name}`).sort()).toEqual(tables.map((t) => t.name).sort());
});

test('has their columns in order, with their types', async () => {
  const rows = await db.sql<{ table: string; columns: string[] }[]>`
    select n.nspname || '.' || c.relname as table, array_agg(a.attname || ' ' || replace(format_type(a.atttypid, a.atttypmod), ' without time zone', '')
      || case when a.attnotnull then '' else '?' end order by a.attnum) as columns
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition and n.nspname in ('directory', 'merged', 'federation', 'exchange')
      and a.attnum > 0 and not a.attisdropped
    group by 1`;
  const columns = new Map(rows.map((row) => [row.table, row.columns]));
  for (const table of described) {
    const keys = new Set(table.primaryKeys.flatMap((key) => key.columns.map((column) => column.name)));
    const written = (type: string) => type.replace(' collate "C"', '').replace('timestamp (', 'timestamp(');
    const stated = table.columns.map((column) => {
      const isRequired = column.notNull || column.primary || keys.has(column.name);
      return `${column.name} ${written(column.getSQLType())}${'[]'.repeat(column.dimensions)}${isRequired ? '' : '?'}`;
    });
    expect(stated, `${table.schema}.${table.name}`).toEqual(columns.get(`${table.schema}.${table.name}`));
  }
});

test('partitions the clinical tables by member', async () => {
  const parts = await db.sql`
    select c.relname as name, pg_get_partkeydef(c.oid) as by, count(*)::int as parts
    from pg_class c join pg_inherits i on i.inhparent = c.oid where c.relkind = 'p' group by 1, 2 order by 1`;
  expect(parts).toEqual(
    ['link', 'resource', 'resource_version'].map((name) => ({ name, by: 'HASH (member_id)', parts: 8 })),
  );
});

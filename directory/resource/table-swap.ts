// Rebuilding a table beside the one that is read: a copy without indexes is made and filled, gets its indexes, and takes
// the place of the old one, all in the transaction of the caller. Readers see the old table until that commits, and a
// server with wal_level=minimal writes no log for rows that come into a table of the same transaction.
import type { Sql } from '../../src/db/database.ts';
import { isHeld } from '../../src/db/failure.ts';

/** Ends the names of what stands beside. */
const SUFFIX = '_loading';

export const besideName = (table: string): string => `${table}${SUFFIX}`;

/** Makes an empty copy of a table: columns, storage, options, statistics targets, options of columns and grants, but no indexes. */
export async function createBeside(sql: Sql, schema: string, table: string): Promise<void> {
  const name = `${schema}.${besideName(table)}`;
  await sql.unsafe(`create table ${name} (like ${schema}.${table} including all excluding indexes)`);
  const [options] = await sql.unsafe<{ list: string | null }[]>(
    `select array_to_string(reloptions, ', ') as list from pg_class where oid = '${schema}.${table}'::regclass`,
  );
  const targets = await sql.unsafe<{ text: string }[]>(
    `select format('alter column %I set statistics %s', attname, attstattarget) as text from pg_attribute
     where attrelid = '${schema}.${table}'::regclass and attnum > 0 and not attisdropped and attstattarget >= 0`,
  );
  const given = await sql.unsafe<{ text: string }[]>(
    `select format('alter column %I set (%s)', attname, array_to_string(attoptions, ', ')) as text from pg_attribute
     where attrelid = '${schema}.${table}'::regclass and attnum > 0 and not attisdropped and attoptions is not null`,
  );
  const grants = await sql.unsafe<{ text: string }[]>(
    `select format('grant %s on ${name} to %s', a.privilege_type, case a.grantee when 0 then 'public' else a.grantee::regrole::text end) as text
     from pg_class c, aclexplode(c.relacl) a where c.oid = '${schema}.${table}'::regclass and a.grantee <> c.relowner`,
  );
  if (options?.list) await sql.unsafe(`alter table ${name} set (${options.list})`);
  const columns = [...targets, ...given];
  if (columns.length > 0) await sql.unsafe(`alter table ${name} ${columns.map((t) => t.text).join(', ')}`);
  for (const { text } of grants) await sql.unsafe(text);
}

type Index = { name: string; primary: boolean; definition: string };

async function indexesOf(sql: Sql, schema: string, table: string): Promise<Index[]> {
  return await sql.unsafe<Index[]>(
    `select c.relname as name, i.indisprimary as primary, pg_get_indexdef(c.oid) as definition
     from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = '${schema}.${table}'::regclass
     order by not i.indisprimary, 1`,
  );
}

/** Builds the indexes of the table on its copy. The primary key comes first. */
export async function indexBeside(sql: Sql, schema: string, table: string): Promise<void> {
  for (const { name, definition } of await indexesOf(sql, schema, table))
    await sql.unsafe(
      definition
        .replace(` INDEX ${name} ON `, ` INDEX ${besideName(name)} ON `)
        .replace(` ON ${schema}.${table} `, ` ON ${schema}.${besideName(table)} `),
    );
}

const LOCK_TRIES = 200;

/**
 * Puts the copies in the place of the tables, which are dropped. Readers are kept out for the rest of the transaction;
 * they lock the tables in an order of their own, so a lock that does not come at once is given back and tried again.
 */
export async function swap(sql: Sql, schema: string, tables: readonly string[]): Promise<void> {
  await sql.unsafe(`set local lock_timeout = '100ms'`);
  for (let tries = 1; ; tries++) {
    await sql.unsafe('savepoint swapping');
    try {
      await sql.unsafe(`lock table ${tables.map((t) => `${schema}.${t}`).join(', ')} in access exclusive mode`);
      break;
    } catch (error) {
      await sql.unsafe('rollback to savepoint swapping');
      if (tries === LOCK_TRIES || !isHeld(error)) throw error;
    }
  }
  for (const table of tables) {
    const indexes = await indexesOf(sql, schema, table);
    await sql.unsafe(`drop table ${schema}.${table}`);
    await sql.unsafe(`alter table ${schema}.${besideName(table)} rename to ${table}`);
    for (const { name, primary } of indexes)
      await sql.unsafe(
        primary
          ? `alter table ${schema}.${table} add constraint ${name} primary key using index ${besideName(name)}`
          : `alter index ${schema}.${besideName(name)} rename to ${name}`,
      );
  }
}

// Brings a database to the program's schema, and makes one where there is none. Migrations are folders of drizzle/, generated from the typed
// schema; one after which an older program cannot run starts with the line `-- breaking`.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate as run } from 'drizzle-orm/postgres-js/migrator';
import type { Sql } from 'postgres';
import { SESSION } from './database.ts';
import { clientOf, databaseOf } from './database-address.ts';

const MIGRATE_LOCK = 7_206_003;

export type Plan = {
  /** applied already, by name */
  applied: string[];
  /** what `migrate` would run, in order */
  pending: { name: string; kind: 'safe' | 'breaking' }[];
  /** applied by a newer program */
  unknown: string[];
};

/** The database was migrated by a newer program. */
export class NewerDatabase extends Error {
  constructor(names: string[]) {
    super(`The database is newer than this program (it has ${names.join(', ')}). Install the newer version.`);
    this.name = 'NewerDatabase';
  }
}

/** The database cannot hold what the program writes. */
export class UnfitDatabase extends Error {
  constructor(encoding: string) {
    super(
      `The database has the encoding ${encoding} and needs UTF8: create it with "encoding 'UTF8' template template0".`,
    );
    this.name = 'UnfitDatabase';
  }
}

/** The drizzle/ folder beside the source or beside dist/. */
function migrationsFolder(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  for (let up = 0; up < 5; up++) {
    if (existsSync(join(dir, 'drizzle')) && existsSync(join(dir, 'package.json'))) return join(dir, 'drizzle');
    dir = dirname(dir);
  }
  throw new Error('The folder drizzle/ with the migrations is missing beside the program.');
}

/**
 * What stands between this database and the program. Changes nothing.
 * @throws UnfitDatabase
 */
export async function planMigration(url: string): Promise<Plan> {
  const sql = clientOf(url, { max: 1, onnotice: () => {}, connect_timeout: 10 });
  try {
    const [there] = await sql<
      { name: string | null; encoding: string }[]
    >`select to_regclass('drizzle.__drizzle_migrations')::text as name, current_setting('server_encoding') as encoding`;
    if (there !== undefined && there.encoding !== 'UTF8') throw new UnfitDatabase(there.encoding);
    const applied = there?.name
      ? (await sql<{ name: string }[]>`select name from drizzle.__drizzle_migrations order by name`).map((r) => r.name)
      : [];
    const folder = migrationsFolder();
    const known = readdirSync(folder)
      .filter((name) => existsSync(join(folder, name, 'migration.sql')))
      .sort();
    return {
      applied,
      pending: known
        .filter((name) => !applied.includes(name))
        .map((name) => ({ name, kind: kindOf(join(folder, name)) })),
      unknown: applied.filter((name) => !known.includes(name)),
    };
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function kindOf(folder: string): 'safe' | 'breaking' {
  return readFileSync(join(folder, 'migration.sql'), 'utf8').startsWith('-- breaking') ? 'breaking' : 'safe';
}

/**
 * Migrates. Several processes may call it at once: one works, the others wait.
 * @returns the names that were run
 * @throws NewerDatabase, UnfitDatabase
 */
export async function migrate(url: string): Promise<string[]> {
  const plan = await planMigration(url);
  if (plan.unknown.length > 0) throw new NewerDatabase(plan.unknown);
  if (plan.pending.length === 0) return [];
  // the lock goes with the connection, which the driver would end within the hour
  const sql = clientOf(url, { max: 1, max_lifetime: null, onnotice: () => {}, connection: { ...SESSION } });
  try {
    await sql`select pg_advisory_lock(${MIGRATE_LOCK})`;
    await run(drizzle({ client: sql }), { migrationsFolder: migrationsFolder() });
  } finally {
    await sql.end({ timeout: 1 });
  }
  return plan.pending.map((p) => p.name);
}

/**
 * The address of a database on the same server, which is made when it is missing: its name is that of `url` and `_suffix`.
 * @throws what the server says, 42501 when the user may not create databases
 */
export async function databaseBeside(url: string, suffix: string): Promise<string> {
  // the server cuts names at 63 bytes: the suffix is to stay
  const name = `${(databaseOf(url).database ?? '').slice(0, 62 - suffix.length)}_${suffix}`;
  const beside = url.replace(
    /^([a-z]+:\/\/[^/?#]*)[^?#]*/i,
    (_, server: string) => `${server}/${encodeURIComponent(name)}`,
  );
  const sql = clientOf(url, { max: 1, onnotice: () => {} });
  try {
    const [known] = await sql`select from pg_database where datname = ${name}`;
    if (known === undefined) await createUtf8(sql, name);
  } finally {
    await sql.end();
  }
  return beside;
}

/** Another process may make it at the same moment. */
async function createUtf8(sql: Sql, name: string): Promise<void> {
  const [own] = await sql<{ collate: string; ctype: string }[]>`
    select datcollate as collate, datctype as ctype from pg_database where datname = current_database()`;
  const locale = own === undefined ? '' : ` lc_collate ${literal(own.collate)} lc_ctype ${literal(own.ctype)}`;
  try {
    // not as template1 is: that one need not be UTF8
    await sql.unsafe(`create database "${name.replaceAll('"', '""')}" template template0 encoding 'UTF8'${locale}`);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== '42P04' && code !== '23505') throw error;
  }
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { clientOf } from '../../src/db/database-address.ts';
import { migrate } from '../../src/db/migrate.ts';
import { openDatabase } from '../../src/runtime/node.ts';

/** The address of a database of the run's server, by its Unix socket, and over TCP as Workers have it. */
export function addressOf(name: string): { url: string; tcp: string } {
  const url = inject('databaseUrl').replace(/\/[^/?]*(?=$|\?)/, `/${name}`);
  return { url, tcp: url.replace(/\?.*/, '') };
}

/** One statement as the server's owner. */
async function asOwner(statement: string): Promise<void> {
  const admin = clientOf(addressOf('postgres').url, { max: 1, onnotice: () => {} });
  try {
    await admin.unsafe(statement);
  } finally {
    await admin.end();
  }
}

/** A client of a database that goes when the client is closed: a run would have gigabytes of them. */
function opened(name: string, options: Parameters<typeof openDatabase>[1]) {
  const { url, tcp } = addressOf(name);
  const database = openDatabase(url, options);
  return {
    url: tcp,
    ...database,
    close: async () => {
      await database.close();
      await asOwner(`drop database if exists ${name} with (force)`);
    },
  };
}

const newName = () => `t_${randomUUID().replaceAll('-', '')}`;

/** A database of another locale, migrated, with a client: `locale` as in `create database`. */
export async function databaseOf(locale: string, options: Parameters<typeof openDatabase>[1] = {}) {
  const name = newName();
  await asOwner(`create database ${name} template template0 ${locale}`);
  await migrate(addressOf(name).url);
  return opened(name, options);
}

/** A fresh migrated database, cloned from the template, and a client with these options. */
export async function freshDb(options: Parameters<typeof openDatabase>[1] = {}) {
  const name = newName();
  for (let i = 0; ; i++)
    try {
      await asOwner(`create database ${name} template tmpl strategy file_copy`);
      break;
    } catch (e) {
      if (i > 200 || !String(e).includes('being accessed')) throw e;
      await new Promise((r) => setTimeout(r, 25));
    }
  return opened(name, options);
}

/**
 * The address of a database for a user of its own, as the Hyperdrive of a Worker has it (docs/operations.md): a member of `role` with these
 * settings. It goes by {@link WorkerUser.drop}.
 * @param options.run a statement as the owner of the server; none: of the run's
 */
export async function workerUser(
  url: string,
  options: { role?: string; settings?: Record<string, string>; run?: (statement: string) => Promise<unknown> } = {},
): Promise<WorkerUser> {
  const { role = 'payer_node_directory', settings = WORKER_SETTINGS, run = asOwner } = options;
  const name = `worker_${randomUUID().replaceAll('-', '')}`;
  await run(`create role ${name} login password 'x' in role ${role}`);
  for (const [setting, value] of Object.entries(settings)) await run(`alter role ${name} set ${setting} = '${value}'`);
  const address = new URL(url);
  address.username = name;
  address.password = 'x';
  return {
    url: address.href,
    drop: async () => {
      await run(`drop role ${name}`);
    },
  };
}
const WORKER_SETTINGS = { statement_timeout: '5s', jit: 'off', random_page_cost: '1.1', timezone: 'UTC' };
export type WorkerUser = { url: string; drop(): Promise<void> };

/** A copy of a database of the run's server as it is now, with a client. Who works on that one is cut off for a moment. */
export async function copyDb(url: string, options: Parameters<typeof openDatabase>[1] = {}) {
  const [name, source] = [newName(), new URL(url).pathname.slice(1)];
  for (let i = 0; ; i++)
    try {
      await asOwner(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${source}'`);
      await asOwner(`create database ${name} template ${source} strategy file_copy`);
      break;
    } catch (e) {
      if (i > 200 || !String(e).includes('being accessed')) throw e;
      await new Promise((r) => setTimeout(r, 25));
    }
  return opened(name, options);
}

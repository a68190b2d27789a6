import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { openDatabase } from '../../src/runtime/node.ts';
import { clientOf } from '../../src/store/database-address.ts';
import { migrate } from '../../src/store/migrate.ts';

/** The address of a database of the run's server, by its Unix socket, and over TCP as Workers have it. */
export function addressOf(name: string): { url: string; tcp: string } {
  const url = inject('databaseUrl').replace(/\/[^/?]*(?=$|\?)/, `/${name}`);
  return { url, tcp: url.replace(/\?.*/, '') };
}

/** A database of another locale, migrated, with a client: `locale` as in `create database`. */
export async function databaseOf(locale: string, options: Parameters<typeof openDatabase>[1] = {}) {
  const name = `t_${randomUUID().replaceAll('-', '')}`;
  const admin = clientOf(addressOf('postgres').url, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name} template template0 ${locale}`);
  await admin.end();
  const { url, tcp } = addressOf(name);
  await migrate(url);
  return { url: tcp, ...openDatabase(url, options) };
}

/** A fresh migrated database, cloned from the template, and a client with these options. */
export async function freshDb(options: Parameters<typeof openDatabase>[1] = {}) {
  const name = `t_${randomUUID().replaceAll('-', '')}`;
  const admin = clientOf(addressOf('postgres').url, { max: 1, onnotice: () => {} });
  for (let i = 0; ; i++)
    try {
      await admin.unsafe(`create database ${name} template tmpl strategy file_copy`);
      break;
    } catch (e) {
      if (i > 200 || !String(e).includes('being accessed')) throw e;
      await new Promise((r) => setTimeout(r, 25));
    }
  await admin.end();
  const { url, tcp } = addressOf(name);
  return { url: tcp, ...openDatabase(url, options) };
}

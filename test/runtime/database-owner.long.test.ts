// A managed database has an owner that is no superuser.
import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inRole } from '../../exchange/commands/doctor.ts';
import { databaseBeside, migrate } from '../../src/db/migrate.ts';
import { faultSentence } from '../../src/runtime/fault.ts';
import { openDatabase } from '../../src/runtime/node.ts';
import { addressOf } from '../support/db.ts';

const owner = `owner_${randomUUID().replaceAll('-', '')}`;
let admin: postgres.Sql;
let url: string;
beforeAll(async () => {
  const server = new URL(addressOf('postgres').tcp);
  server.pathname = '/postgres';
  admin = postgres(server.href, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create role ${owner} login password 'x'`);
  await admin.unsafe(`create database ${owner} owner ${owner}`);
  server.pathname = `/${owner}`;
  server.username = owner;
  server.password = 'x';
  url = server.href;
});
afterAll(async () => {
  await admin.unsafe(`drop database ${owner}`);
  await admin.unsafe(`drop role ${owner}`);
  await admin.end();
});

test('an owner that is not a member of the directory’s role is told so; a member can do all', async () => {
  const refused = await migrate(url).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(faultSentence(refused)).toMatch(
    /must own the database, and create roles or be a member of payer_node_directory/,
  );
  await admin.unsafe(`grant payer_node_directory to ${owner}`);
  await migrate(url);
  const reader = openDatabase(url, { max: 1, role: 'payer_node_directory' });
  expect(await reader.sql`select count(*)::integer as n from directory.state`).toEqual([{ n: 1 }]);
  await expect(reader.sql`select from exchange.peer`).rejects.toThrow(/permission denied/);
  await inRole(reader.sql);
  const unbound = openDatabase(url, { max: 1 });
  await expect(inRole(unbound.sql)).rejects.toThrow(`works as ${owner} instead of payer_node_directory`);
  await unbound.close();
  await reader.close();
});

test('a database beside another one is made once, by who may', async () => {
  await expect(databaseBeside(url, 'beside')).rejects.toMatchObject({ code: '42501' });
  await admin.unsafe(`alter role ${owner} createdb`);
  const made = await databaseBeside(url, 'beside');
  expect(new URL(made).pathname).toBe(`/${owner}_beside`);
  expect(await databaseBeside(url, 'beside')).toBe(made);
  const [held] = await admin<{ encoding: string }[]>`
    select pg_encoding_to_char(encoding) as encoding from pg_database where datname = ${`${owner}_beside`}`;
  expect(held).toEqual({ encoding: 'UTF8' });
  await admin.unsafe(`drop database ${owner}_beside`);
});

test('two processes make it at once; a name that is as long as names may be is another one', async () => {
  const long = `long_${randomUUID().replaceAll('-', '')}`.padEnd(63, 'x');
  await admin.unsafe(`create database "${long}"`);
  const named = new URL(addressOf('postgres').tcp);
  named.pathname = `/${long}`;
  const made = await Promise.all(Array.from({ length: 3 }, () => databaseBeside(named.href, 'beside')));
  const name = `${long.slice(0, 56)}_beside`;
  expect(new Set(made.map((m) => new URL(m).pathname))).toEqual(new Set([`/${name}`]));
  expect((await admin`select from pg_database where datname = ${name}`).count).toBe(1);
  for (const each of [name, long]) await admin.unsafe(`drop database "${each}"`);
});

test('a pooler that takes no settings is told in a sentence', () => {
  const refused = Object.assign(new Error('unsupported startup parameter: jit'), { code: '08P01' });
  expect(faultSentence(refused)).toMatch(/^A pooler before the database/);
});

test('a database whose name holds what an address writes as a number is that one', async () => {
  await admin.unsafe(`alter role ${owner} createdb`);
  for (const [written, name] of [
    [`${owner}_a%25b%20c`, `${owner}_a%b c`],
    [`${owner}_%C3%A9`, `${owner}_é`],
    [`${owner}_100%`, `${owner}_100%`],
  ] as const) {
    await admin.unsafe(`create database "${name}" owner ${owner}`);
    const address = url.replace(/[^/]*$/, written);
    await migrate(address);
    const opened = openDatabase(address, { max: 1, lines: 1 });
    expect(await opened.sql`select current_database()::text as name`).toEqual([{ name }]);
    await opened.close();
    const beside = await databaseBeside(address, 'two');
    const second = openDatabase(beside, { max: 1 });
    expect(await second.sql`select current_database()::text as name`).toEqual([{ name: `${name}_two` }]);
    await second.close();
    await admin.unsafe(`drop database "${name}"`);
    await admin.unsafe(`drop database "${name}_two"`);
  }
});

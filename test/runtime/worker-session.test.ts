// What a Worker may do is what the user of its Hyperdrive may: a pooler of transactions keeps nothing that was set on a connection.
import { afterAll, beforeAll, expect, test } from 'vitest';
import directoryWorker from '../../directory/federation/worker.ts';
import exchangeWorker from '../../exchange/worker.ts';
import { sessionFaults } from '../../src/runtime/worker-session.ts';
import { requestDatabase } from '../../src/runtime/workers.ts';
import { freshDb, type WorkerUser, workerUser } from '../support/db.ts';

let db: Awaited<ReturnType<typeof freshDb>>;
const users: WorkerUser[] = [];
beforeAll(async () => {
  db = await freshDb();
});
afterAll(async () => {
  await db.close();
  for (const user of users) await user.drop();
});

const as = async (settings?: Record<string, string>) => {
  const user = await workerUser(db.url, settings ? { settings } : {});
  users.push(user);
  return user.url;
};

async function waited<T>(work: (ctx: { waitUntil(p: Promise<unknown>): void }) => Promise<T>): Promise<T> {
  const ended: Promise<unknown>[] = [];
  const result = await work({ waitUntil: (p) => void ended.push(p) });
  await Promise.all(ended);
  return result;
}

const faultsOf = (url: string) =>
  waited(async (ctx) => {
    const database = requestDatabase(url, ctx);
    const faults = await sessionFaults(database.sql);
    database.close();
    return faults;
  });

test('rights and limits of the user are seen', async () => {
  expect(await faultsOf(await as())).toEqual({ rights: [], unlimited: [], lacking: [] });
  expect(await faultsOf(await as({ jit: 'on', random_page_cost: '4', timezone: 'Asia/Kolkata' }))).toEqual({
    rights: [],
    unlimited: ['statement_timeout is not set for the user'],
    lacking: [
      'jit is not off for the user',
      'random_page_cost is not 1.1 for the user',
      'timezone is not UTC for the user',
    ],
  });
  const owner = await faultsOf(db.url);
  expect(owner.rights).toEqual(['the user may write the directory', 'the user may read the exchange']);
});

test('nothing is asked of a connection when it begins, which poolers refuse', async () => {
  const url = await as({ statement_timeout: '7s' });
  await waited(async (ctx) => {
    const database = requestDatabase(url, ctx);
    const [row] =
      await database.sql`select array_agg(name) as names from pg_settings where source = 'client' and name <> 'client_encoding'`;
    expect(row?.['names']).toEqual(['application_name']);
    database.close();
  });
});

const ask = (url: string) =>
  waited((ctx) =>
    directoryWorker.fetch(
      new Request('https://worker.example/directory/fhir/Practitioner?_count=1'),
      { HYPERDRIVE: { connectionString: url }, BASE_URL: 'https://worker.example', LOG_LEVEL: 'silent' },
      ctx,
    ),
  );

test('the directory is served by a user that only reads it, for a bounded time; by another one it is not', async () => {
  const owner = await ask(db.url);
  expect([owner.status, owner.headers.get('retry-after')]).toEqual([503, '60']);
  expect(await owner.json()).toMatchObject({
    resourceType: 'OperationOutcome',
    issue: [{ diagnostics: expect.stringMatching(/^This Worker is not set up yet\. Request id: /) }],
  });
  expect((await ask(await as({}))).status).toBe(503);
  expect((await ask(await as())).status).toBe(200);
});

test('the exchange tells of what its user lacks, and works', async () => {
  const lines: string[] = [];
  const { log } = console;
  console.log = (line: string) => void lines.push(line);
  try {
    await waited((ctx) =>
      exchangeWorker.scheduled(
        {},
        { HYPERDRIVE: { connectionString: db.url }, BASE_URL: 'https://worker.example' },
        ctx,
      ),
    );
  } finally {
    console.log = log;
  }
  expect(lines.join('\n')).toContain('statement_timeout is not set for the user');
});

// Reads from a streaming replica: the directory serves from one, on Node and in workerd, while the primary is written.
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';
import { createDirectory, DIRECTORY_ROLE } from '../../directory/app.ts';
import { importResources } from '../../directory/resource/resource-import.ts';
import { readConfig } from '../../src/config.ts';
import { migrate } from '../../src/db/migrate.ts';
import { type EmbeddedPostgres, embeddedPostgres } from '../../src/runtime/embedded-postgres.ts';
import { noMetrics } from '../../src/runtime/no-metrics.ts';
import { fileBlobs, openDatabase } from '../../src/runtime/node.ts';
import { BASE, body, deletion, entries, FIXTURE, keysFor, ORIGIN } from '../directory/fixture.ts';
import { workerUser } from '../support/db.ts';
import { type Fetch, smoke } from './directory-smoke.ts';

const OPTIONS = { unsafeFast: true, settings: { wal_level: 'replica', max_wal_senders: '4', shared_buffers: '32MB' } };
const folder = mkdtempSync(join(tmpdir(), 'payer-node-replica-'));
const primaryFolder = join(folder, 'primary');
const replicaFolder = join(folder, 'replica');
let primary: EmbeddedPostgres;
let replica: EmbeddedPostgres;
let owner: ReturnType<typeof openDatabase>;
let reader: ReturnType<typeof openDatabase>;
let replicaUrl: string;

const load = (input: Parameters<typeof importResources>[1]) =>
  importResources(owner, input, { base: BASE, clock: () => new Date() });

beforeAll(async () => {
  const first = await embeddedPostgres(primaryFolder, OPTIONS);
  await migrate(await first.url('plan'));
  await first.release();
  cpSync(primaryFolder, replicaFolder, { recursive: true });
  primary = await embeddedPostgres(primaryFolder, OPTIONS);
  const url = await primary.url('plan');
  const { port, password } = new URL(url);
  writeFileSync(join(replicaFolder, 'postgres', 'standby.signal'), '');
  appendFileSync(
    join(replicaFolder, 'postgres', 'postgresql.auto.conf'),
    `\nprimary_conninfo = 'host=127.0.0.1 port=${port} user=postgres password=${password}'\n`,
  );
  expect(readFileSync(join(replicaFolder, 'postgres.password'), 'utf8').trim()).toBe(password);
  replica = await embeddedPostgres(replicaFolder, OPTIONS);
  replicaUrl = await replica.url('plan');
  owner = openDatabase(url);
  reader = openDatabase(replicaUrl, { max: 3, role: DIRECTORY_ROLE, statementTimeoutMs: 5000 });
  await load(entries(FIXTURE));
});
afterAll(async () => {
  await owner.close();
  await reader.close();
  await replica.release();
  await primary.release();
  rmSync(folder, { recursive: true, force: true });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('The replica did not show the change.');
    await new Promise((r) => setTimeout(r, 50));
  }
}

async function follows(fetch: Fetch): Promise<void> {
  const status = async () => (await fetch('/directory/fhir/Organization/late')).status;
  await until(async () => (await fetch('/directory/fhir/PractitionerRole/r1')).status === 200);
  await smoke(fetch);
  const total = async () => (await body(await fetch('/directory/fhir/Organization?_total=accurate'))).total ?? 0;
  const before = await total();
  await load(entries([{ resourceType: 'Organization', id: 'late', active: true, name: 'Late Arrival Clinic' }]));
  await until(async () => (await status()) === 200 && (await total()) === before + 1);
  const found = await body(await fetch('/directory/fhir/Organization?name-like=late%20arival'));
  expect(found.total).toBe(1);
  await load([deletion('Organization/late')]);
  await until(async () => (await status()) === 410 && (await total()) === before);
}

test('it is a replica, and the role reads only', async () => {
  const [state] = await reader.sql<{ standby: boolean; role: string }[]>`
    select pg_is_in_recovery() as standby, current_user as role`;
  expect(state).toEqual({ standby: true, role: DIRECTORY_ROLE });
});

test('the directory on Node follows the primary', async () => {
  const app = createDirectory({
    config: readConfig({ BASE_URL: ORIGIN, DIRECTORY_RATE_PER_MINUTE: '0' }),
    clock: () => new Date(),
    keys: keysFor(),
    blobs: fileBlobs(tmpdir()),
    log: () => {},
    metrics: noMetrics,
    database: reader,
  });
  await follows(async (path, init) => app.request(path, init));
});

test('the directory in workerd follows the primary', async () => {
  const user = await workerUser(replicaUrl, { run: (statement) => owner.sql.unsafe(statement) });
  process.env['CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE'] = user.url;
  await until(
    async () => (await reader.sql`select from pg_roles where rolname = ${new URL(user.url).username}`).length > 0,
  );
  const server = createTestHarness({ workers: [{ configPath: './wrangler.toml', env: 'directory' }] });
  await server.listen();
  try {
    await follows((path, init) => server.fetch(path, init as never) as unknown as Promise<Response>);
  } finally {
    await server.close();
  }
});

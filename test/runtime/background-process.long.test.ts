// The background process of a serving node harvests and publishes: it does the work of the schedule on connections of its own, and ends
// when told.
import { fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDirectory } from '../../directory/app.ts';
import { startBackground } from '../../directory/commands/background.ts';
import type { FederationDeps } from '../../directory/federation/client.ts';
import { addPeer } from '../../directory/federation/registry.ts';
import { importResources } from '../../directory/resource/resource-import.ts';
import { readConfig } from '../../src/config.ts';
import { noMetrics } from '../../src/runtime/no-metrics.ts';
import { fileBlobs, fileKeys } from '../../src/runtime/node.ts';
import { freshDb } from '../support/db.ts';

const hasTool = (name: string) => spawnSync(name, ['--version']).error === undefined;
/** How many processors a process may use. */
function processorsOf(pid: number | 'self'): number {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  return list.split(',').reduce((n, part) => {
    const [from = 0, to = from] = part.split('-').map(Number);
    return n + to - from + 1;
  }, 0);
}

/** Can the turns of a process be made short here? */
function hasSlices(): boolean {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 10000)'], { stdio: 'ignore' });
  const pid = String(child.pid);
  const set = spawnSync('chrt', ['-o', '-T', '100000', '-p', '0', pid]).status === 0;
  const isSet = set && turnOf(pid);
  child.kill();
  return isSet;
}
const turnOf = (pid: string): boolean =>
  /runtime parameter: 100000\b/.test(String(spawnSync('chrt', ['-p', pid]).stdout));

let db: Awaited<ReturnType<typeof freshDb>>;
const folder = mkdtempSync(join(tmpdir(), 'payer-node-background-process-'));
const settings = { SANDBOX: 'on', LOG_LEVEL: 'silent', DATA_DIR: folder };
const config = readConfig({ ...settings, PUBLISH_EVERY: 'off' });
const resource = {
  resourceType: 'Organization',
  id: 'one',
  active: true,
  name: 'Green Harbor',
  address: [{ city: 'Salem' }],
};
const origin = { base: `${config.baseUrl}/directory/fhir`, clock: () => new Date() };
beforeAll(async () => {
  db = await freshDb();
  await importResources(db, [{ source: 'test', line: 1, text: JSON.stringify(resource) }], origin);
});
afterAll(async () => {
  await db.close();
  rmSync(folder, { recursive: true, force: true });
});

test('it merges our own directory, and its connections are gone when it has stopped', async () => {
  const lines: string[] = [];
  const node = { config, deps: { log: (_: string, event: string) => void lines.push(event) } };
  const background = startBackground(node as unknown as Parameters<typeof startBackground>[0], db.url);
  const merged = async () => (await db.sql`select key from merged.resource`).map((r) => String(r['key']));
  await expect.poll(merged, { timeout: 60_000, interval: 100 }).toEqual(['Organization/one']);
  await background.stop();
  const others = async () =>
    (
      await db.sql`select application_name from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
        and application_name like 'payer-node%' and application_name <> 'payer-node'`
    ).length;
  await expect.poll(others, { timeout: 40_000 }).toBe(0);
  expect(lines).toEqual(['background process started']);
}, 180_000);

test('it publishes what is due, and makes an export as soon as one is asked for', async () => {
  const own = await freshDb();
  await importResources(own, [{ source: 'test', line: 1, text: JSON.stringify(resource) }], origin);
  const publishing = readConfig({ ...settings, PUBLISH_EVERY: 'P1D' });
  const background = startBackground(
    { config: publishing, deps: { log: () => {} } } as unknown as Parameters<typeof startBackground>[0],
    own.url,
  );
  let asked = 0;
  const app = createDirectory({
    config: publishing,
    clock: () => new Date(),
    database: own,
    keys: fileKeys(publishing.keysDir),
    blobs: fileBlobs(publishing.blobsDir),
    log: () => {},
    metrics: noMetrics,
    wake: () => {
      asked++;
      background.publish();
    },
  });
  const get = (path: string) => app.request(path, { headers: { prefer: 'respond-async' } });
  try {
    const manifest = async () => (await get('/directory/fhir/$bulk-publish')).status;
    await expect.poll(manifest, { timeout: 60_000, interval: 100 }).toBe(200);
    const kickOff = await get('/directory/fhir/$export?_typeFilter=Organization%3Faddress-city%3DSalem');
    expect([kickOff.status, asked]).toEqual([202, 1]);
    const status = new URL(kickOff.headers.get('content-location') ?? '').pathname;
    await expect.poll(async () => (await get(status)).status, { timeout: 60_000, interval: 100 }).toBe(200);
  } finally {
    await background.stop();
    await own.close();
  }
}, 180_000);

const connections = async () =>
  (
    await db.sql`select from pg_stat_activity where datname = current_database() and application_name like 'payer-node background%'`
  ).length;

test('one that dies is told, and ends with the process that serves when that is killed', async () => {
  const told: Record<string, unknown>[] = [];
  const log = (_: string, event: string, fields: object) => void told.push({ event, ...fields });
  const background = startBackground(
    { config, deps: { log } } as unknown as Parameters<typeof startBackground>[0],
    db.url,
  );
  await expect.poll(connections, { timeout: 40_000 }).toBeGreaterThan(0);
  process.kill(Number(told[0]?.['pid']), 'SIGKILL');
  await expect
    .poll(() => told[1], { timeout: 40_000 })
    .toEqual({
      event: 'background process died, it is started again in a minute',
      signal: 'SIGKILL',
    });
  await background.stop();

  const parent = fork(new URL('./background-parent.ts', import.meta.url), [db.url]);
  await expect.poll(connections, { timeout: 40_000 }).toBeGreaterThan(0);
  parent.kill('SIGKILL');
  await expect.poll(connections, { timeout: 40_000 }).toBe(0);
}, 180_000);

test('it ends also amid a peer that does not answer', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const asked = once(silent, 'request');
  const { port } = silent.address() as AddressInfo;
  const peers = await freshDb();
  await addPeer(
    { config, clock: () => new Date(), database: peers } as unknown as FederationDeps,
    { slug: 'oak', name: 'Oak', url: `http://127.0.0.1:${port}/fhir` },
    'test',
  );
  const node = { config, deps: { log: () => {} } };
  const background = startBackground(node as unknown as Parameters<typeof startBackground>[0], peers.url);
  await asked;
  await background.stop(); // it would ask for a minute, five times
  silent.closeAllConnections();
  silent.close();
  await peers.close();
}, 180_000);

const hasOneToLeave = process.platform === 'linux' && availableParallelism() > 1 && hasTool('taskset');
test.skipIf(!hasOneToLeave)(
  'it leaves a processor to those who wait, and takes all when nobody does',
  async () => {
    const node = { config, deps: { log: () => {} } };
    let requests = 0;
    const asking = setInterval(() => requests++, 200);
    const background = startBackground(node as unknown as Parameters<typeof startBackground>[0], db.url, {
      embedded: true,
      requests: () => requests,
      calmMs: 1500,
    });
    const spread = async () => {
      const rows = await db.sql<
        { pid: number }[]
      >`select pid from pg_stat_activity where datname = current_database() and application_name like 'payer-node background%'`;
      return [...new Set(rows.map(({ pid }) => processorsOf(pid)))];
    };
    const slices = async () => {
      const rows = await db.sql<
        { pid: number }[]
      >`select pid from pg_stat_activity where datname = current_database() and application_name like 'payer-node background%'`;
      return [...new Set(rows.map(({ pid }) => turnOf(String(pid))))];
    };
    const all = processorsOf('self');
    if (hasSlices()) await expect.poll(slices, { timeout: 40_000, interval: 100 }).toEqual([true]);
    await expect.poll(spread, { timeout: 40_000, interval: 100 }).toEqual([all - 1]);
    clearInterval(asking);
    await expect.poll(spread, { timeout: 40_000, interval: 200 }).toEqual([all]);
    requests++;
    await expect.poll(spread, { timeout: 40_000, interval: 100 }).toEqual([all - 1]);
    await background.stop();
  },
  180_000,
);

test.skipIf(!hasOneToLeave)(
  'all its threads go where it goes, those that it opens too',
  async () => {
    const child = fork(new URL('./stand-back-process.ts', import.meta.url), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const look = async () => {
      child.send('look');
      const [found] = (await once(child, 'message')) as [
        { name: string; place: string; policy: number; nice: number }[],
      ];
      return found;
    };
    const places = async () => [...new Set((await look()).map((t) => t.place))];
    const all = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    await expect.poll(async () => (await look()).map((t) => t.name), { timeout: 40_000 }).toContain('lines');
    await expect.poll(async () => (await places()).includes(String(all)), { timeout: 40_000 }).toBe(false);
    // behind the others, but not in the idle class, where it would come to nothing beside a node that is asked without pause
    expect(new Set((await look()).map(({ policy, nice }) => `${policy} ${nice}`))).toEqual(new Set(['0 10']));
    if (hasSlices()) expect(turnOf(String(child.pid))).toBe(true);
    child.send('free');
    await expect.poll(places, { timeout: 40_000 }).toEqual([all]);
    child.send('confine');
    await expect.poll(async () => (await places()).includes(String(all)), { timeout: 40_000 }).toBe(false);
    child.send('end');
    await once(child, 'exit');
  },
  180_000,
);

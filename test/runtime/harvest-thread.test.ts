// The thread that harvests beside a serving node: it does the work of the schedule on connections of its own, and ends when told.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHarvestThread } from '../../src/command/harvester.ts';
import { readConfig } from '../../src/config.ts';
import { importResources } from '../../src/store/resource-import.ts';
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
const config = readConfig({ SANDBOX: 'on', LOG_LEVEL: 'silent' });
beforeAll(async () => {
  db = await freshDb();
  const resource = {
    resourceType: 'Organization',
    id: 'one',
    active: true,
    name: 'Green Harbor',
    address: [{ city: 'Salem' }],
  };
  await importResources(db, [{ source: 'test', line: 1, text: JSON.stringify(resource) }], {
    base: `${config.baseUrl}/directory/fhir`,
    clock: () => new Date(),
  });
});
afterAll(() => db.close());

test('it merges our own directory, and its connections are gone when it has stopped', async () => {
  const lines: string[] = [];
  const node = { config, deps: { log: (_: string, event: string) => void lines.push(event) } };
  const thread = startHarvestThread(node as unknown as Parameters<typeof startHarvestThread>[0], db.url);
  const merged = async () => (await db.sql`select key from merged.resource`).map((r) => String(r['key']));
  await expect.poll(merged, { timeout: 25_000, interval: 100 }).toEqual(['Organization/one']);
  await thread.stop();
  const others = async () =>
    (
      await db.sql`select application_name from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
        and application_name like 'payer-node%' and application_name <> 'payer-node'`
    ).length;
  await expect.poll(others, { timeout: 10_000 }).toBe(0);
  expect(lines).toEqual([]);
});

const hasOneToLeave = process.platform === 'linux' && availableParallelism() > 1 && hasTool('taskset');
test.skipIf(!hasOneToLeave)('it leaves a processor to those who wait, and takes all when nobody does', async () => {
  const node = { config, deps: { log: () => {} } };
  let requests = 0;
  const asking = setInterval(() => requests++, 200);
  const thread = startHarvestThread(node as unknown as Parameters<typeof startHarvestThread>[0], db.url, {
    embedded: true,
    requests: () => requests,
    calmMs: 1500,
  });
  const spread = async () => {
    const rows = await db.sql<
      { pid: number }[]
    >`select pid from pg_stat_activity where datname = current_database() and application_name like 'payer-node harvest%'`;
    return [...new Set(rows.map(({ pid }) => processorsOf(pid)))];
  };
  const slices = async () => {
    const rows = await db.sql<
      { pid: number }[]
    >`select pid from pg_stat_activity where datname = current_database() and application_name like 'payer-node harvest%'`;
    return [...new Set(rows.map(({ pid }) => turnOf(String(pid))))];
  };
  const all = processorsOf('self');
  if (hasSlices()) await expect.poll(slices, { timeout: 20_000, interval: 100 }).toEqual([true]);
  await expect.poll(spread, { timeout: 20_000, interval: 100 }).toEqual([all - 1]);
  clearInterval(asking);
  await expect.poll(spread, { timeout: 20_000, interval: 200 }).toEqual([all]);
  requests++;
  await expect.poll(spread, { timeout: 5_000, interval: 100 }).toEqual([all - 1]);
  await thread.stop();
});

test.skipIf(!hasOneToLeave)('a thread that it opens goes where it goes', async () => {
  const { thread, look, all } = standingBack();
  await expect.poll(() => look('lines'), { timeout: 10_000 }).not.toEqual([]);
  thread.postMessage('free');
  await expect.poll(async () => new Set(await look('lines')), { timeout: 5000 }).toEqual(new Set([all]));
  thread.postMessage('confine');
  await expect.poll(async () => (await look('lines')).includes(all), { timeout: 5000 }).toBe(false);
  thread.postMessage('end');
  await once(thread, 'exit');
});

test.skipIf(!hasOneToLeave)(
  'those that collect garbage for all go there while there is work, and no longer',
  async () => {
    const { thread, look, all } = standingBack();
    const areFree = async () => (await look('V8Worker')).map((place) => place === all);
    expect(new Set(await areFree())).toEqual(new Set([true]));
    thread.postMessage('work');
    await expect.poll(async () => new Set(await areFree()), { timeout: 5000 }).toEqual(new Set([false]));
    thread.postMessage('free');
    await expect.poll(async () => new Set(await areFree()), { timeout: 5000 }).toEqual(new Set([true]));
    thread.postMessage('confine');
    await expect.poll(async () => new Set(await areFree()), { timeout: 5000 }).toEqual(new Set([false]));
    thread.postMessage('rest');
    await expect.poll(async () => new Set(await areFree()), { timeout: 5000 }).toEqual(new Set([true]));
    thread.postMessage('end');
    await once(thread, 'exit');
  },
);

function standingBack() {
  const thread = new Worker(new URL('./stand-back-thread.ts', import.meta.url));
  const look = async (name: 'lines' | 'V8Worker') => {
    thread.postMessage(name);
    const [found] = (await once(thread, 'message')) as [(string | undefined)[]];
    return found;
  };
  return { thread, look, all: /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] };
}

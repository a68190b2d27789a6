// `payer-node publish` as a process of its own, killed (kill -9) at any moment of a publication, again and again: readers see
// the old one or the new one, whole; the next process begins again, and nothing is left lying about.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { createDirectory } from '../../directory/app.ts';
import { importResources } from '../../directory/resource/resource-import.ts';
import { readConfig } from '../../src/config.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { noMetrics } from '../../src/runtime/no-metrics.ts';
import { fileBlobs, fileKeys } from '../../src/runtime/node.ts';
import { directoryResources } from '../../src/seed/plan-net/index.ts';
import { entries } from '../directory/fixture.ts';
import { Consumer } from '../directory/publish/consumer.ts';
import { freshDb } from '../support/db.ts';
import { expireLeases } from './expire-leases.ts';

const root = resolve(import.meta.dirname, '../..');
const BASE_URL = 'https://plan.example';

test('a publication that is killed anywhere is never half visible and is made in the end', async () => {
  const db = await freshDb();
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-publish-kill-'));
  const blobs = fileBlobs(join(folder, 'blobs'));
  const load = (resources: Iterable<Resource>) =>
    importResources(db, entries([...resources]), { base: `${BASE_URL}/directory/fhir`, clock: () => new Date() });
  const env = {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: db.url,
    BASE_URL,
    DATA_DIR: folder,
    LOG_LEVEL: 'info',
  };
  /** The command; killed after a while, when one is given. True when it came to its end. */
  const publish = async (killAfter?: number, tries = 20): Promise<boolean> => {
    const child = spawn(process.execPath, [join(root, 'dist/main.mjs'), 'publish', '--now'], { env, cwd: folder });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (d: Buffer) => {
        said += d.toString();
      });
    const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
    await once(child, 'exit');
    clearTimeout(timer);
    if (child.signalCode === 'SIGKILL') return false;
    // what the server had begun for the one before may have prolonged its lease after we looked
    if (child.exitCode !== 0 && tries > 0 && said.includes('Another process is publishing')) {
      await new Promise((r) => setTimeout(r, 500));
      await expireLeases(db.sql);
      return publish(killAfter, tries - 1);
    }
    if (child.exitCode !== 0) throw new Error(said);
    return true;
  };
  const app = createDirectory({
    config: readConfig({ BASE_URL, DIRECTORY_RATE_PER_MINUTE: '0' }),
    clock: () => new Date(),
    database: db,
    blobs,
    keys: fileKeys(join(folder, 'keys')),
    log: () => {},
    metrics: noMetrics,
  });
  const get = async (url: string, headers: Record<string, string> = {}) => app.request(url, { headers });
  try {
    await load(directoryResources({ seed: 3, resources: 2000 }));
    const started = performance.now();
    expect(await publish()).toBe(true);
    const whole = performance.now() - started;
    const consumer = new Consumer(`${BASE_URL}/directory/fhir/$bulk-publish`, get);
    await consumer.poll();
    expect(consumer.data.size).toBe(2000);
    const index = async () => (await get(`${BASE_URL}/publications/mpf/H9901/2027/index.json`)).text();
    let seen = await index();
    let killed = 0;
    for (let round = 1; round <= 4; round++) {
      await load([{ resourceType: 'Location', id: `round-${round}`, status: 'active', name: `Round ${round}` }]);
      const ended = await publish(whole * (0.35 + round * 0.09));
      if (!ended) killed++;
      // whatever is listed is there, and whole
      await consumer.poll();
      const now = await index();
      const { provider_urls: urls } = JSON.parse(now) as { provider_urls: string[] };
      for (const url of urls) {
        const r = await get(url);
        expect(r.status).toBe(200);
        expect((await r.arrayBuffer()).byteLength).toBe(Number(r.headers.get('content-length')));
      }
      if (ended) expect(now).not.toBe(seen);
      seen = now;
      if (!ended) await expireLeases(db.sql);
    }
    expect(killed).toBeGreaterThan(1);
    expect(await publish()).toBe(true);
    await consumer.poll();
    expect([consumer.data.size, consumer.starts]).toEqual([2004, 1]);
    const known = await db.sql<{ key: string }[]>`select blob_key as key from directory.set_file`;
    const listed = new Set(known.map((k) => k.key));
    expect((await blobs.list('publication/')).filter((key) => !listed.has(key))).toEqual([]);
    expect(await db.sql`select from directory.publication where published_at is null`).toHaveLength(0);
    expect(await db.sql`select from directory.file_set where state = 'making'`).toHaveLength(0);
  } finally {
    await db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}, 180_000);

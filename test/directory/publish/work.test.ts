import { afterEach, expect, test, vi } from 'vitest';
import { mergedPublishing } from '../../../directory/federation/publishing.ts';
import { addSet } from '../../../directory/publish/file-set.ts';
import { makeExport } from '../../../directory/publish/make-export.ts';
import { makePublication } from '../../../directory/publish/make-publication.ts';
import { takeLease } from '../../../directory/publish/publication.ts';
import { publishIfDue, startPublishing } from '../../../directory/publish/work.ts';
import { makeQhp } from '../../../directory/qhp/make-qhp.ts';
import { entries } from '../fixture.ts';
import { publishing } from './support.ts';

let d: Awaited<ReturnType<typeof publishing>> | undefined;
afterEach(async () => {
  await d?.close();
  d = undefined;
});

test('an empty directory is not published; a filled one at once, and then by the cadence', async () => {
  d = await publishing([], { PUBLISH_EVERY: 'PT6H' });
  expect(await publishIfDue(d.deps)).toBe('not-due');
  await d.load(entries([{ resourceType: 'Location', id: 'a', status: 'active', name: 'A' }]));
  expect(await publishIfDue(d.deps)).toMatchObject({ number: 1 });
  expect(await publishIfDue(d.deps)).toBe('not-due');
  d.pass(0.24);
  expect(await publishIfDue(d.deps)).toBe('not-due');
  d.pass(0.02);
  expect(await publishIfDue(d.deps)).toMatchObject({ number: 2 });
});

test('PUBLISH_EVERY=off: by command only', async () => {
  d = await publishing(undefined, { PUBLISH_EVERY: 'off' });
  expect(await publishIfDue(d.deps)).toBe('not-due');
  expect(await d.publish()).toMatchObject({ number: 1 });
  const root = (await (await d.get('$bulk-publish')).json()) as Record<string, unknown>;
  expect(root).not.toHaveProperty('updateCadence');
});

test('the worker publishes, makes exports, and removes what is past its time between publications', async () => {
  const node = await publishing(undefined, { PUBLISH_EVERY: 'P7D' });
  d = node;
  const worker = startPublishing(node.deps, mergedPublishing(node.deps));
  const published = async () => (await node.fetch('/directory/fhir/$bulk-publish')).status === 200;
  worker.wake();
  await vi.waitUntil(published, { timeout: 20_000 });
  const r = await node.fetch('/directory/fhir/$export?_since=2026-12-31T00:00:00Z');
  worker.wake();
  const status = async () => (await node.fetch(r.headers.get('content-location') ?? '')).status;
  await vi.waitUntil(async () => (await status()) === 200, { timeout: 20_000 });
  node.pass(1.1);
  expect(await status()).toBe(404);
  worker.wake();
  await vi.waitUntil(
    async () => (await node.database.sql`select from directory.file_set where channel = 'export'`).length === 0,
    { timeout: 20_000 },
  );
  await worker.stop();
  expect(await published()).toBe(true);
  expect(await makeExport(node.deps)).toBe(false);
});

test('a part that fails takes nothing else with it, and leaves nothing', async () => {
  d = await publishing();
  await d.publish();
  const before = await (await d.fetch('/.well-known/payer-index')).text();
  d.pass(1);
  await d.load(entries([{ resourceType: 'Location', id: 'later', status: 'active', name: 'Later' }]));
  const owner = '00000000-0000-0000-0000-00000000000a';
  const { database, blobs } = d;
  expect(await takeLease(database.sql, owner, d.clock.now, 60)).toBe(true);
  const made = await makePublication(d.deps, {
    owner,
    parts: ['bulk', 'index', 'qhp'],
    makers: {
      index: async ({ publication }) => {
        const id = await addSet(database.sql, 'index', publication.number);
        await blobs.put(
          `publication/${publication.number}/${id}/half.json`,
          (async function* () {
            yield Buffer.from('half');
          })(),
        );
        throw new Error('broken');
      },
      qhp: makeQhp,
    },
    alive: () => true,
  });
  expect(made).toMatchObject({ number: 2, failed: ['index'], changesSet: expect.stringMatching(/^\d+$/) as unknown });
  expect(await (await d.fetch('/.well-known/payer-index')).text()).toBe(before);
  expect((await d.fetch('/publications/bulk/page-2.json')).status).toBe(200);
  expect((await blobs.list('publication/2/')).filter((k) => k.includes('half'))).toEqual([]);
  expect(await database.sql`select from directory.file_set where state = 'making'`).toHaveLength(0);
});

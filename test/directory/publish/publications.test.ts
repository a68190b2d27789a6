import { afterAll, beforeAll, expect, test } from 'vitest';
import { cadence } from '../../../directory/publish/overview.ts';
import { directoryResources } from '../../../src/seed/plan-net/index.ts';
import { deletion, entries } from '../fixture.ts';
import { publishing } from './support.ts';

let d: Awaited<ReturnType<typeof publishing>>;
beforeAll(async () => {
  d = await publishing([...directoryResources({ seed: 5, resources: 300 })], {}, '2026-12-01T00:00:00.000Z');
});
afterAll(() => d.close());

type Json = {
  cadence: string;
  nextDue: string | null;
  channels: { name: string; url: string | null; state: string; files: number; audit?: string }[];
  files: { url: string; count: number; bytes: number; sha256: string; encoding: string | null }[];
  publications: { number: number; resources: number; changes: string | null; root: boolean }[];
};
const json = async () => (await (await d.fetch('/publications.json')).json()) as Json;

test('before anything is published', async () => {
  expect(await json()).toMatchObject({ nextDue: null, files: [], publications: [] });
  const page = await d.fetch('/publications');
  expect([page.status, (await page.text()).includes('Nothing was published yet.')]).toEqual([200, true]);
});

test('channels, files, publications and the next one', async () => {
  await d.publish();
  d.pass(1);
  await d.load([
    ...entries([{ resourceType: 'Location', id: 'n', status: 'active', name: 'N' }]),
    deletion('Endpoint/endpoint-2'),
  ]);
  await d.publish();
  const all = await json();
  expect([all.cadence, all.nextDue]).toEqual(['P1D', '2026-12-03T00:00:00.000Z']);
  expect(all.channels.map((c) => [c.name, c.state])).toEqual([
    ['$bulk-publish', 'ready'],
    ['$export', 'ready'],
    ['Medicare Plan Finder H9901, 2027', 'ready'],
    ['Marketplace (QHP)', 'ready'],
    ['Payer index', 'ready'],
  ]);
  for (const c of all.channels) expect((await d.fetch(c.url ?? '')).status).toBeLessThan(300);
  for (const f of all.files) {
    const r = await d.fetch(f.url, { method: 'HEAD', headers: { 'accept-encoding': 'gzip' } });
    expect([r.status, r.headers.get('content-encoding')]).toEqual([200, f.encoding]);
    expect(r.headers.get('repr-digest')).toBe(`sha-256=:${Buffer.from(f.sha256, 'hex').toString('base64')}:`);
  }
  expect(all.publications).toMatchObject([
    { number: 2, resources: 300, root: false, changes: 'https://plan.example/publications/bulk/page-2.json' },
    { number: 1, resources: 300, root: true, changes: null },
  ]);
  const page = await (await d.fetch('/publications')).text();
  for (const part of ['Medicare Plan Finder H9901, 2027', 'page-2', 'Dec 3, 2026, 12:00 AM UTC', 'cms-data-index.json'])
    expect(page).toContain(part);
  expect((await d.fetch('/publications/style.css')).headers.get('content-type')).toBe('text/css; charset=utf-8');
  expect((await d.fetch('/publications', { method: 'DELETE' })).headers.get('allow')).toBe('GET, HEAD');
});

test('the CapabilityStatement names the operations by URLs that resolve', async () => {
  const statement = (await (await d.get('metadata')).json()) as {
    rest: { operation: { name: string; definition: string }[] }[];
  };
  const operations = statement.rest[0]?.operation ?? [];
  expect(operations.map((o) => o.name)).toEqual(expect.arrayContaining(['bulk-publish', 'export', 'in-network']));
  for (const o of operations) {
    const r = await d.fetch(o.definition);
    expect(r.status).toBe(200);
    expect(await r.json()).toMatchObject({
      resourceType: 'OperationDefinition',
      url: o.definition,
      code: o.name,
      system: true,
    });
  }
});

test('nothing of a reader is written: no address, no agent, no parameter in logs; no cookie', async () => {
  d.lines.length = 0;
  for (const path of [
    '/publications?marker-7f3',
    '/directory/fhir/$export?_typeFilter=Location%3Fname%3Dmarker-7f3',
    '/publications/files/marker-7f3',
  ])
    expect(
      (await d.fetch(path, { headers: { 'user-agent': 'marker-7f3', 'x-forwarded-for': '203.0.113.9' } })).headers.get(
        'set-cookie',
      ),
    ).toBeNull();
  expect(d.lines.length).toBe(3);
  expect(JSON.stringify(d.lines)).not.toMatch(/marker-7f3|203\.0\.113\.9/);
});

test.each([
  ['P1D', 'day'],
  ['P1W', '7 days'],
  ['PT6H', '6 hours'],
  ['PT90M', '90 minutes'],
  ['PT1H', 'hour'],
])('every %s is every %s', (duration, words) => expect(cadence(duration)).toBe(words));

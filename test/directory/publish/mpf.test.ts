import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Resource } from '../../../src/fhir/resource.ts';
import { directoryResources } from '../../../src/seed/plan-net/index.ts';
import { deletion, entries } from '../fixture.ts';
import { publishing } from './support.ts';

let d: Awaited<ReturnType<typeof publishing>>;
const everything = [...directoryResources({ seed: 5, resources: 600 })];
beforeAll(async () => {
  d = await publishing(everything, {}, '2026-12-01T00:00:00.000Z');
  await d.load(entries([{ resourceType: 'Location', id: 'alone', status: 'active', name: 'In no network' }]));
  await d.publish();
});
afterAll(() => d.close());

const BASE = '/publications/mpf/H9901/2027';
type Bundle = { resourceType: string; type: string; entry: { fullUrl: string; resource: Resource }[] };

async function files(): Promise<Bundle[]> {
  const { provider_urls: urls } = (await (await d.fetch(`${BASE}/index.json`)).json()) as { provider_urls: string[] };
  return Promise.all(urls.map(async (u) => (await (await d.fetch(u)).json()) as Bundle));
}

test('index and files: whole URLs, the headers that CMS asks for, never compressed', async () => {
  const r = await d.fetch(`${BASE}/index.json`, { headers: { 'accept-encoding': 'gzip, br' } });
  const { provider_urls: urls } = (await r.clone().json()) as { provider_urls: string[] };
  expect(urls.map((u) => u.split('/').at(-1))).toEqual(
    ['InsurancePlan', 'Organization', 'Practitioner', 'PractitionerRole', 'Location', 'OrganizationAffiliation'].map(
      (t) => `${t}-001.json`,
    ),
  );
  for (const url of [`https://plan.example${BASE}/index.json`, ...urls]) {
    expect(url).toMatch(/^https:\/\/plan\.example\/[^\s,]+$/);
    const whole = await d.fetch(url, { headers: { 'accept-encoding': 'gzip' } });
    const size = (await whole.arrayBuffer()).byteLength;
    const head = await d.fetch(url, { method: 'HEAD', headers: { 'accept-encoding': 'gzip' } });
    for (const answer of [whole, head]) {
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-encoding')).toBeNull();
      expect(answer.headers.get('content-type')).toBe('application/json');
      expect(answer.headers.get('content-length')).toBe(String(size));
      expect(answer.headers.get('etag')).toMatch(/^"[0-9a-f]+"$/);
      expect(answer.headers.get('last-modified')).toBe('Tue, 01 Dec 2026 00:00:00 GMT');
      expect(answer.headers.get('cache-control')).toContain('no-transform');
    }
    for (const headers of [
      { 'if-none-match': whole.headers.get('etag') ?? '' },
      { 'if-modified-since': 'Tue, 01 Dec 2026 00:00:00 GMT' },
    ])
      expect((await d.fetch(url, { headers: headers as Record<string, string> })).status).toBe(304);
    const part = await d.fetch(url, { headers: { range: 'bytes=0-9' } });
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 10]);
  }
});

test('what belongs to the contract and nothing else; every reference resolves', async () => {
  const bundles = await files();
  const all = bundles.flatMap((b) => b.entry.map((e) => e.resource));
  const keys = all.map((r) => `${r.resourceType}/${String(r['id'])}`);
  expect(new Set(keys).size).toBe(keys.length);
  const known = new Set(keys);
  const references = [...JSON.stringify(all).matchAll(/"reference":"([^"]+)"/g)].map((m) => m[1] ?? '');
  expect(references.length).toBeGreaterThan(100);
  expect(references.filter((r) => !known.has(r))).toEqual([]);
  expect(known.has('Location/alone')).toBe(false);
  // the same by hand, from what was loaded
  const plans = everything.filter(
    (r) =>
      r.resourceType === 'InsurancePlan' &&
      JSON.stringify(r).includes('H9901') &&
      JSON.stringify(r['period']).includes('2027-01-01'),
  );
  const networks = new Set(plans.flatMap((p) => (p['network'] as { reference: string }[]).map((n) => n.reference)));
  const roles = everything.filter((r) => {
    if (r.resourceType !== 'PractitionerRole') return false;
    const period = r['period'] as { start?: string; end?: string } | undefined;
    const isCurrent = (period?.start ?? '0') <= '2027-01-01' && (period?.end ?? '9') >= '2027-01-01';
    return isCurrent && [...networks].some((n) => JSON.stringify((r['extension'] as object[])[0]).includes(`"${n}"`));
  });
  expect(
    all
      .filter((r) => r.resourceType === 'PractitionerRole')
      .map((r) => r['id'])
      .sort(),
  ).toEqual(roles.map((r) => r['id']).sort());
  expect(roles.length).toBeGreaterThan(10);
  const people = new Set(roles.map((r) => (r['practitioner'] as { reference: string }).reference));
  expect(keys.filter((k) => k.startsWith('Practitioner/')).sort()).toEqual([...people].sort());
});

test('generated data has no fatal finding and hides no record; the report says so in three forms', async () => {
  const page = await d.fetch(`${BASE}/audit`);
  const text = await page.text();
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(text).toContain('✔ Published.');
  expect(text).toContain('0 fatal, 0 that hide a record');
  expect(text).toContain('not checked: needs NPPES');
  const json = (await (await d.fetch(`${BASE}/audit.json`)).json()) as {
    fatal: boolean;
    records: { code: string }[];
    codes: { code: string; count: number | null; how: string }[];
  };
  expect([json.fatal, json.codes.length]).toEqual([false, 68]);
  for (const c of json.codes)
    expect(c.count).toBe(c.how === 'files' ? json.records.filter((r) => r.code === c.code).length : null);
  const csv = await (await d.fetch(`${BASE}/audit.csv`)).text();
  expect(csv.trimEnd().split('\r\n').length).toBe(json.records.length + 1);
});

test('a fatal finding leaves what was shown before', async () => {
  const before = await (await d.fetch(`${BASE}/index.json`)).text();
  d.pass(1);
  const gone = (r: Resource) => r.resourceType === 'PractitionerRole' || r.resourceType === 'OrganizationAffiliation';
  await d.load(everything.filter(gone).map((r) => deletion(`${r.resourceType}/${String(r['id'])}`)));
  expect(await d.publish(['mpf'])).toMatchObject({ refused: ['H9901/2027'], failed: [] });
  expect(await (await d.fetch(`${BASE}/index.json`)).text()).toBe(before);
  expect(await (await d.fetch(`${BASE}/audit`)).text()).toContain('✘ Refused');
  const files = (JSON.parse(before) as { provider_urls: string[] }).provider_urls;
  for (const url of files) expect((await d.fetch(url)).status).toBe(200);
  await d.load(entries(everything.filter(gone)));
  expect(await d.publish(['mpf'])).toMatchObject({ refused: [] });
  expect(await (await d.fetch(`${BASE}/index.json`)).text()).not.toBe(before);
});

test.each([
  '/publications/mpf/H9999/2027/index.json',
  '/publications/mpf/H9901/2026/audit',
  '/publications/mpf/x/y/audit.csv',
])('%s is 404', async (path) => {
  expect((await d.fetch(path)).status).toBe(404);
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DIRECTORY_ROLE } from '../../../directory/app.ts';
import { claimExport } from '../../../directory/publish/export-set.ts';
import { makeExport } from '../../../directory/publish/make-export.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { openDatabase } from '../../../src/runtime/node.ts';
import { deletion, entries, FIXTURE } from '../fixture.ts';
import { publishing } from './support.ts';

type File = { type: string; url: string; count: number };
type Manifest = {
  transactionTime: string;
  request: string;
  requiresAccessToken: boolean;
  output: File[];
  deleted: File[];
  error: File[];
};

let d: Awaited<ReturnType<typeof publishing>>;
beforeAll(async () => {
  d = await publishing(FIXTURE, {}, undefined, { directoryExportOpen: 2, directoryExportSets: 30 });
  await d.publish();
});
afterAll(() => d.close());

const kickOff = (query: string, init: RequestInit = {}) => d.fetch(`/directory/fhir/$export${query}`, init);

/** Kick-off, work and manifest. */
async function exported(query: string, init: RequestInit = {}): Promise<Manifest> {
  const r = await kickOff(query, init);
  if (r.status !== 202) throw new Error(`${query}: ${r.status} ${await r.text()}`);
  while (await makeExport(d.deps));
  const status = await d.fetch(r.headers.get('content-location') ?? '');
  expect(status.status).toBe(200);
  return (await status.json()) as Manifest;
}

const resources = async (files: File[]) =>
  (
    await Promise.all(
      files.map(async (f) =>
        (
          await (await d.fetch(f.url)).text()
        )
          .trimEnd()
          .split('\n')
          .map((l) => JSON.parse(l) as Resource),
      ),
    )
  ).flat();
const ids = async (files: File[]) => (await resources(files)).map((r) => `${r.resourceType}/${String(r['id'])}`).sort();

describe('without filters', () => {
  test('is answered at once from the newest files', async () => {
    const r = await kickOff('');
    expect([r.status, await r.text()]).toEqual([202, '']);
    const url = r.headers.get('content-location') ?? '';
    expect(url).toMatch(/^https:\/\/plan\.example\/directory\/fhir\/\$export-status\/p1-/);
    const status = await d.fetch(url);
    expect(status.headers.get('expires')).toBe('Tue, 02 Mar 2027 12:00:00 GMT');
    const m = (await status.json()) as Manifest;
    expect(m).toMatchObject({
      transactionTime: '2027-03-01T12:00:00.123Z',
      request: 'https://plan.example/directory/fhir/$export',
      requiresAccessToken: false,
      deleted: [],
      error: [],
    });
    expect((await ids(m.output)).length).toBe(FIXTURE.length);
  });

  test.each([
    ['?_type=Practitioner,Location', {}],
    ['?_type=Practitioner&_type=Location&_outputFormat=ndjson', {}],
    [
      '',
      {
        method: 'POST',
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify({
          resourceType: 'Parameters',
          parameter: [
            { name: '_type', valueString: 'Location,Practitioner' },
            { name: '_outputFormat', valueString: 'application/fhir+ndjson' },
          ],
        }),
      },
    ],
  ])('%s %j', async (query, init) => {
    const m = await exported(query, init);
    expect(m.output.map((f) => [f.type, f.count])).toEqual([
      ['Location', 2],
      ['Practitioner', 1],
    ]);
    expect(m.request).toBe('https://plan.example/directory/fhir/$export?_type=Location%2CPractitioner');
  });

  test('HEAD only looks: it makes no set of files', async () => {
    const answer = await kickOff('?_elements=name&_type=HealthcareService', { method: 'HEAD' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, POST']);
    expect(answer.headers.get('content-location')).toBeNull();
  });

  test('%24export is the same; DELETE forgets this URL and nobody else’s', async () => {
    const one = (await d.fetch('/directory/fhir/%24export')).headers.get('content-location') ?? '';
    const two = (await kickOff('')).headers.get('content-location') ?? '';
    expect(one).not.toBe(two);
    expect((await d.fetch(one, { method: 'DELETE' })).status).toBe(202);
    expect((await d.fetch(one)).status).toBe(404);
    expect((await d.fetch(one, { method: 'DELETE' })).status).toBe(404);
    expect((await d.fetch(two)).status).toBe(200);
  });
});

describe('with filters', () => {
  test('queued, written, there: the same for all who ask the same', async () => {
    const asked =
      '?_typeFilter=Organization%3Ftype%3Dntwk&_typeFilter=Organization%3Fname%3DOak%2520Health&_type=Organization,Endpoint';
    const urls = await Promise.all([kickOff(asked), kickOff(asked)]);
    const [a = '', b = ''] = urls.map((r) => r.headers.get('content-location') ?? '');
    const key = (url: string) => url.split('/').at(-1)?.split('-')[0];
    expect(key(a)).toBe(key(b));
    expect(a).not.toBe(b);
    // Bulk Data 2.0.0 joins them by commas
    const joined = encodeURIComponent('Organization?name=Oak%20Health,Organization?type=ntwk');
    const comma = await kickOff(`?_typeFilter=${joined}&_type=Organization,Endpoint`);
    expect(key(comma.headers.get('content-location') ?? '')).toBe(key(a));
    const waiting = await d.fetch(a);
    expect([waiting.status, waiting.headers.get('x-progress'), waiting.headers.get('retry-after')]).toEqual([
      202,
      'queued',
      '2',
    ]);
    expect(
      await d.database.sql`select from directory.file_set where channel = 'export' and state = 'wanted'`,
    ).toHaveLength(1);
    expect(await makeExport(d.deps)).toBe(true);
    expect(await makeExport(d.deps)).toBe(false);
    const m = (await (await d.fetch(b)).json()) as Manifest;
    expect(await ids(m.output)).toEqual(['Endpoint/e1', 'Organization/net1', 'Organization/payer1']);
    expect(m.request).not.toContain('ntwk');
    // what was searched for is forgotten
    expect(
      JSON.stringify(await d.database.sql`select parameters from directory.file_set where channel = 'export'`),
    ).not.toContain('ntwk');
    expect((await d.fetch(a, { method: 'DELETE' })).status).toBe(202);
    expect([(await d.fetch(a)).status, (await d.fetch(b)).status]).toEqual([404, 200]);
  });

  test('_elements, of all types and of one', async () => {
    const m = await exported('?_elements=name,Practitioner.gender&_type=Practitioner,Location');
    for (const r of await resources(m.output)) {
      expect((r['meta'] as { tag: { code: string }[] }).tag[0]?.code).toBe('SUBSETTED');
      if (r.resourceType === 'Practitioner') expect([r['gender'], r['communication']]).toEqual(['female', undefined]);
      else expect([r['name'] !== undefined, r['address']]).toEqual([true, undefined]);
    }
  });

  test('_since and _until: changed after, up to, and deletions; never both', async () => {
    const since = (await exported('')).transactionTime;
    d.pass(1);
    await d.load(entries([{ resourceType: 'Location', id: 'new', status: 'active', name: 'New' }]));
    await d.load([deletion('Location/loc1'), deletion('Endpoint/e1')]);
    await d.load(entries([{ resourceType: 'Endpoint', id: 'e1', status: 'active', name: 'again' }]));
    const m = await exported(`?_since=${encodeURIComponent(since)}`);
    expect(await ids(m.output)).toEqual(['Endpoint/e1', 'Location/new']);
    const gone = (await resources(m.deleted)).flatMap((b) =>
      (b['entry'] as { request: { url: string } }[]).map((e) => e.request.url),
    );
    expect(gone).toEqual(['Location/loc1']);
    expect(m.deleted[0]?.type).toBe('Bundle');
    expect(await ids((await exported(`?_since=${encodeURIComponent(m.transactionTime)}`)).output)).toEqual([]);
    const before = await exported(`?_until=${encodeURIComponent(since)}&_type=Location,Endpoint`);
    expect(await ids(before.output)).toEqual(['Location/area1']);
    expect(before.deleted).toEqual([]);
  });

  test('lenient: what is not supported is named in an outcome file', async () => {
    const m = await exported('?patient=Patient/1&_type=Location,Patient', {
      headers: { prefer: 'respond-async, handling=lenient' },
    });
    const found = (await resources(m.error)).map((r) => (r['issue'] as { diagnostics: string }[])[0]?.diagnostics);
    expect(found).toEqual(['Ignored, not supported here: _type', 'Ignored, not supported here: patient']);
  });

  test('stale records by the limit of the node, as the search finds them', async () => {
    const at = new Date(d.clock.now.getTime() - 40 * 86_400_000).toISOString();
    const target = [{ reference: 'Location/area1' }];
    const verified = { resourceType: 'VerificationResult', id: 'v40', status: 'validated', target, lastPerformed: at };
    await d.load(entries([verified]));
    const filter = '?_type=Location&_typeFilter=Location%3Fstale%3Dfalse';
    expect(await ids((await exported(filter)).output)).toContain('Location/area1');
    const short = { ...d.deps, config: { ...d.deps.config, directoryStaleDays: 30 } };
    const kicked = await kickOff(`${filter}&_since=2000-01-01T00:00:00Z`);
    expect(await makeExport(short)).toBe(true);
    const status = await d.fetch(kicked.headers.get('content-location') ?? '');
    expect(await ids(((await status.json()) as Manifest).output)).not.toContain('Location/area1');
    await d.load([deletion('VerificationResult/v40')]);
  });

  test('files go when their time is over, and the URL with them', async () => {
    const r = await kickOff('?_since=2026-12-31T00:00:00Z');
    while (await makeExport(d.deps));
    const url = r.headers.get('content-location') ?? '';
    const m = (await (await d.fetch(url)).json()) as Manifest;
    d.pass(1.1);
    await d.publish();
    expect((await d.fetch(m.output[0]?.url ?? '')).status).toBe(404);
    const [left] = await d.database.sql`select count(*)::int as n from directory.file_set where channel = 'export'`;
    expect(left?.['n']).toBe(0);
  });

  test('a process that dies loses its claim; the set is made by another', async () => {
    const r = await kickOff('?_since=2026-12-30T00:00:00Z');
    await claimExport(d.database.sql, '00000000-0000-0000-0000-000000000001', d.clock.now, 30);
    expect(await makeExport(d.deps)).toBe(false);
    d.pass(0.001);
    expect(await makeExport(d.deps)).toBe(true);
    expect(r.status).toBe(202);
  });
});

test.each([
  '?patient=Patient/1',
  '?_type=Patient',
  '?_since=yesterday',
  '?_since=2027-02-01',
  '?_typeFilter=Practitioner',
  '?_typeFilter=Practitioner%3F_count%3D5',
  '?_typeFilter=Practitioner%3F_include%3D*',
  '?_typeFilter=PractitionerRole%3Fpractitioner.family%3Do',
  '?_typeFilter=Practitioner%3F_has%3APractitionerRole%3Apractitioner%3Aactive%3Dtrue',
  '?_typeFilter=Practitioner%3Fnonsense%3D1',
  '?_typeFilter=Practitioner%3Ffamily%3Do&_type=Location',
  '?_outputFormat=csv',
  '?_elements=a%20b',
  '?_since=2027-02-01T00:00:00Z&_until=2027-01-01T00:00:00Z',
])('%s is 400', async (query) => {
  const r = await kickOff(query);
  expect(r.status).toBe(400);
  expect(((await r.json()) as { resourceType: string }).resourceType).toBe('OperationOutcome');
});

test('a body that is no Parameters is refused', async () => {
  const post = (body: string, type = 'application/fhir+json') =>
    kickOff('', { method: 'POST', body, headers: { 'content-type': type } });
  expect((await post('{')).status).toBe(400);
  expect((await post('{"resourceType":"Patient"}')).status).toBe(422);
  expect((await post('a=b', 'application/x-www-form-urlencoded')).status).toBe(415);
  expect((await kickOff('', { method: 'PUT' })).headers.get('allow')).toBe('GET, POST');
});

test.each(['x', 'p9-1fe-000000000000000000000000', `e${'0'.repeat(32)}-${'0'.repeat(24)}`, "p1-1fe-'"])(
  'status %s is 404',
  async (id) => {
    expect((await d.fetch(`/directory/fhir/$export-status/${id}`)).status).toBe(404);
    expect((await d.fetch(`/directory/fhir/$export-status/${id}`, { method: 'DELETE' })).status).toBe(404);
  },
);

test('the limit is on the node: 429 with Retry-After, exports without filters go on', async () => {
  const asked = await Promise.all([1, 2, 3, 4].map((n) => kickOff(`?_since=2026-11-0${n}T00:00:00Z`)));
  expect(asked.map((r) => r.status).sort()).toEqual([202, 202, 429, 429]);
  expect(asked.find((r) => r.status === 429)?.headers.get('retry-after')).toBe('120');
  expect((await kickOff('')).status).toBe(202);
  while (await makeExport(d.deps));
});

test('the directory’s role may ask and give back, and write nothing else', async () => {
  const role = openDatabase(d.database.url, { max: 1, role: DIRECTORY_ROLE });
  const [asked] = await role.sql`select directory.request_export('k', 1, '{}'::jsonb, now(), now(), 5, 500) as answer`;
  expect(asked?.['answer']).toBe('asked');
  await expect(role.sql`update directory.file_set set state = 'ready'`).rejects.toMatchObject({ code: '42501' });
  await expect(role.sql`insert into directory.export_released values ('x', now())`).rejects.toMatchObject({
    code: '42501',
  });
  await expect(role.sql`delete from directory.publication`).rejects.toMatchObject({ code: '42501' });
  const big = JSON.stringify({ a: 'x'.repeat(20_000) });
  const [refused] =
    await role.sql`select directory.request_export('l', 1, ${big}::text::jsonb, now(), now(), 5, 500) as answer`;
  expect(refused?.['answer']).toBe('full');
  await role.close();
});

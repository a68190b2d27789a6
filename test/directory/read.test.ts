import type { CapabilityStatement } from 'fhir/r4.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PARAMETERS } from '../../src/fhir/search/parameters.ts';
import { BASE, body, deletion, directory, entries, FIXTURE } from './fixture.ts';

const SENT =
  '{ "resourceType": "Location", "id": "precise",\n "status": "active", "name": "Tab\\t and \\u00e9 \\\\ back", "position": {"longitude": -72.600, "latitude": 4.170e1} }';

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory([...FIXTURE, SENT]);
});
afterAll(() => d.close());

test('a resource is served as it was sent, with its version', async () => {
  const response = await d.get('Location/precise');
  expect(response.status).toBe(200);
  expect(await response.text()).toBe(
    '{"resourceType":"Location","id":"precise","meta":{"versionId":"1","lastUpdated":"2027-03-01T12:00:00.123Z"},"status":"active","name":"Tab\\t and \\u00e9 \\\\ back","position":{"longitude":-72.600,"latitude":4.170e1}}',
  );
  expect(response.headers.get('etag')).toBe('W/"1"');
  expect(response.headers.get('last-modified')).toBe('Mon, 01 Mar 2027 12:00:00 GMT');
  expect(response.headers.get('content-type')).toMatch(/^application\/fhir\+json; fhirVersion=4.0/);
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  const found = await d.get('Location?name:exact=Tab%09%20and%20%C3%A9%20%5C%5C%20back');
  expect(await found.text()).toContain('-72.600,"latitude":4.170e1');
});

test.each([
  [{ 'if-none-match': 'W/"1"' }, 304],
  [{ 'if-none-match': '"0", "1"' }, 304],
  [{ 'if-none-match': 'W/"2"' }, 200],
  [{ 'if-modified-since': 'Mon, 01 Mar 2027 12:00:00 GMT' }, 304],
  [{ 'if-modified-since': 'Mon, 01 Mar 2027 11:59:59 GMT' }, 200],
  [{ 'if-none-match': 'W/"2"', 'if-modified-since': 'Mon, 01 Mar 2027 12:00:00 GMT' }, 200],
])('conditional read %j', async (headers: Record<string, string>, status) => {
  const response = await d.get('Practitioner/p1', headers);
  expect(response.status).toBe(status);
  expect(response.headers.get('etag')).toBe('W/"1"');
  if (status === 304) expect(await response.text()).toBe('');
});

test('HEAD has the headers and no body', async () => {
  const response = await d.get('Practitioner/p1', {}, 'HEAD');
  expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([200, 'W/"1"', '']);
});

test.each([
  '//directory/fhir/Practitioner/p1',
  '/directory/fhir/Practitioner/p1/',
  '/directory//fhir/Practitioner//p1',
  '/directory/fhir//metadata',
])('%s is the same path', async (path) => {
  expect((await d.app.request(`http://x${path}`)).status).toBe(200);
});

test('what a directory has no place for is told, not only refused', async () => {
  const asked = async (path: string, method: string) => {
    const response = await d.app.request(`${BASE}${path}`, { method });
    return [response.status, response.headers.get('allow'), (await body(response)).issue?.[0]?.diagnostics];
  };
  expect(await asked('', 'POST')).toEqual([405, 'GET, HEAD', expect.stringContaining('neither batches nor')]);
  expect(await asked('?_type=Location', 'GET')).toEqual([404, null, expect.stringContaining('/Practitioner?name=')]);
  expect(await asked('/Location', 'POST')).toEqual([405, 'GET, HEAD', expect.stringContaining('read only')]);
  expect(await asked('/Location/_search?name=x', 'GET')).toEqual([
    405,
    'POST',
    expect.stringContaining('form by POST'),
  ]);
});

test('a page of another origin may send what headers its FHIR library likes', async () => {
  const response = await d.app.request(`${BASE}/Location`, { method: 'OPTIONS' });
  expect(response.status).toBe(204);
  expect(response.headers.get('access-control-allow-headers')?.split(', ')).toEqual(
    expect.arrayContaining(['*', 'Authorization', 'Cache-Control']),
  );
});

test.each([
  ['Practitioner/nobody', 404, 'not-found'],
  ['Practitioner/a%20b', 404, 'not-found'],
  ['Patient/p1', 404, 'not-supported'],
  ['Practitioner/p1/_history/2', 404, 'not-found'],
  ['Practitioner/p1/_history/x', 404, 'not-found'],
  ['Practitioner/p1/nothing/here/at/all', 404, 'not-found'],
])('%s answers %i', async (path, status, code) => {
  const response = await d.get(path);
  expect(response.status).toBe(status);
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect((await body(response)).issue?.[0]?.code).toBe(code);
});

test.each([
  ['PUT', 'Practitioner/p1'],
  ['DELETE', 'Practitioner/p1'],
  ['PATCH', 'Practitioner/p1'],
  ['POST', 'Practitioner'],
  ['POST', 'metadata'],
])('%s %s is not allowed', async (method, path) => {
  const response = await d.get(path, {}, method);
  expect(response.status).toBe(405);
  expect(response.headers.get('allow')).toBe('GET, HEAD');
  expect((await body(response)).issue?.[0]?.code).toBe('not-supported');
});

test.each([
  ['application/fhir+json', 200],
  ['text/html,application/xhtml+xml;q=0.9', 200],
  ['application/fhir+json; fhirVersion=4.0', 200],
  ['application/fhir+json; fhirVersion=3.0', 406],
  ['application/fhir+xml', 200],
  ['application/json;q=0', 406],
])('Accept: %s', async (accept, status) => {
  expect((await d.get('Practitioner/p1', { accept })).status).toBe(status);
  expect((await d.get('Practitioner', { accept })).status).toBe(status);
  expect((await d.get('metadata', { accept })).status).toBe(status);
});

test('versions: update, delete, reinstate', async () => {
  const own = await directory();
  const p1 = FIXTURE.find((r) => r['id'] === 'p1');
  if (!p1) throw new Error('the fixture has p1');
  await own.load(entries([{ ...p1, gender: 'male' }]));
  expect((await own.get('Practitioner/p1')).headers.get('etag')).toBe('W/"2"');
  expect(await own.find('Practitioner?gender=female')).toEqual([]);
  expect(await own.find('Practitioner?gender=male')).toEqual(['Practitioner/p1']);
  expect(await (await own.get('Practitioner/p1/_history/1')).json()).toMatchObject({
    gender: 'female',
    meta: { versionId: '1' },
  });

  expect(await own.load([deletion('Practitioner/p1')])).toMatchObject({ deleted: 1 });
  const gone = await own.get('Practitioner/p1');
  expect([gone.status, (await body(gone)).issue?.[0]?.code]).toEqual([410, 'deleted']);
  expect((await own.get('Practitioner/p1/_history/3')).status).toBe(410);
  expect((await own.get('Practitioner/p1/_history/2')).status).toBe(200);
  expect(await own.find('Practitioner')).toEqual([]);
  expect((await body(await own.get('Practitioner'))).total).toBe(0);
  expect(await own.find('Practitioner?gender=male')).toEqual([]);
  expect((await body(await own.get('PractitionerRole?_include=PractitionerRole:practitioner'))).entry?.length).toBe(1);

  expect(await own.load(entries([p1]))).toMatchObject({ updated: 1, created: 0 });
  expect((await own.get('Practitioner/p1')).headers.get('etag')).toBe('W/"4"');
  expect((await body(await own.get('Practitioner'))).total).toBe(1);
  expect(await own.find('Practitioner?gender=female')).toEqual(['Practitioner/p1']);
  await own.close();
});

test('metadata is made from the parameter table', async () => {
  const statement = (await (await d.get('metadata')).json()) as CapabilityStatement;
  expect(statement.instantiates).toEqual(['http://hl7.org/fhir/us/davinci-pdex-plan-net/CapabilityStatement/plan-net']);
  expect(statement.implementation?.url).toBe(BASE);
  const resources = statement.rest?.[0]?.resource ?? [];
  expect(resources.map((r) => r.type)).toEqual([...PARAMETERS.keys()]);
  for (const r of resources)
    expect(r.searchParam?.map((p) => p.name)).toEqual([
      '_id',
      '_lastUpdated',
      ...(PARAMETERS.get(r.type as 'Location')?.keys() ?? []),
    ]);
  expect(resources.find((r) => r.type === 'Organization')?.supportedProfile).toHaveLength(2);
});

test('logs hold templates and counts, never a value of the request', async () => {
  const mark = 'xmarkerx';
  d.lines.length = 0;
  await d.get(`Practitioner?name=${mark}`, { 'user-agent': mark, referer: mark });
  await d.get(`Practitioner/${mark}`);
  await d.get(`${mark}/1`);
  await d.get(`Practitioner?${mark}=1`);
  await d.app.request('/directory/fhir/Practitioner/_search', {
    method: 'POST',
    body: `name=${mark}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect(d.lines.length).toBe(5);
  expect(JSON.stringify(d.lines)).not.toContain(mark);
  expect(d.lines.map((l) => l['route'])).toEqual(['/:type', '/:type/:id', '/:type/:id', '/:type', '/:type/_search']);
});

test('the limit of requests a minute', async () => {
  const own = await directory([], { DIRECTORY_RATE_PER_MINUTE: '2' });
  const first = await own.get('metadata');
  expect(first.headers.get('ratelimit')).toBe('"default";r=1;t=60');
  await own.get('metadata');
  const third = await own.get('metadata');
  expect([third.status, third.headers.get('retry-after')]).toEqual([429, '60']);
  const told = (await body(third)).issue?.[0];
  // who takes all of it one by one is told of the files
  expect([told?.code, told?.diagnostics?.includes('$bulk-publish')]).toEqual(['throttled', true]);
  const other = await own.get('metadata', { 'x-forwarded-for': '198.51.100.7' });
  expect(other.status).toBe(200);
  await own.close();
});

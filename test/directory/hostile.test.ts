// Queries that nobody sends in good faith: each is answered quickly, as an OperationOutcome or a Bundle, never with 500.
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDirectory } from '../../directory/app.ts';
import { createSite } from '../../directory/site.ts';
import { workOf } from '../../directory/work.ts';
import { readConfig } from '../../src/config.ts';
import { admission } from '../../src/http/admission.ts';
import { noMetrics } from '../../src/runtime/no-metrics.ts';
import { fileBlobs, fileKeys, openDatabase } from '../../src/runtime/node.ts';
import { directory, NOW, ORIGIN } from './fixture.ts';
import { siteDeps } from './pages-fixture.ts';

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory(undefined, {});
});
afterAll(() => d.close());

const many = (n: number, of: (i: number) => string) => Array.from({ length: n }, (_, i) => of(i)).join(',');
const deep = (n: number) => Array.from({ length: n }, () => 'partof').join('.');

/** Path and the status it must have; 200 where the query is odd but can be answered. */
const CASES: [path: string, status: number][] = [
  ['Practitioner?name=%00', 400],
  ['Practitioner?name=a%00b', 400],
  ['Practitioner?%00=1', 400],
  ['Practitioner?identifier=%00|x', 400],
  ['Practitioner?name=%ED%A0%80', 400],
  ['Practitioner?name=%FF%FE', 400],
  ['Practitioner?name=%', 200],
  ['Practitioner?name=%zz', 200],
  ['Practitioner?name=%C0%AE%C0%AE', 400],
  ["Practitioner?name=' or 1=1 --", 200],
  ["Practitioner?family='; drop table directory.resource; --", 200],
  ['Practitioner?family=\\', 200],
  ['Practitioner?family=\\\\\\\\,\\,', 200],
  ['Practitioner?identifier=$1', 200],
  ['Practitioner?name=$1::text', 200],
  ['Practitioner?name:contains=%25_%25', 200],
  ['Practitioner?name=.*', 200],
  ['Practitioner?name=(a%2B)%2B$', 200],
  ['Practitioner?name=[[:alpha:]]', 200],
  ['Practitioner?name=\u{1F468}\u200D\u{1F469}\u200D\u{1F467}', 200],
  ['Practitioner?name=\u202Eevil', 200],
  [`Practitioner?name=${'\u0301'.repeat(500)}`, 200],
  [`Practitioner?name=${'a'.repeat(5000)}`, 200],
  [`Practitioner?name:exact=${'%F0%9F%92%A9'.repeat(300)}`, 200],
  ['Practitioner?_lastUpdated=99999999999999', 400],
  ['Practitioner?_lastUpdated=gt9999-12-31T23:59:59.999Z', 200],
  ['Practitioner?_lastUpdated=lt0000-01-01', 400],
  ['Practitioner?_lastUpdated=ap0001-01-01', 200],
  ['Practitioner?_lastUpdated=xx2020', 400],
  ['Practitioner?_lastUpdated=2020-13-45', 400],
  ['PractitionerRole?period=ne9999', 200],
  ['Practitioner?_count=99999999999999999999', 400],
  ['Practitioner?_count=1e9', 400],
  ['Practitioner?_count=-0', 400],
  ['Practitioner?_count=999999999', 200],
  [`Practitioner?_id=${many(150, (i) => `p${i}`)}`, 200],
  ['Practitioner?_id=../../etc/passwd', 200],
  ['Practitioner?_cursor=AAAA', 400],
  [`Practitioner?_cursor=${'A'.repeat(4000)}`, 400],
  ['Practitioner?_cursor=__________8', 200],
  // a position among the best names is how many stand before it
  ['Practitioner?name-like=smith&_cursor=__________8', 400],
  ['Practitioner?name-like=smith&_cursor=fwAAAAAAAAA', 400],
  ['Practitioner?name-like=smith&_cursor=AAAAAAAAAAU', 200],
  [`Practitioner?_sort=${many(50, () => 'family')}`, 400],
  ['Practitioner?_sort=family,;drop', 400],
  [`Organization?${deep(3)}.name=x`, 400],
  [`Organization?${deep(50)}.name=x`, 400],
  [`Organization?${'_has:Organization:partof:'.repeat(40)}name=x`, 400],
  ['Organization?_has:::::=x', 400],
  ['Organization?_has:Organization:partof=x', 400],
  ['Organization?.name=x', 400],
  ['Organization?partof..name=x', 400],
  ['Organization?partof:Organization:Organization.name=x', 200],
  [`Organization?partof.partof.name=${many(60, (i) => `a${i}`)}`, 400],
  [`Organization?name=${many(201, (i) => `a${i}`)}`, 400],
  [`Organization?_include=${'Organization:partof:'.repeat(30)}`, 200],
  [`Organization?${many(101, () => 'name=a').replaceAll(',', '&')}`, 400],
  ['Location?near=1e308|1e308|1e308|km', 400],
  ['Location?near=Infinity|0|1|km', 400],
  ['Location?near=0|0|999999999|km', 200],
  ['Location?near=|||', 400],
  ['Location?near=0\\|0\\|1\\|km', 200],
  ['Location?near=0|0|1|__proto__', 400],
  ['Location?near=0|0|1|constructor', 400],
  [`Location?near=${many(150, (i) => `${i % 90}|${i}|100|km`)}`, 400],
  ['Location?near-zip=00000|1|km', 400],
  ['Location?contains=90|180', 200],
  ['Location?open-at=mon|99:99', 400],
  ['PractitionerRole?new-patient-and-from-network=$', 400],
  ['PractitionerRole?new-patient-and-from-network=a$b$c', 400],
  ['PractitionerRole?network:identifier=|||', 400],
  ['PractitionerRole?constructor=x', 400],
  ['PractitionerRole?toString.x=x', 400],
  ['PractitionerRole?__proto__.name=x', 400],
  ['PractitionerRole?_elements=__proto__', 400],
  [`PractitionerRole?_elements=${many(60, () => 'active')}`, 200],
  ['PractitionerRole?_summary=constructor', 400],
  [`PractitionerRole?_source:below=${'%25'.repeat(100)}`, 200],
  ['PractitionerRole?_tag=|', 400],
  [`Practitioner?name-like=${'z'.repeat(199)}`, 200],
  [`Practitioner?phone=${'1'.repeat(2000)}`, 200],
  ['__proto__?_id=1', 404],
  ['constructor/1', 404],
  ['Practitioner/%2e%2e%2f', 404],
  [`Practitioner/${'a'.repeat(200)}`, 404],
  ['Practitioner/p1/_history/99999999999999999999', 404],
  ['Practitioner/p1/_history/-1', 404],
  ['Practitioner?__explain=true', 400],
];

test('there are enough of them', () => expect(CASES.length).toBeGreaterThan(60));

test.each(CASES.map(([path, status], i) => [i, path, status] as const))('%i %.70s', async (_, path, status) => {
  const response = await d.get(path);
  const answer = (await response.json()) as { resourceType: string };
  expect([response.status, response.headers.get('content-type')]).toEqual([
    status,
    'application/fhir+json; fhirVersion=4.0; charset=utf-8',
  ]);
  expect(answer.resourceType).toBe(status === 200 ? 'Bundle' : 'OperationOutcome');
});

test('ten thousand alternatives in a form are refused by their number, not run', async () => {
  const response = await d.app.request('/directory/fhir/Organization/_search', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `name=${many(10_000, () => 'a')}`,
  });
  expect(response.status).toBe(400);
});

test('whoever sends a body slowly takes no place of those who are answered', async () => {
  const database = openDatabase(d.database.url, { max: 1 });
  const config = readConfig({ BASE_URL: ORIGIN, DIRECTORY_RATE_PER_MINUTE: '0' });
  const deps = { config, clock: () => NOW, database, log: () => {}, metrics: noMetrics };
  const site = createSite(
    { ...deps, blobs: fileBlobs(tmpdir()), keys: fileKeys(tmpdir()) },
    { work: workOf(config, { admission: admission([4, 4, 4, 4], 0, 0, { pause: async () => {} }) }) },
  );
  const ask = (path: string, init: RequestInit = {}) => site.fetch(new Request(`${ORIGIN}${path}`, init));
  const never = new Promise<never>(() => {});
  const slow = (path: string) =>
    ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new ReadableStream({ pull: () => never }),
      duplex: 'half',
    } as RequestInit);
  for (const path of ['fhir/Practitioner/_search', 'fhir/$in-network', 'fhir/$export']) void slow(`/directory/${path}`);
  void slow('/check');
  await new Promise((r) => setImmediate(r));
  expect((await ask('/directory/fhir/Practitioner?_id=p1')).status).toBe(200);
  expect((await ask('/find')).status).toBe(200);
  await database.close();
});

test.each([
  { accept: 'application/fhir+json'.repeat(500) },
  { accept: '*/*;q=\u00ff' },
  { prefer: 'handling=lenient,'.repeat(300) },
  { 'if-none-match': 'W/"'.repeat(1000) },
  { 'if-modified-since': 'yesterday' },
  { 'x-forwarded-for': `${'1.1.1.1, '.repeat(500)}::1` },
  { 'x-request-id': `a\tb${'c'.repeat(500)}` },
  { 'content-length': '-1' },
])('headers %#', async (headers) => {
  const response = await d.get('Practitioner?_id=p1', headers as unknown as Record<string, string>);
  expect([200, 406]).toContain(response.status);
  expect(response.headers.get('x-request-id')).toMatch(/^[A-Za-z0-9-]{1,64}$/);
});

test('a statement that takes too long ends with 503 and Retry-After', async () => {
  const own = await directory();
  const database = openDatabase(own.database.url, { max: 2, statementTimeoutMs: 150 });
  const blocker = own.database.dedicated('work');
  await blocker.unsafe('begin; lock table directory.lookup in access exclusive mode');
  const app = createDirectory({
    config: readConfig({ BASE_URL: ORIGIN, DIRECTORY_RATE_PER_MINUTE: '0' }),
    clock: () => NOW,
    database,
    log: () => {},
    metrics: noMetrics,
    blobs: fileBlobs(tmpdir()),
    keys: fileKeys(tmpdir()),
  });
  const response = await app.request('/directory/fhir/PractitionerRole?specialty=207RC0000X');
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await response.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'timeout' }] });
  await blocker.unsafe('rollback');
  await blocker.end();
  await database.close();
  await own.close();
});

test('the plan of a search is shown where a setting allows it', async () => {
  const own = await directory(undefined, {}, undefined, undefined, { directoryExplain: true });
  const response = await own.get('PractitionerRole?specialty=207RC0000X&__explain=true');
  expect(response.headers.get('cache-control')).toBe('no-store');
  const shown = (await response.json()) as {
    resourceType: string;
    parameter: { name: string; valueInteger?: number; valueString?: string }[];
  };
  expect(shown.resourceType).toBe('Parameters');
  const of = (name: string) => shown.parameter.find((p) => p.name === name);
  expect(of('plan')?.valueString).toContain('lookup_pkey');
  expect(of('rows')?.valueInteger).toBe(1);
  await own.close();
});

test('the plan that is shown is the one that is kept for all values, where such are kept', async () => {
  const own = await directory(undefined, {}, undefined, undefined, { directoryExplain: true });
  const database = openDatabase(own.database.url, { max: 1, keepsPlans: true, statementTimeoutMs: 2000 });
  const app = createDirectory(siteDeps(database, {}, { directoryExplain: true }));
  const ask = () => app.request("/directory/fhir/Practitioner?name=an&family=o'x&__explain=true");
  const shown = JSON.stringify(await (await ask()).json());
  expect(shown).toContain('$1');
  expect(shown).not.toContain("'o''x'");
  // one that takes too long leaves the connection as it was
  const blocker = own.database.dedicated('work');
  await blocker.unsafe('begin; lock table directory.words in access exclusive mode');
  expect((await ask()).status).toBe(503);
  await blocker.unsafe('rollback');
  expect((await ask()).status).toBe(200);
  await blocker.end();
  await database.close();
  await own.close();
});

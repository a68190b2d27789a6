// The directory in XML: the same as in JSON, on every route that answers in FHIR. https://hl7.org/fhir/R4/http.html#mime-type
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DIRECTORY_TYPES } from '../../src/fhir/search/types.ts';
import { fromJson, fromXml } from '../fhir/xml-tree.ts';
import { BASE, directory } from './fixture.ts';

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory();
});
afterAll(() => d.close());

const VARY = 'accept, accept-encoding';
const XML = { accept: 'application/fhir+xml' };
const TYPE = 'application/fhir+xml; fhirVersion=4.0; charset=utf-8';

test.each([
  ...DIRECTORY_TYPES,
  'Practitioner/p1',
  'Practitioner/p1?_summary=true',
  'Practitioner/p1/_history',
  'Practitioner/p1/_history/1',
  'Practitioner/_history?_count=2',
  '_history?_count=3',
  'PractitionerRole?_include=*&_count=2&_sort=-_lastUpdated',
  'Practitioner?_summary=count',
  'metadata',
  'SearchParameter',
  '$in-network?plan=ip1&npi=9000000015',
  'OperationDefinition/in-network',
  'OperationDefinition/bulk-publish',
  // errors
  'Practitioner/none',
  'Practitioner?shoe=9',
  'Patient',
  'Practitioner/p1/nothing',
])('%s is the same as in JSON', async (path) => {
  const json = await d.get(path);
  const xml = await d.get(path, XML);
  expect(xml.status).toBe(json.status);
  expect(xml.headers.get('content-type')).toBe(TYPE);
  expect([xml.headers.get('vary'), json.headers.get('vary')]).toEqual([VARY, VARY]);
  expect(xml.headers.get('etag')).toBe(json.headers.get('etag'));
  const text = await xml.text();
  expect(Number(xml.headers.get('content-length'))).toBe(new TextEncoder().encode(text).length);
  const told = (await json.json()) as Record<string, unknown>;
  expect(fromXml(text)).toEqual(fromJson(told));
});

test.each([
  // a browser, a client that takes both, one that likes one better, one that names nothing
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'json'],
  ['application/fhir+xml;q=1.0, application/fhir+json;q=1.0', 'json'],
  ['application/fhir+json;q=0.5, application/fhir+xml', 'xml'],
  ['application/fhir+json, application/fhir+xml;q=0.9', 'json'],
  ['application/xml, */*', 'xml'],
  ['text/xml', 'xml'],
  ['Application/FHIR+XML; fhirVersion=4.0', 'xml'],
  ['application/fhir+xml;q=0, */*', 'json'],
  ['*/*', 'json'],
])('Accept: %s is answered in %s', async (accept, form) => {
  const answer = await d.get('Practitioner/p1', { accept });
  expect([answer.status, answer.headers.get('content-type')?.split(';', 1)[0]]).toEqual([
    200,
    `application/fhir+${form}`,
  ]);
});

test.each([
  ['Practitioner/p1?_format=xml', {}, 'xml'],
  ['Practitioner/p1?_format=application/fhir%2Bxml', {}, 'xml'],
  ['Practitioner/p1?_format=application/fhir+xml', {}, 'xml'],
  ['Practitioner/p1?_format=json', XML, 'json'],
])('%s with %j is answered in %s', async (path, headers: Record<string, string>, form) => {
  expect((await d.get(path, headers)).headers.get('content-type')).toContain(`application/fhir+${form}`);
});

test.each(['application/fhir+xml; fhirVersion=5.0', 'application/fhir+turtle', 'application/fhir+xml;q=0'])(
  'Accept: %s is 406',
  async (accept) => {
    const answer = await d.get('Practitioner', { accept });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([406, expect.stringContaining('fhir+json')]);
  },
);

test('pages lead on in the same form', async () => {
  for (const path of ['Organization?_count=1&_format=xml', '_history?_count=1&_format=xml']) {
    const first = await (await d.get(path)).text();
    const next = /<relation value="next"\/><url value="([^"]+)"/.exec(first)?.[1]?.replaceAll('&#38;', '&') ?? '';
    expect(next, path).toContain('_format=xml');
    const second = await d.get(next.slice(BASE.length + 1));
    expect([second.status, second.headers.get('content-type')]).toEqual([200, TYPE]);
  }
});

test('POST _search says it in its form or in Accept', async () => {
  const post = (body: string, headers: Record<string, string> = {}) =>
    d.app.request(`${BASE}/Practitioner/_search`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });
  for (const answer of [await post('_id=p1&_format=xml'), await post('_id=p1', XML)]) {
    expect(answer.headers.get('content-type')).toBe(TYPE);
    expect(fromXml(await answer.text()).children.map((c) => c.name)).toContain('entry');
  }
  expect((await post('_id=p1&_format=json', XML)).headers.get('content-type')).toContain('fhir+json');
});

test('nothing of an answer runs in a browser; HEAD and 304 are those of this form', async () => {
  const answer = await d.get('Practitioner/p1', XML);
  expect(answer.headers.get('content-security-policy')).toContain('sandbox');
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  const head = await d.get('Practitioner/p1', XML, 'HEAD');
  expect(head.headers.get('content-length')).toBe(answer.headers.get('content-length'));
  const known = await d.get('Practitioner/p1', { ...XML, 'if-none-match': answer.headers.get('etag') ?? '' });
  expect([known.status, known.headers.get('vary'), await known.text()]).toEqual([304, VARY, '']);
});

test('the signed form of an answer stays what it is', async () => {
  expect((await d.get('$in-network?plan=ip1&npi=9000000015&_format=jws', XML)).headers.get('content-type')).toBe(
    'application/jose',
  );
});

test('who has asked too often is told so in XML', async () => {
  const often = await directory(undefined, { DIRECTORY_RATE_PER_MINUTE: '1' });
  try {
    const answers = [await often.get('Practitioner/p1', XML), await often.get('Practitioner/p1', XML)];
    expect(answers.map((a) => [a.status, a.headers.get('content-type')])).toEqual([
      [200, TYPE],
      [429, TYPE],
    ]);
    expect(answers[1]?.headers.get('retry-after')).toMatch(/^\d+$/);
  } finally {
    await often.close();
  }
});

test.each([
  'Practitioner/p1',
  'Practitioner?_count=1',
  'Practitioner/p1/_history',
  'metadata',
  'Practitioner?shoe=9',
  '$in-network?plan=ip1&npi=9000000015',
])('_pretty breaks the lines of %s and changes nothing else', async (path) => {
  const pretty = `${path}${path.includes('?') ? '&' : '?'}_pretty=true`;
  const answers = await Promise.all([
    d.get(path),
    d.get(pretty),
    d.get(pretty, XML),
    d.get(pretty.replace('true', 'false')),
  ]);
  const [plain = '', broken = '', xml = '', not = ''] = await Promise.all(answers.map((a) => a.text()));
  // links to further pages keep it
  const unlinked = (text: string) => text.replace(/[?&]_pretty=(true|false)/g, '');
  const value = JSON.parse(plain) as Record<string, unknown>;
  expect(unlinked(broken)).toBe(JSON.stringify(value, null, 2));
  expect(unlinked(not)).toBe(plain);
  expect(xml).toContain('\n  <');
  expect(
    fromXml(
      unlinked(xml.replaceAll('&#38;', '&'))
        .replace(/\n *</g, '<')
        .replace(/&(?!#)/g, '&#38;'),
    ),
  ).toEqual(fromJson(value));
  expect(answers.map((a) => a.status)).toEqual(answers.map(() => answers[0]?.status));
});

test('pages lead on with line breaks; a form says so in its body', async () => {
  for (const path of ['Organization?_count=1&_pretty=true', '_history?_count=1&_pretty=true']) {
    const { link } = (await (await d.get(path)).json()) as { link: { relation: string; url: string }[] };
    expect(
      link.map((l) => l.url).every((url) => url.includes('_pretty=true')),
      path,
    ).toBe(true);
  }
  const posted = await d.app.request(`${BASE}/Practitioner/_search`, {
    method: 'POST',
    body: '_id=p1&_pretty=true',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect(await posted.text()).toContain('\n  "resourceType": "Bundle"');
});

// $compare: three payers about one doctor's phone; which value is shown, by which rule, and that nothing is lost.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFederation } from '../../../directory/federation/app.ts';
import { choose, type Statement } from '../../../directory/federation/compare/choose.ts';
import { comparePage } from '../../../directory/federation/compare/page.ts';
import { linkDue } from '../../../directory/federation/link.ts';
import { mergeDue } from '../../../directory/federation/merge.ts';
import { importResources } from '../../../directory/resource/resource-import.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { noMetrics } from '../../../src/runtime/no-metrics.ts';
import { fromJson, fromXml } from '../../fhir/xml-tree.ts';
import { entries, keysFor } from '../fixture.ts';
import { npi, records, scriptedDirectory } from './scripted-directory.ts';
import { type World, world } from './world.ts';

const dirs: Awaited<ReturnType<typeof scriptedDirectory>>[] = [];
let w: World;
let app: ReturnType<typeof createFederation>;
const phone = (value: string) => [{ system: 'phone', value }];

beforeAll(async () => {
  w = await world({ DIRECTORY_RATE_PER_MINUTE: '0', PLAN_NAME: 'Own Plan' });
  app = createFederation({ ...w.deps, keys: keysFor(), metrics: noMetrics } as never);
  const own = records(2);
  (own.find((r) => r['id'] === 'r1') as Resource)['telecom'] = phone('(860) 555-0111');
  await importResources(w.database, entries(own), {
    base: 'https://plan.example/directory/fhir',
    clock: () => w.state.now,
  });
  for (const [slug, number] of [
    ['oak', '860-555-0122'],
    ['elm', '+1 860 555 0133 x4'],
    ['fir', '8605550133'],
  ] as const) {
    const dir = await scriptedDirectory(2);
    dirs.push(dir);
    (dir.script.records.find((r) => r['id'] === 'r1') as Resource)['telecom'] = phone(number);
    if (slug === 'oak')
      dir.script.records.push({
        resourceType: 'VerificationResult',
        id: 'v',
        status: 'validated',
        statusDate: '2027-02-02',
        lastPerformed: '2027-02-01',
        meta: { lastUpdated: '2027-02-02T00:00:00Z' },
        target: [{ reference: 'Practitioner/p2' }],
        attestation: { who: { reference: 'Practitioner/p2' }, date: '2027-02-01' },
      });
    if (slug !== 'oak')
      (dir.script.records.find((r) => r['id'] === 'p2') as Resource)['name'] = [{ family: 'Rivera2', given: ['Anna'] }];
    await w.add(slug, dir.fhir);
    await w.harvest(slug);
  }
  await mergeDue(w.deps);
  await linkDue(w.deps);
});
afterAll(async () => {
  await w.close();
  for (const d of dirs) await d.close();
});

test.each([
  '$compare?organization=elm.clinic',
  '$compare',
  'Provenance?target=Practitioner/elm.p1',
  'Provenance/none',
  'OperationDefinition/bulk-publish',
  'Practitioner/elm.p1',
])('%s is answered in XML too', async (path) => {
  const ask = (accept: string) => app.request(`/directory/all/fhir/${path}`, { headers: { accept } });
  const [json, xml] = [await ask('application/fhir+json'), await ask('application/fhir+xml')];
  expect(xml.status).toBe(json.status);
  expect(xml.headers.get('content-type')).toContain('application/fhir+xml');
  expect([xml.headers.get('vary'), json.headers.get('vary')]).toEqual(Array(2).fill('accept, accept-encoding'));
  expect(fromXml(await xml.text())).toEqual(fromJson((await json.json()) as Record<string, unknown>));
});

test.each(['$compare?organization=elm.clinic', 'Provenance?target=Practitioner/elm.p1', 'Provenance/none'])(
  '%s in a form that nobody makes is 406',
  async (path) => {
    const answer = await app.request(`/directory/all/fhir/${path}`, { headers: { accept: 'application/fhir+turtle' } });
    expect(answer.status).toBe(406);
  },
);

type Part = { name: string; valueCode?: string; valueString?: string; valueInteger?: number; part?: Part[] };
const get = (path: string) => app.request(path);
async function field(query: string, name: string, place: boolean) {
  const answer = (await (await get(`/directory/all/fhir/$compare?${query}`)).json()) as { parameter: Part[] };
  const found = answer.parameter.filter(
    (p) =>
      p.part?.some((x) => x.name === 'name' && x.valueCode === name) &&
      p.part.some((x) => x.name === 'place') === place,
  );
  expect(found).toHaveLength(1);
  const parts = found[0]?.part ?? [];
  const values = (kind: string) =>
    parts
      .filter((p) => p.name === kind)
      .map((p) => [
        p.part?.[0]?.valueString,
        p.part?.filter((s) => s.name === 'source').map((s) => s.part?.[0]?.valueString),
      ]);
  return { rule: parts.find((p) => p.name === 'rule')?.valueCode, value: values('value'), others: values('other') };
}

describe('$compare', () => {
  test('a conflict of phones at one place: most sources agree, the others are shown', async () => {
    const { rule, value, others } = await field(`npi=${npi(1)}`, 'phone', true);
    expect(rule).toBe('most');
    expect(value).toEqual([['+1 860 555 0133 x4', ['elm', 'fir']]]);
    expect(others.map((o) => o[0]).sort()).toEqual(['(860) 555-0111', '860-555-0122']);
  });
  test('an attestation goes before a majority', async () => {
    const { rule, value, others } = await field(`npi=${npi(2)}`, 'name', false);
    expect([rule, value, others]).toEqual([
      'attested',
      [['Ana N2 Rivera2', ['Own Plan', 'oak']]],
      [['Anna Rivera2', ['elm', 'fir']]],
    ]);
  });
  test('four payers agree on an address, each with its source', async () => {
    const { rule, value } = await field(`npi=${npi(1)}`, 'address', false);
    expect([rule, value[0]?.[1]]).toEqual(['agreed', ['Own Plan', 'elm', 'fir', 'oak']]);
  });
  test('networks: each payer speaks for its own', async () =>
    expect((await field(`npi=${npi(1)}`, 'networks', true)).rule).toBe('each'));
  test('by organization and by location', async () => {
    expect((await field('location=oak.loc', 'address', false)).value[0]?.[1]).toEqual([
      'Own Plan',
      'elm',
      'fir',
      'oak',
    ]);
    expect((await field('organization=oak.clinic', 'name', false)).rule).toBe('only');
  });
  test.each([
    ['npi=1234567890', 400],
    ['', 400],
    [`npi=${npi(1)}&location=x`, 400],
    [`npi=${npi(77)}`, 404],
  ])('%s is %i', async (query, status) =>
    expect((await get(`/directory/all/fhir/$compare?${query}`)).status).toBe(status),
  );
  test('as a page, also when nobody lists it', async () => {
    const page = await get(`/directory/all/compare?npi=${npi(1)}`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toContain("form-action 'self'");
    const text = await page.text();
    for (const said of ['860-555-0122', '860 555 0133', '555-0111', 'Own Plan']) expect(text).toContain(said);
    expect((await get('/directory/all/compare')).status).toBe(200);
    expect((await get(`/directory/all/compare?npi=${npi(77)}`)).status).toBe(404);
    const noNpi = await get('/directory/all/compare?npi=<b>');
    expect([noNpi.status, (await noNpi.text()).includes('This is no NPI')]).toEqual([400, true]);
    expect((await get('/directory/all/peers')).status).toBe(200);
    expect((await get('/directory/all/peers/oak')).status).toBe(200);
    for (const lost of ['/directory/all/peers/none', '/directory/all/accuracy']) {
      const answer = await get(lost);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    }
  });
});

test('of one directory alone nobody differs from anybody', () => {
  const field = (others: number) => ({
    field: 'phone',
    chosen: { rule: 'agreed', value: [], others: Array.from({ length: others }, () => []) },
  });
  const said = (names: string[], others: number) =>
    comparePage({ planName: 'Own Plan', sandbox: false }, {
      title: 'x',
      payers: names.map((name) => ({ name })),
      groups: [{ place: '', fields: [field(others)] }],
    } as never);
  expect(said(['a'], 0)).not.toMatch(/They|do not agree/);
  expect(said(['a'], 1)).toMatch(/Its own records do not agree in 1 field,/);
  expect(said(['a', 'b'], 1)).toMatch(/They differ in 1 field,/);
  expect(said(['a', 'b'], 0)).toMatch(/They do not contradict/);
});

test('accuracy is public only where the plan says so', async () => {
  expect((await get('/directory/all/accuracy')).status).toBe(404);
  const open = createFederation({
    ...w.deps,
    config: { ...w.deps.config, accuracyPublic: true },
    keys: keysFor(),
    metrics: noMetrics,
  } as never);
  expect((await open.request('/directory/all/accuracy')).status).toBe(200);
});

describe('the pages over all directories', () => {
  test('find, show and link among themselves, in both languages', async () => {
    const found = await get('/all/find?name=Rivera1');
    expect(found.status).toBe(200);
    const text = await found.text();
    for (const id of ['p1', 'oak.p1', 'elm.p1', 'fir.p1']) expect(text).toContain(`/all/provider/Practitioner/${id}"`);
    expect((await get('/all/provider/Practitioner/oak.p1')).status).toBe(200);
    expect((await get('/all/es/provider/Practitioner/oak.p1')).status).toBe(200);
    expect((await get('/all/provider/Practitioner/none')).status).toBe(404);
    const home = await (await get('/all')).text();
    expect(
      [...home.matchAll(/(?:href|action)="(\/[^"]*)"/g)]
        .map((m) => m[1])
        .filter((h) => h !== '/directory.css' && h !== '/icon.svg' && !h?.startsWith('/all')),
    ).toEqual([]);
    expect(home).toContain(' · all directories</a>');
    const spanish = await get('/all/es');
    expect(spanish.status).toBe(200);
    expect(await spanish.text()).toContain(' · todos los directorios</a>');
  });
});

describe('the rules', () => {
  const day = (n: number) => new Date(Date.UTC(2027, 0, n));
  const s = (peer: string, same: string, more: Partial<Statement> = {}): Statement => ({
    shown: same,
    same,
    peer,
    payer: peer,
    record: `P/${peer}`,
    source: null,
    changedAt: day(1),
    verifiedAt: null,
    attestedAt: null,
    ...more,
  });
  test.each<[string, Statement[], string, string]>([
    ['one', [s('a', 'x')], 'only', 'x'],
    ['all', [s('a', 'x'), s('b', 'x')], 'agreed', 'x'],
    [
      'attested',
      [s('a', 'x', { attestedAt: day(2) }), s('b', 'y', { attestedAt: day(3) }), s('c', 'x')],
      'attested',
      'y',
    ],
    [
      'an attestation that was due again before others verified',
      [s('a', 'x', { attestedAt: day(1), verifiedAt: day(1) }), s('b', 'y', { verifiedAt: day(92) })],
      'verified',
      'y',
    ],
    [
      'an attestation that still held when others verified',
      [s('a', 'x', { attestedAt: day(1), verifiedAt: day(1) }), s('b', 'y', { verifiedAt: day(91) })],
      'attested',
      'x',
    ],
    [
      'places are due after a year',
      [
        s('a', 'x', { attestedAt: day(1), record: 'Location/a' }),
        s('b', 'y', { verifiedAt: day(300), record: 'Location/b' }),
      ],
      'attested',
      'x',
    ],
    ['verified', [s('a', 'x'), s('b', 'x'), s('c', 'y', { verifiedAt: day(3) })], 'verified', 'y'],
    ['most', [s('a', 'x', { changedAt: day(9) }), s('b', 'y'), s('c', 'y')], 'most', 'y'],
    ['newest', [s('a', 'x', { changedAt: day(9) }), s('b', 'y')], 'newest', 'x'],
    ['two of one payer are one voice', [s('a', 'x'), s('a', 'x'), s('b', 'y', { changedAt: day(9) })], 'newest', 'y'],
    [
      'a tie of verifications goes on',
      [s('a', 'x', { verifiedAt: day(3) }), s('b', 'y', { verifiedAt: day(3) }), s('c', 'y')],
      'most',
      'y',
    ],
  ])('%s', (_n, given, rule, same) => {
    const chosen = choose(given);
    expect([chosen.rule, chosen.value[0]?.same]).toEqual([rule, same]);
    expect(chosen.value.length + chosen.others.flat().length).toBe(given.length);
  });
});

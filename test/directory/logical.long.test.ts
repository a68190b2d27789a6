// References by identifier alone lead where an address would: the same directory with addresses and with identifiers answers every search alike.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reindex } from '../../directory/resource/resource-reindex.ts';
import { isObject, type Json, type JsonObject, type Resource, text } from '../../src/fhir/resource.ts';
import { forwardParameters, reverseParameters } from '../../src/fhir/search/include.ts';
import { PARAMETERS, type Parameter } from '../../src/fhir/search/parameters.ts';
import { DIRECTORY_TYPES, type DirectoryType } from '../../src/fhir/search/types.ts';
import { BASE, body, deletion, directory, entries, FIXTURE, keyOf } from './fixture.ts';
import { identified, withoutAddresses } from './logical-data.ts';

type Directory = Awaited<ReturnType<typeof directory>>;

/** A second of each, elsewhere and by other names, so that what is asked for parts them. */
const OTHER: readonly (readonly [RegExp, string])[] = [
  [/"(Organization|Location|Endpoint|HealthcareService|Practitioner|PractitionerRole)\/([a-z]+)1"/g, '"$1/$2-b"'],
  [/"id":"([a-z]+)1"/g, '"id":"$1-b"'],
  [/"id":"([a-z]+[23])"/g, '"id":"$1-b"'],
  [/Hartford/g, 'Springfield'],
  [/"CT"/g, '"MA"'],
  [/06103-1234/g, '01103'],
  [/41\.7/g, '42.1'],
  [/Oak|Elm|Heart|Direct/g, 'Birch'],
  [/San José|O'Neil/g, 'Roe'],
  [/207RC0000X/g, '207Q00000X'],
  [/"newpt"/g, '"existptonly"'],
  [/"prvgrp"/g, '"fac"'],
];
const other = (r: Resource): Resource =>
  JSON.parse(OTHER.reduce((json, [from, to]) => json.replace(from, to), JSON.stringify(r))) as Resource;

const WITH_ADDRESS: Resource[] = [...FIXTURE, ...FIXTURE.map(other)].map(identified);

const byIdentifier = () => withoutAddresses(WITH_ADDRESS);

/** Query values that records of a type have for a parameter. */
function valuesOf(p: Parameter): string[] {
  const found = new Set<string>();
  for (const r of WITH_ADDRESS)
    if (r.resourceType === p.type)
      for (const path of p.paths) for (const v of path(r)) for (const q of query(p, v)) found.add(q);
  return [...found].slice(0, 4);
}

const escaped = (value: string) => value.replace(/([\\,|$])/g, '\\$1');
function query(p: Parameter, value: Json): string[] {
  if (p.kind === 'string' || p.kind === 'uri') {
    if (typeof value === 'string') return [escaped(value)];
    return isObject(value) && typeof value['text'] === 'string' ? [escaped(value['text'])] : [];
  }
  if (typeof value === 'boolean') return [String(value)];
  if (typeof value === 'string') return p.kind === 'special' || p.kind === 'composite' ? [] : [value];
  if (!isObject(value)) return [];
  if (p.kind === 'reference') return [(text(value['reference']) ?? '').replace(`${BASE}/`, '')];
  if (p.kind === 'date') return [text(value['start']) ?? ''].filter((v) => v !== '');
  if (p.kind !== 'token') return [];
  const first = Array.isArray(value['coding']) ? value['coding'][0] : value;
  const code = isObject(first) ? (text(first['code']) ?? text(first['value'])) : undefined;
  return code === undefined ? [] : [escaped(code)];
}

const OWN: Partial<Record<string, string[]>> = {
  near: ['41.7|-72.6|10|km', '42.1|-72.6|10|km'],
  'near-zip': ['06103|30|mi'],
  contains: ['41.2|-72.2'],
  'open-at': ['mon|10:00', 'sat'],
  place: ['Location/loc1', 'Location/loc-b'],
  'new-patient-and-from-network': [
    'newpt$Organization/net1',
    'existptonly$Organization/net-b',
    'nopt$Organization/net1',
  ],
  'last-verified': ['gt2027-01-01'],
  stale: ['true', 'false'],
  'verification-status': ['complete', 'incomplete'],
  'active-on': ['2027-03-01'],
  npi: ['9000000015'],
};
const SAMPLES = new Map(
  [...PARAMETERS].map(([type, of]) => [
    type,
    [...of.values()].flatMap((p) => (OWN[p.code] ?? valuesOf(p)).map((value) => ({ p, value }))),
  ]),
);
const samples = (type: DirectoryType) => SAMPLES.get(type) ?? [];
const pair = (name: string, value: string) => `${name}=${encodeURIComponent(value)}`;

/** Every parameter, chain, two steps, `_has` and include. */
function searches(): string[] {
  const all: string[] = [];
  for (const type of DIRECTORY_TYPES) {
    for (const { p, value } of samples(type)) all.push(`${type}?${pair(p.code, value)}`);
    const forward = [
      ...forwardParameters(type),
      ...(type === 'PractitionerRole' ? [{ code: 'place', targets: ['Location' as const] }] : []),
    ];
    for (const p of forward)
      for (const target of p.targets)
        for (const { p: end, value } of samples(target)) {
          all.push(`${type}?${pair(`${p.code}:${target}.${end.code}`, value)}`);
          if (end.kind === 'reference')
            for (const last of end.targets)
              for (const { p: third, value: v } of samples(last).filter(({ p: t }) =>
                ['name', 'address-city', 'type', 'near'].includes(t.code),
              ))
                all.push(`${type}?${pair(`${p.code}:${target}.${end.code}:${last}.${third.code}`, v)}`);
        }
    for (const back of reverseParameters(type)) {
      for (const { p: end, value } of samples(back.type))
        all.push(`${type}?${pair(`_has:${back.type}:${back.code}:${end.code}`, value)}`);
      for (const far of reverseParameters(back.type))
        for (const { p: end, value } of samples(far.type).slice(0, 12))
          all.push(`${type}?${pair(`_has:${back.type}:${back.code}:_has:${far.type}:${far.code}:${end.code}`, value)}`);
    }
    all.push(
      `${type}?_include=*`,
      `${type}?_revinclude=*`,
      `${type}?_include=*&_include:iterate=*&_revinclude:iterate=*`,
    );
    for (const p of forwardParameters(type))
      all.push(`${type}?_include=${type}:${p.code}`, `${type}?${p.code}:missing=true`);
    for (const p of reverseParameters(type))
      all.push(`${type}?_revinclude=${p.type}:${p.code}`, `${type}?_revinclude:iterate=${p.type}:${p.code}`);
  }
  all.push(
    'PractitionerRole?specialty=207RC0000X&location.near=41.7|-72.6|25|mi&network=Organization/net1&_sort=near',
    'PractitionerRole?specialty=207RC0000X&place.near-zip=06103|25|mi&_include=PractitionerRole:practitioner',
    'Practitioner?_has:PractitionerRole:practitioner:network=Organization/net1&name=ana',
    'PractitionerRole?location.near=41.7|-72.6|200|mi&_sort=near&_include=PractitionerRole:location',
    `PractitionerRole?${pair('practitioner:identifier', 'http://none.example|1')}`,
    'Practitioner?_has:PractitionerRole:practitioner:location.address-city=hartford',
  );
  return [...new Set(all)];
}
const SEARCHES = searches();

/** What an answer holds: matches in their order, what was included, total, distances. */
async function answer(d: Directory, search: string): Promise<string> {
  const found = await body(await d.get(`${search}&_count=50&_total=accurate`));
  if (found.resourceType !== 'Bundle') return JSON.stringify(found);
  return JSON.stringify([
    found.total,
    (found.entry ?? [])
      .map(
        ({ resource, search: s }) =>
          `${s.mode} ${keyOf(resource)} ${JSON.stringify((s as JsonObject)['extension'] ?? '')}`,
      )
      .sort(),
  ]);
}

/** Answers of the directory with addresses. */
const known = new Map<string, Promise<string>>();

/** What is answered otherwise than with addresses, of every `each` searches one: all of them take minutes. */
async function differing(d: Directory, each: number): Promise<string[]> {
  const found: string[] = [];
  const list = SEARCHES.filter((_, i) => i % each === 0);
  const ask = async () => {
    for (let search = list.pop(); search !== undefined; search = list.pop()) {
      const told = known.get(search) ?? answer(addressed, search);
      known.set(search, told);
      const [a, b] = await Promise.all([told, answer(d, search)]);
      if (a !== b) found.push(`${search}\n  ${a}\n  ${b}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, ask));
  return found;
}

let addressed: Directory;
beforeAll(async () => {
  addressed = await directory(WITH_ADDRESS);
});
afterAll(() => addressed.close());

test('the searches ask for something', async () => {
  const answers: string[] = [];
  for (const search of SEARCHES.filter((_, i) => i % 19 === 0)) answers.push(await answer(addressed, search));
  expect(answers.filter((a) => !a.startsWith('['))).toEqual([]);
  expect(answers.filter((a) => !a.startsWith('[0')).length).toBeGreaterThan(answers.length / 3);
  expect(await answer(addressed, 'PractitionerRole?practitioner=Practitioner/p-b')).toContain('PractitionerRole/r-b');
});

describe('every search answers as with addresses', () => {
  test('after a first load', async () => {
    const d = await directory(byIdentifier());
    try {
      expect(JSON.stringify(await body(await d.get('PractitionerRole/r1')))).not.toContain('"reference":"P');
      expect(await differing(d, 5)).toEqual([]);
    } finally {
      await d.close();
    }
  });

  test('in batches, whatever comes first, and after it went and came again', async () => {
    const d = await directory([{ resourceType: 'Location', id: 'first', name: 'First' }]);
    try {
      await d.load([deletion('Location/first')]);
      const all = byIdentifier();
      await d.load(entries([...all].reverse()), { batch: 3 });
      expect(await differing(d, 7)).toEqual([]);
      const gone = [
        'Practitioner/p1',
        'Organization/net1',
        'Location/loc1',
        'PractitionerRole/r-b',
        'Organization/clinic-b',
      ];
      await d.load(gone.map(deletion));
      expect(await d.find('PractitionerRole?practitioner=Practitioner/p1')).toEqual([]);
      expect(await d.find('PractitionerRole?network=Organization/net1')).toEqual([]);
      await d.load(entries(all.filter((r) => gone.includes(keyOf(r)))), { batch: 2 });
      expect(await differing(d, 11)).toEqual([]);
      await d.database.sql`update directory.state set extraction_version = 0`;
      await reindex(d.database, BASE);
      expect(await differing(d, 13)).toEqual([]);
    } finally {
      await d.close();
    }
  });
});

describe('a single reference', () => {
  const NPI = 'http://hl7.org/fhir/sid/us-npi';
  const person = (id: string, ...identifier: JsonObject[]): Resource => ({
    resourceType: 'Practitioner',
    id,
    identifier,
    name: [{ family: `Roe ${id}` }],
  });
  const role = (id: string, practitioner: JsonObject): Resource => ({
    resourceType: 'PractitionerRole',
    id,
    practitioner,
  });
  const npi = { system: NPI, value: '9000000015' };
  let d: Directory;
  beforeAll(async () => {
    d = await directory([
      role('npi', { identifier: npi }),
      role('oid', { identifier: { ...npi, system: 'urn:oid:2.16.840.1.113883.4.6' } }),
      role('bare', { identifier: { value: '9000000015' } }),
      role('typed', { type: 'http://hl7.org/fhir/StructureDefinition/Practitioner', identifier: npi }),
      role('wrong', { type: 'Organization', identifier: npi }),
      role('own', { identifier: { system: 'urn:Own', value: 'AB|c' } }),
      role('both', { reference: 'Practitioner/q', identifier: npi }),
      role('none', { identifier: { system: NPI } }),
      role('number', { identifier: { system: 'urn:n', value: 7 } }),
    ]);
    await d.load(entries([person('p', npi, { system: 'urn:Own', value: 'ab|C' }, { system: 'urn:n', value: '7' })]));
  });
  afterAll(() => d.close());
  const of = async (id: string) =>
    (await d.find(`PractitionerRole?practitioner=Practitioner/${id}`)).map((k) => k.split('/')[1]).sort();

  test('leads by whatever tells the identifier, and not by what contradicts', async () => {
    expect(await of('p')).toEqual(['bare', 'npi', 'number', 'oid', 'own', 'typed']);
    expect(await of('q')).toEqual(['both']);
    expect(await d.find('PractitionerRole?practitioner.name=roe')).toHaveLength(6);
  });

  test('leads nowhere while two records have the identifier, and to the one that keeps it', async () => {
    await d.load(entries([person('twin', npi)]));
    expect(await of('p')).toEqual(['number', 'own']);
    expect(await of('twin')).toEqual([]);
    await d.load(entries([person('p', { system: 'urn:Own', value: 'ab|C' })]));
    expect(await of('p')).toEqual(['own']);
    expect(await of('twin')).toEqual(['bare', 'npi', 'oid', 'typed']);
    await d.load([deletion('Practitioner/twin')]);
    expect([await of('twin'), await of('p')]).toEqual([[], ['own']]);
  });

  test('that leads nowhere is counted by an import', async () => {
    const lost = [role('lost', { identifier: { system: NPI, value: '9000000023' } }), role('said', { display: 'Roe' })];
    const { unresolved } = await d.load(entries([...lost, role('found', { identifier: { value: 'ab|c' } })]));
    expect(unresolved).toEqual({ count: 1, examples: [{ key: 'PractitionerRole/lost', param: 806 }] });
  });

  test('is served as it came', async () => {
    const read: unknown = await (await d.get('PractitionerRole/npi')).json();
    expect((read as Resource)['practitioner']).toEqual({ identifier: npi });
  });
});

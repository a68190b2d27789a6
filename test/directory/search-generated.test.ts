// Every parameter, every chain and every _has on generated data: values are taken from stored resources, and what is
// returned is judged by an evaluator that shares nothing with the search but the paths of the parameter table.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { searchPage } from '../../directory/search/search.ts';
import { pageStatement } from '../../directory/search/search-page.ts';
import type { Json, JsonObject, Resource } from '../../src/fhir/resource.ts';
import type { Criterion } from '../../src/fhir/search/criterion.ts';
import { PARAMETERS, type Parameter } from '../../src/fhir/search/parameters.ts';
import { readSearch } from '../../src/fhir/search/request.ts';
import type { DirectoryType } from '../../src/fhir/search/types.ts';
import { directoryResources } from '../../src/seed/plan-net/index.ts';
import { directory, keyOf } from './fixture.ts';

const DATA = [...directoryResources({ seed: 11, resources: 700 })];
const BY_KEY = new Map(DATA.map((r) => [keyOf(r), r]));
let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory(DATA);
});
afterAll(() => d.close());

const READING = {
  base: 'https://plan.example/directory/fhir',
  now: new Date('2027-03-01'),
  countMax: 500,
  lenient: false,
};
const all = [...PARAMETERS.values()].flatMap((m) => [...m.values()]);
const ofType = (type: string) => DATA.filter((r) => r.resourceType === type);
const valuesOf = (p: Parameter, r: Resource): Json[] => p.paths.flatMap((path) => path(r));
const object = (v: Json): JsonObject => (typeof v === 'object' && v !== null && !Array.isArray(v) ? v : {});
/** Without case and accents, by other means than the search. */
const plainText = (s: string) =>
  s
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase();

/** `[system, code]` of a value as a token. */
function codesOf(v: Json): [string, string][] {
  if (typeof v === 'string' || typeof v === 'boolean') return [['', String(v)]];
  const o = object(v);
  if (Array.isArray(o['coding'])) return o['coding'].flatMap(codesOf);
  const code = o['code'] ?? o['value'];
  return typeof code === 'string' ? [[String(o['system'] ?? ''), code]] : [];
}
const targetsOf = (p: Parameter, r: Resource): string[] =>
  valuesOf(p, r).flatMap((v) => (typeof object(v)['reference'] === 'string' ? [String(object(v)['reference'])] : []));
const PARTS = [
  'family',
  'given',
  'prefix',
  'suffix',
  'text',
  'line',
  'city',
  'state',
  'district',
  'postalCode',
  'country',
];
function textsOf(v: Json): string[] {
  if (typeof v === 'string') return [v];
  const o = object(v);
  return PARTS.flatMap((k) => o[k] ?? []).filter((t): t is string => typeof t === 'string');
}
/** What people read in a value of a token. */
function shownBy(v: Json): string[] {
  const o = object(v);
  const coded = Array.isArray(o['coding']) ? o['coding'].map((c) => object(c)['display']) : [];
  return [o['text'], o['display'], ...coded, object(o['type'] ?? null)['text']].filter((t) => typeof t === 'string');
}
const bounds = (v: Json): [string, string] =>
  typeof v === 'string' ? [v, v] : [String(object(v)['start'] ?? '0'), String(object(v)['end'] ?? '9')];

/** Values to ask for, with what must then hold of a resource. */
function questions(p: Parameter, r: Resource): { value: string; holds: (r: Resource) => boolean }[] {
  if (p.reading !== undefined || p.like !== undefined || p.alias !== undefined || p.kind === 'uri') return [];
  return valuesOf(p, r).flatMap((v) => {
    if (p.kind === 'token')
      return codesOf(v).flatMap(([system, code]) => {
        const has = (one: Resource) =>
          valuesOf(p, one).some((w) => codesOf(w).some(([, c]) => c.toLowerCase() === code.toLowerCase()));
        const whole = (one: Resource) =>
          valuesOf(p, one).some((w) =>
            codesOf(w).some(([s, c]) => s === system && c.toLowerCase() === code.toLowerCase()),
          );
        return [{ value: code, holds: has }, ...(system === '' ? [] : [{ value: `${system}|${code}`, holds: whole }])];
      });
    if (p.kind === 'reference')
      return targetsOf(p, r).map((t) => ({ value: t, holds: (one: Resource) => targetsOf(p, one).includes(t) }));
    if (p.kind === 'string')
      return textsOf(v).map((t) => {
        const start = plainText(t).slice(0, 5);
        return {
          value: start.replace(/[,|$\\]/g, '\\$&'),
          holds: (one: Resource) =>
            valuesOf(p, one).some((w) => textsOf(w).some((x) => plainText(x).startsWith(start))),
        };
      });
    if (p.kind === 'date') {
      const [start] = bounds(v);
      if (!/^\d{4}-\d\d-\d\d/.test(start)) return [];
      const day = start.slice(0, 10);
      return [
        { value: `ge${day}`, holds: (one: Resource) => valuesOf(p, one).some((w) => bounds(w)[1] >= day) },
        { value: `sa${day}`, holds: (one: Resource) => valuesOf(p, one).some((w) => bounds(w)[0].slice(0, 10) > day) },
      ];
    }
    return [];
  });
}

/** A few questions of different resources. */
function sample(p: Parameter): ReturnType<typeof questions> {
  const found = new Map<string, ReturnType<typeof questions>[number]>();
  for (const r of ofType(p.type)) {
    for (const q of questions(p, r)) if (found.size < 6) found.set(q.value, q);
    if (found.size >= 6) break;
  }
  return [...found.values()];
}

const ask = async (path: string): Promise<string[]> => (await d.find(`${path}&_count=500`)).sort();
const matching = (type: string, holds: (r: Resource) => boolean) => ofType(type).filter(holds).map(keyOf).sort();

const asked = all.filter((p) => sample(p).length > 0);

test('the data has values for most parameters', () => expect(asked.length).toBeGreaterThan(90));

test.each(asked.map((p) => [`${p.type}?${p.code}`, p] as const))('%s', async (_, p) => {
  for (const { value, holds } of sample(p)) {
    const expected = matching(p.type, holds);
    expect(await ask(`${p.type}?${p.code}=${encodeURIComponent(value)}`), value).toEqual(expected);
    if (p.modifiers.includes('not'))
      expect(await ask(`${p.type}?${p.code}:not=${encodeURIComponent(value)}`), `not ${value}`).toEqual(
        matching(p.type, (r) => !holds(r)),
      );
  }
});

const readable = all.filter(
  (p) => p.modifiers.includes('text') && ofType(p.type).some((r) => valuesOf(p, r).some((v) => shownBy(v).length > 0)),
);

test(':text finds what a value shows to people', async () => {
  expect(readable.filter((p) => p.origin === 'extra').map((p) => p.code)).toContain('qualification-code');
  for (const p of readable) {
    const shown = (r: Resource) => valuesOf(p, r).flatMap(shownBy).map(plainText);
    for (const text of new Set(ofType(p.type).flatMap(shown).slice(0, 3))) {
      const start = text.slice(0, 6);
      expect(await ask(`${p.type}?${p.code}:text=${encodeURIComponent(start)}`), `${p.code} ${start}`).toEqual(
        matching(p.type, (r) => shown(r).some((t) => t.startsWith(start))),
      );
    }
  }
});

const chains = all
  .filter((p) => p.kind === 'reference')
  .flatMap((p) => p.targets.flatMap((t) => asked.filter((end) => end.type === t).map((end) => [p, end] as const)));

test('there are chains to try', () => expect(chains.length).toBeGreaterThan(300));

test.each(chains.map(([p, end]) => [`${p.type}?${p.code}:${end.type}.${end.code}`, p, end] as const))(
  '%s, and back by _has',
  async (_, p, end) => {
    const question = sample(end).at(-1);
    if (question === undefined) throw new Error('no value');
    const value = encodeURIComponent(question.value);
    const leads = (r: Resource) =>
      targetsOf(p, r).some((key) => {
        const target = BY_KEY.get(key);
        return target?.resourceType === end.type && question.holds(target);
      });
    expect(await ask(`${p.type}?${p.code}:${end.type}.${end.code}=${value}`)).toEqual(matching(p.type, leads));
    // the other way: targets of those of the source type that meet a question of their own
    const own = asked.find((q) => q.type === p.type && q.kind !== 'reference');
    const of = own === undefined ? undefined : sample(own)[0];
    if (own === undefined || of === undefined) return;
    const reached = new Set(
      ofType(p.type)
        .filter(of.holds)
        .flatMap((r) => targetsOf(p, r)),
    );
    expect(await ask(`${end.type}?_has:${p.type}:${p.code}:${own.code}=${encodeURIComponent(of.value)}`)).toEqual(
      matching(end.type, (r) => reached.has(keyOf(r))),
    );
  },
);

test('chains through one reference together ask for one target that meets all', async () => {
  for (const [gender, language] of [
    ['female', 'es'],
    ['male', 'en'],
  ]) {
    const people = new Set(
      matching('Practitioner', (r) => {
        const spoken = JSON.stringify(r['communication'] ?? []);
        return r['gender'] === gender && spoken.includes(`"${language}"`);
      }),
    );
    const path = `practitioner.gender=${gender}&practitioner.communication=${language}&practitioner.active=true`;
    const expected = matching('PractitionerRole', (r) =>
      people.has(String(object(r['practitioner'] ?? null)['reference'])),
    );
    expect(await ask(`PractitionerRole?${path}`)).toEqual(expected);
    expect(await ask(`PractitionerRole?${path}&practitioner.name=zzz`)).toEqual([]);
    expect(expected.length).toBeGreaterThan(0);
  }
});

const shaped = all.filter((p) => p.modifiers.includes('missing') && p.reading === undefined && p.alias === undefined);

test('there is much to lack', () => expect(shaped.length).toBeGreaterThan(90));

/** Resources that meet a search whose only criterion is one of few, as the store says of rare ones. */
async function few(query: string): Promise<string[]> {
  const [type = '', pairs = ''] = query.split('?');
  const request = readSearch(type as DirectoryType, new URLSearchParams(`${pairs}&_count=500`), READING);
  const criteria = request.criteria.map((c) => ({ ...c, few: true as const }) as Criterion);
  const { text, values } = pageStatement({ ...request, criteria });
  expect(text).toContain('recursive shapes');
  const rows = await d.database.sql.unsafe<{ key: string }[]>(text, values);
  return rows
    .slice(0, -1)
    .map((r) => r.key)
    .sort();
}

test('what has something and what lacks it, where it is rare', async () => {
  for (const p of shaped) {
    const has = (r: Resource) => valuesOf(p, r).length > 0;
    for (const [missing, holds] of [
      [true, (r: Resource) => !has(r)],
      [false, has],
    ] as const)
      expect(await few(`${p.type}?${p.code}:missing=${missing}`), `${p.type} ${p.code} ${missing}`).toEqual(
        matching(p.type, holds),
      );
  }
  expect(await few('Organization?active:not=true')).toEqual(matching('Organization', (r) => r['active'] !== true));
  expect(await few('Location?status=active')).toEqual(matching('Location', (r) => r['status'] === 'active'));
});

test.each([
  'PractitionerRole?practitioner.gender=female',
  'PractitionerRole?practitioner.gender:not=female&location.near=0|0|20000|km',
  'PractitionerRole?organization.partof.active=true&practitioner.active:missing=false',
  'PractitionerRole?location._lastUpdated=gt2015',
  'Location?_has:PractitionerRole:location:practitioner.gender=male',
  'Practitioner?_has:PractitionerRole:practitioner:new-patient=newpt',
  'Practitioner?_has:PractitionerRole:practitioner:location.near=0|0|20000|km',
  'Organization?_has:PractitionerRole:organization:active-on=2027-01-01&active=true',
  'PractitionerRole?network._has:PractitionerRole:network:new-patient-from-network=Organization/network-1',
  'PractitionerRole?practitioner._has:PractitionerRole:practitioner:role=ph&active=true',
  'OrganizationAffiliation?network._has:PractitionerRole:network:new-patient-from-network=Organization/network-2',
])('%s: row by row, as where very many meet it, and by sets', async (path) => {
  const [type = '', query = ''] = path.split('?');
  const many = (c: Criterion): Criterion =>
    c.kind === 'chain' || c.kind === 'reverse-chain' ? { ...c, of: many(c.of), many: true } : c;
  const request = readSearch(type as DirectoryType, new URLSearchParams(`${query}&_count=500`), READING);
  const wide = pageStatement({ ...request, criteria: request.criteria.map(many) });
  expect(wide.text).toContain('offset 0');
  const rows = await d.database.sql.unsafe<{ key: string; body: string }[]>(wide.text, wide.values);
  const found = rows.slice(0, -1).map((r) => r.key);
  const page = await searchPage(d.database.sql, request);
  expect(found).toEqual(page.entries.map((e) => Buffer.from(e.key).toString()));
  expect(found.length).toBeGreaterThan(0);
});

const ROLES = 'http://hl7.org/fhir/us/davinci-pdex-plan-net/CodeSystem/ProviderRoleCS';

/** What the store says of a criterion when statistics tell that many rows meet it. */
function along(c: Criterion): Criterion {
  if (c.kind === 'chain' && c.of.kind === 'string') return { ...c, many: true };
  if (c.kind === 'token' || c.kind === 'reference') return { ...c, together: true };
  if (c.kind !== 'string') return c;
  const begins = (text: string) => c.words.some((w) => text.startsWith(w.folded));
  const texts = DATA.flatMap((r) =>
    all.filter((p) => p.type === r.resourceType && p.kind === 'string').map((p) => [p, r] as const),
  )
    .flatMap(([p, r]) => valuesOf(p, r).flatMap(textsOf))
    .map(plainText)
    .filter(begins);
  const frequent = [...new Set(texts)].slice(0, 3).flatMap((folded) => c.params.map((param) => ({ param, folded })));
  return { ...c, frequent, together: true };
}

/** The same where few rows meet one of them, and those of the others are looked for among these. */
const among = (c: Criterion): Criterion =>
  (c.kind === 'reference' && c.keys.length === 1) || (c.kind === 'token' && c.forms.every((form) => form.includes('|')))
    ? { ...c, listed: true }
    : c;

/** The same where all rows of each are read. */
const met = (c: Criterion): Criterion => (c.kind === 'token' || c.kind === 'reference' ? { ...c, met: true } : c);

test.each([
  'Practitioner?family=c,m,r,s&given=a,j,l,m',
  'Practitioner?family=s,m&given=a,m,s',
  'Practitioner?name=ma&active=true',
  'Practitioner?_has:PractitionerRole:practitioner:network=Organization/network-1&family=m',
  'PractitionerRole?location.address-city=b,c,m,s&role=ph',
  'PractitionerRole?location.address-city=b,c,m,s&network=Organization/network-1&new-patient=newpt',
  'PractitionerRole?location.address-state=c',
  'PractitionerRole?location.address-state=c&network=Organization/network-1',
  'PractitionerRole?practitioner.family=m&network=Organization/network-1&active=true',
  `PractitionerRole?network=Organization/network-1&role=${ROLES}|ph`,
  `PractitionerRole?network=Organization/network-1&role=${ROLES}|ph&location.near=41.6|-72.7|500|km`,
  `PractitionerRole?location.near=41.6|-72.7|500|km&role=${ROLES}|ph&new-patient=newpt`,
  `PractitionerRole?role=${ROLES}|ph&network=Organization/network-1,Organization/network-2&new-patient=newpt`,
  'Location?address-city=b,c,m,s&address-state=a,c,n,o',
  'Organization?name=c&type=prvgrp,fac,ntwk',
])('%s: read along in order, forwards and backwards, and by sets', async (path) => {
  const [type = '', query = ''] = path.split('?');
  const read = (more: string) => readSearch(type as DirectoryType, new URLSearchParams(query + more), READING);
  const keys = async (request: ReturnType<typeof read>, criteria: Criterion[]) => {
    const { text, values, tells } = pageStatement({ ...request, criteria });
    const rows = await d.database.sql.unsafe<{ key: string; rk: string }[]>(text, values);
    return (tells ? rows.slice(0, -1) : rows).map((r) => ({ key: r.key, rk: BigInt(r.rk) }));
  };
  const request = read('&_count=500');
  const sets = await keys(request, request.criteria);
  const ways = [along, among, met].map((way) => request.criteria.map(way));
  for (const criteria of ways.flatMap((way) => [way, [...way].reverse()])) {
    expect(await keys(request, criteria)).toEqual(sets);
    const middle = sets[Math.floor(sets.length / 2)];
    if (middle === undefined) throw new Error('nothing found');
    const after = { rk: middle.rk, keys: [] };
    const few = read('&_count=3');
    const at = sets.indexOf(middle);
    expect(await keys({ ...few, after: { ...after, back: false } }, criteria)).toEqual(sets.slice(at + 1, at + 5));
    expect(await keys({ ...few, after: { ...after, back: true } }, criteria)).toEqual(
      sets.slice(Math.max(0, at - 4), at),
    );
  }
  expect(sets.length).toBeGreaterThan(3);
});

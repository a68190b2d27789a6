// Every parameter, every chain and every _has on generated data: values are taken from stored resources, and what is
// returned is judged by an evaluator that shares nothing with the search but the paths of the parameter table.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Json, JsonObject, Resource } from '../../src/fhir/resource.ts';
import type { Criterion } from '../../src/fhir/search/criterion.ts';
import { PARAMETERS, type Parameter } from '../../src/fhir/search/parameters.ts';
import { readSearch } from '../../src/fhir/search/request.ts';
import type { DirectoryType } from '../../src/fhir/search/types.ts';
import { directoryResources } from '../../src/seed/directory/index.ts';
import { searchPage } from '../../src/store/search.ts';
import { pageStatement } from '../../src/store/search-page.ts';
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

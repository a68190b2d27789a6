// Family and given name by one entry: the same people as by a look at every name, whichever names are frequent.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reindex } from '../../directory/resource/resource-reindex.ts';
import { rarestFirst } from '../../directory/search/search-course.ts';
import { isShort, pageStatement } from '../../directory/search/search-page.ts';
import { estimates, type Frequencies } from '../../directory/search/token-frequency.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { FULL_NAME } from '../../src/fhir/search/full-name.ts';
import { readSearch } from '../../src/fhir/search/request.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { BASE, deletion, directory, entries, NOW } from '../directory/fixture.ts';

type Name = { family?: string; given?: string[] };
const person = (id: string, ...name: Name[]): Resource => ({ resourceType: 'Practitioner', id, name });
const LONG = 'x'.repeat(99);
const PEOPLE = [
  person('a', { family: 'Smith', given: ['John', 'Paul'] }),
  person('b', { family: 'SMITH', given: ['Joan'] }, { family: 'Smithson', given: ['Jo'] }),
  person('c', { family: 'Smith Jones', given: ['John'] }),
  person('d', { family: 'Smithers' }, { given: ['Johanna'] }),
  person('e', { family: 'Smíth', given: ['Jóhn'] }),
  person('f', { family: 'Smith' }),
  person('g', { given: ['John'] }),
  person('h', { family: 'Smith\tJ', given: ['Olga'] }),
  person('i', { family: 'Smyth', given: ['John'] }),
  person('j', { family: `${LONG}😀y`, given: ['John', `${LONG}😀y`] }),
  person('k', { family: 'Smith-Łoś', given: ['Ｊｏｈｎ'] }),
  person('l', { family: 'smith\uff5e', given: ['jo'] }),
  person('m', { family: 'smith😀', given: ['jo'] }),
  person('n', { family: 'Jo', given: ['Smith'] }),
];

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory(PEOPLE);
});
afterAll(() => d.close());

const live = [0, 0, 0, 0, 0, 0, PEOPLE.length];
const known = (frequent: string[], paired = true): Frequencies => ({
  ...estimates(
    new Map(),
    50,
    { params: new Map(), counts: live },
    new Map([[FULL_NAME.family, frequent.map((folded) => ({ folded, rows: 900 }))]]),
    3,
  ),
  paired,
});
const read = (query: string) =>
  readSearch('Practitioner', new URLSearchParams(`${query}&_count=100`), {
    base: BASE,
    now: NOW,
    countMax: 100,
    lenient: false,
  });

/** @returns keys, and the kinds of criteria by which they were found */
async function found(query: string, by: Frequencies): Promise<{ keys: string[]; kinds: string[] }> {
  const request = read(query);
  const criteria = rarestFirst(request.criteria, by, 100);
  const { text, values } = pageStatement({ ...request, criteria });
  const rows = await d.database.sql.unsafe<{ key: string }[]>(text, values);
  return {
    keys: rows.flatMap((r) => (r.key.includes('/') ? [r.key.replace('Practitioner/', '')] : [])).sort(),
    kinds: criteria.map((c) => c.kind),
  };
}

/** By a look at every name. */
const plain = (text: string) =>
  text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ł', 'l').replace(/\s+/g, ' ');
const looked = (family: string, given: string) =>
  PEOPLE.filter((p) => {
    const names = p['name'] as Name[];
    return (
      names.some((n) => n.family !== undefined && plain(n.family).startsWith(plain(family))) &&
      names.some((n) => n.given?.some((g) => plain(g).startsWith(plain(given))))
    );
  })
    .map((p) => p['id'] as string)
    .sort();

test('the same people are found, whichever family names are frequent', async () => {
  const seen = new Set<string>();
  for (const frequent of [
    [],
    ['smith'],
    ['smith', 'smithson', 'smith\uff5e', 'smith😀'],
    ['smith jones', 'smyth', 'jo'],
  ])
    for (const family of ['s', 'Smith', 'smith j', 'SMITHS', 'smith-l', 'smith\uff5e', 'jo', 'zz', LONG.slice(1), LONG])
      for (const given of ['j', 'Jo', 'JOHN', 'joh', 'paul', 'olga', 'smith', 'q', LONG.slice(2)]) {
        const query = `family=${encodeURIComponent(family)}&given=${encodeURIComponent(given)}`;
        const { keys, kinds } = await found(query, known(frequent));
        expect(keys, `${query} ${frequent.join()}`).toEqual(looked(family, given));
        // names of two letters and less may be of very many that nobody counted
        expect(kinds).toEqual(family.length > 2 ? ['full-name'] : ['string', 'string']);
        for (const key of keys) seen.add(key);
      }
  expect(seen.size).toBe(PEOPLE.length - 2);
});

test('the family name that is asked for is read by itself, counted or not', () => {
  const frequent = (names: string[]) => {
    const [first] = rarestFirst(read('family=smith&given=jo').criteria, known(names), 100);
    return first?.kind === 'full-name' ? first.frequent : undefined;
  };
  expect(frequent([])).toEqual(['smith']);
  expect(frequent(['smith', 'smithson'])).toEqual(['smith', 'smithson']);
  expect(frequent(['smithson'])).toEqual(['smith', 'smithson']);
  // beside so many others it is one of the rest
  expect(frequent(Array.from({ length: 8 }, (_, i) => `smith${i}`))).toHaveLength(8);
});

test('both names stand beside other criteria, in chains and on further pages', async () => {
  const { kinds } = await found('family=smith&given=john&gender=male', known(['smith']));
  expect(kinds.sort()).toEqual(['full-name', 'token']);
  expect(await d.find('Practitioner?family=smith&given=jo&_id=b,i')).toEqual(['Practitioner/b']);
  await d.load(
    entries(
      ['a', 'b', 'i'].map((p) => ({
        resourceType: 'PractitionerRole',
        id: `r${p}`,
        practitioner: { reference: `Practitioner/${p}` },
      })),
    ),
  );
  expect((await d.find('PractitionerRole?practitioner.family=smith&practitioner.given=jo')).sort()).toEqual([
    'PractitionerRole/ra',
    'PractitionerRole/rb',
  ]);
  const paged: string[] = [];
  for (let next: string | undefined = 'Practitioner?family=smith&given=jo&_count=2'; next !== undefined; ) {
    const bundle = (await (await d.get(next)).json()) as {
      entry?: { resource: { id: string } }[];
      link: { relation: string; url: string }[];
    };
    paged.push(...(bundle.entry ?? []).map((e) => e.resource.id));
    next = bundle.link.find((l) => l.relation === 'next')?.url.split('/fhir/')[1];
  }
  expect(paged.sort()).toEqual(looked('smith', 'jo'));
});

test('a page of them is short, as one look into an index is', () => {
  const short = (query: string, paired = true) => {
    const request = read(query);
    return isShort({ ...request, criteria: rarestFirst(request.criteria, known(['smith'], paired), 100) });
  };
  expect(short('family=smith&given=jo')).toBe(true);
  expect(short('family=smith&given=jo', false)).toBe(false);
  expect(short('family=smith&given=jo&gender=male')).toBe(false);
  expect(short('family=smith')).toBe(false);
});

test('what is asked with accents, exactly, in parts, or with alternatives is read name by name', async () => {
  for (const query of ['family=Smíth&given=john', 'family:exact=Smith&given=john', 'family=smith,smyth&given=john'])
    expect((await found(query, known(['smith']))).kinds).toEqual(['string', 'string']);
  expect((await found('family=Smíth&given=Jóhn', known([]))).keys).toEqual(['e']);
});

test('an index that an older program made has no such entries, and is not asked for them', async () => {
  expect((await found('family=smith&given=john', known(['smith'], false))).kinds).toEqual(['string', 'string']);
});

test('entries follow what is changed, and a reindex makes the same', async () => {
  const stored = async () => {
    const rows = await d.database.sql<{ key: string; folded: string }[]>`
      select r.key, w.folded from directory.words w join directory.resource r using (rk)
      where w.param = ${FULL_NAME.id} and r.type = ${TYPE_IDS.Practitioner} order by r.key, w.folded collate "C"`;
    return rows.map((r) => `${r.key} ${r.folded}`);
  };
  const changed = person('b', { family: 'Roe', given: ['Al', 'Bo'] });
  await d.load([...entries([changed]), deletion('Practitioner/c')]);
  const after = await stored();
  expect(after.filter((row) => row.startsWith('Practitioner/b'))).toEqual([
    'Practitioner/b roe\tal',
    'Practitioner/b roe\tbo',
  ]);
  expect(after.filter((row) => row.startsWith('Practitioner/c'))).toEqual([]);
  await d.database.sql`update directory.state set extraction_version = 0`;
  await reindex(d.database, BASE);
  expect(await stored()).toEqual(after);
});

test('a person of very many names is found by every two of them, and no longer when they change', async () => {
  const names = (n: number, name: string) => Array.from({ length: n }, (_, i) => `${name}${i}`);
  const many = (id: string, families: number, given: number) =>
    person(id, ...names(families, 'f').map((family) => ({ family })), { given: names(given, 'g') });
  const loaded = await d.load(entries([many('pairs', 20, 50), many('many', 21, 50), many('more', 3, 5000)]));
  expect(loaded).toMatchObject({ created: 3, rejected: 0 });
  const keys = async (query: string, frequent: string[] = []) => {
    const { keys, kinds } = await found(query, known(frequent));
    expect(kinds).toEqual(['full-name']);
    return keys;
  };
  expect(await keys('family=f19&given=g49')).toEqual(['many', 'pairs']);
  expect(await keys('family=f20&given=g49', ['f20'])).toEqual(['many']);
  expect(await keys('family=F20&given=g4')).toEqual(['many']);
  expect(await d.find('Practitioner?family=f2&given=g4999')).toEqual(['Practitioner/more']);
  // a given name is no family name, nor the other way about
  expect(await keys('family=g19&given=g49')).toEqual([]);
  expect(await keys('family=f20&given=f20')).toEqual([]);
  await d.load([...entries([many('many', 1, 1)]), deletion('Practitioner/more')]);
  expect(await keys('family=f20&given=g49')).toEqual([]);
  const [left] = await d.database.sql<{ n: number }[]>`
    select count(*)::integer as n from directory.words where param = ${FULL_NAME.id} and folded < ' '`;
  expect(left?.n).toBe(0);
});

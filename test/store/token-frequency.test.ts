import { expect, test } from 'vitest';
import { nearRows } from '../../directory/search/search-condition.ts';
import { rarestFirst } from '../../directory/search/search-course.ts';
import { binder, pageStatement } from '../../directory/search/search-page.ts';
import { estimates } from '../../directory/search/token-frequency.ts';
import { hashed, hashText } from '../../src/db/hash.ts';
import { tokenOfReference } from '../../src/db/reference-token.ts';
import type { Criterion } from '../../src/fhir/search/criterion.ts';
import { parameter } from '../../src/fhir/search/parameters.ts';
import { readSearch } from '../../src/fhir/search/request.ts';
import type { DirectoryType } from '../../src/fhir/search/types.ts';

const NUCC = 'http://nucc.org/provider-taxonomy';
const read = (query: string, type: DirectoryType = 'PractitionerRole') =>
  readSearch(type, new URLSearchParams(query), {
    base: 'https://plan.example/fhir',
    now: new Date('2027-03-01'),
    countMax: 100,
    lenient: false,
  }).criteria;
const halves = () => `${hashed.hi},${hashed.lo}`;
const specialty = read(`specialty=${NUCC}|207r00000x`)[0];
const network = read('network=Organization/big')[0];

test('a search begins with the token that is rarest, by its statistics', () => {
  if (specialty?.kind !== 'token' || network?.kind !== 'reference') throw new Error('Criteria changed.');
  hashText(`${NUCC}|207r00000x`, specialty.seed);
  const frequent = halves();
  hashText('Organization/big', 0);
  tokenOfReference(hashed.hi, hashed.lo, network.seed);
  const known = estimates(
    new Map([
      [frequent, 4000],
      [halves(), 90_000],
    ]),
    50,
  );
  expect(known.rows(specialty)).toBe(4000);
  expect(known.rows(network)).toBe(90_000);
  const order = (query: string) =>
    rarestFirst(read(query), known).map((c) => (c.kind === 'token' || c.kind === 'reference' ? c.seed : c.kind));
  const both = `network=Organization/big&specialty=${NUCC}|207r00000x`;
  expect(order(both)).toEqual([specialty.seed, network.seed]);
  expect(order(`${both}&network=Organization/small`)).toEqual([network.seed, specialty.seed, network.seed]);
  // what no search can begin with comes last, and names are somewhere between
  expect(order(`_lastUpdated=gt2015&specialty:not=x&location.address-state=connecticut&${both}`)).toEqual([
    specialty.seed,
    'chain',
    network.seed,
    'last-updated',
    specialty.seed,
  ]);
});

test('without statistics everything stays as it was asked', () => {
  const none = estimates(new Map(), 0);
  const asked = read(`network=Organization/big&specialty=${NUCC}|207r00000x`);
  expect(rarestFirst(asked, none)).toEqual(asked);
});

test('what few resources have or lack is where a search begins', () => {
  const [lacks] = read('specialty:missing=true');
  const [inactive] = read('active:not=true');
  if (lacks?.kind !== 'missing' || inactive?.kind !== 'none' || inactive.of.kind !== 'mark')
    throw new Error('Changed.');
  const known = (having: number) =>
    estimates(new Map(), 50, {
      params: new Map([
        [lacks.param, having],
        [inactive.of.kind === 'mark' ? inactive.of.param : 0, 100_000],
      ]),
      counts: [0, 0, 0, 0, 0, 0, 0, 100_000],
    });
  expect(rarestFirst([inactive, lacks], known(50_000))).toEqual([{ ...inactive, few: true }, lacks]);
  expect(rarestFirst([lacks], known(99_999))).toEqual([{ ...lacks, few: true }]);
  // without statistics nothing is said to be rare
  expect(rarestFirst([lacks], estimates(new Map(), 50))).toEqual([lacks]);
});

test('a name is as frequent as the words that begin like it; of words that nobody counted one is like another', () => {
  const by = (seldom?: number) =>
    estimates(new Map(), 50, undefined, new Map([[870, [{ folded: 'hartford', rows: 9000 }]]]), seldom);
  const city = (name: string) => read(`location.address-city=${name}`)[0] ?? { kind: 'id', keys: [] };
  expect(by(3).rows(city('hart'))).toBe(9000);
  expect(by(3).frequent(city('hart') as never)).toEqual([{ param: 870, folded: 'hartford' }]);
  expect(by(3).rows(city('derby'))).toBe(24);
  expect(by().rows(city('derby'))).toBe(1000);
  // read along where both are many, looked up where one is rare
  const both = (name: string) => rarestFirst(read(`location.address-city=${name}&practitioner=Practitioner/p`), by(3));
  expect(both('hart').map((c) => c.kind)).toEqual(['reference', 'string']);
  expect(both('derby').map((c) => c.kind)).toEqual(['string', 'reference']);
});

test('tokens are looked for among few rows, read side by side where a page ends that, and looked up where they are seldom', () => {
  const asked = read(`network=Organization/big&specialty=${NUCC}|207r00000x`);
  if (specialty?.kind !== 'token' || network?.kind !== 'reference') throw new Error('Criteria changed.');
  hashText(`${NUCC}|207r00000x`, specialty.seed);
  const one = halves();
  hashText('Organization/big', 0);
  tokenOfReference(hashed.hi, hashed.lo, network.seed);
  const other = halves();
  const way = (specialties: number, networks: number, more: typeof asked = []) =>
    rarestFirst(
      [...asked, ...more],
      estimates(
        new Map([
          [one, specialties],
          [other, networks],
        ]),
        50,
        { params: new Map(), counts: [0, 0, 0, 0, 0, 0, 0, 450_000] },
      ),
      21,
    ).map((c) => (c.kind === 'token' || c.kind === 'reference' ? [c.seed, c.listed, c.together] : c.kind));
  const by = (c: { seed: number }, listed?: true, together?: true) => [c.seed, listed, together];
  expect(way(20_000, 2400)).toEqual([by(network), by(specialty)]);
  // what few meet besides lets the page never be full
  const near = read('location.near=41|-72|25|km');
  expect(way(20_000, 2400, near)).toEqual([by(network), by(specialty, true), 'chain']);
  expect(way(80_000, 90_000)).toEqual([by(specialty), by(network, undefined, true)]);
  expect(way(80_000, 60)).toEqual([by(network), by(specialty)]);
});

test('of several tokens all rows are read once where each row would otherwise be asked for each of them', () => {
  const codes = ['207r00000x', '207q00000x', '208d00000x', '363l00000x', '103t00000x'];
  const [several] = read(`specialty=${codes.map((code) => `${NUCC}|${code}`).join(',')}`);
  if (several?.kind !== 'token') throw new Error('Criteria changed.');
  const places = { ...read('location.near=41|-72|25|km')[0] } as Extract<Criterion, { kind: 'chain' }>;
  const found = (n: number) => Array.from({ length: n }, (_, i) => ({ rk: String(i), distance: i }));
  const way = (each: number, near: number, of: Criterion = several, wanted = Number.POSITIVE_INFINITY) => {
    const rows = codes.map((code): [string, number] => {
      hashText(`${NUCC}|${code}`, several.seed);
      return [halves(), each];
    });
    const by = estimates(new Map(rows), 50, { params: new Map(), counts: [0, 0, 0, 1000, 0, 0, 0, 6000] });
    const chain: Criterion = { ...places, of: { kind: 'near', circles: [], found: found(near) } };
    return rarestFirst([of, chain], by, wanted).map((c) => (c.kind === 'token' ? c.whole : c.kind));
  };
  // the nearest first: every row near is looked at, whichever is the rarer
  expect(way(1000, 600)).toEqual(['chain', true]);
  expect(way(100, 600)).toEqual([true, 'chain']);
  expect(way(1000, 5)).toEqual(['chain', undefined]);
  // one token too, where no page ends the work; where one does, it is looked up or read along
  const one: Criterion = { ...several, forms: several.forms.slice(0, 1) };
  expect(way(1000, 600, one)).toEqual([true, 'chain']);
  expect(way(1000, 600, one, 21)).toEqual([undefined, 'chain']);
});

test('a set that is read once is asked of each row, and never joined: a kept plan takes it for a few rows', () => {
  const [near] = read('location.near=41|-72|25|km');
  const [several] = read(`specialty=${NUCC}|207r00000x,${NUCC}|207q00000x`);
  if (near === undefined || several === undefined) throw new Error('Criteria changed.');
  const text = nearRows('PractitionerRole', near, [{ ...several, whole: true } as Criterion], binder().bind);
  expect(text).toMatch(/\(d\.rk in \(select rk from directory\.lookup [^)]*\).* is true/s);
  // where the planner is asked how many there are, it is a join, of which it can guess
  const guess = binder().bind;
  guess.guessing = true;
  expect(nearRows('PractitionerRole', near, [{ ...several, whole: true } as Criterion], guess)).not.toContain(
    'is true',
  );
});

test('a name beside other criteria: each row that is like it is judged once, not once for each other', () => {
  const request = readSearch(
    'PractitionerRole',
    new URLSearchParams('practitioner.name-like=smith&location.near=41|-72|25|km&active-on=2027-03-01'),
    { base: 'https://plan.example/fhir', now: new Date('2027-03-01'), countMax: 100, lenient: false },
  );
  const criteria = request.criteria.map(
    (c): Criterion => (c.kind === 'chain' && c.of.kind === 'like' ? { ...c, of: { ...c.of, found: [] } } : c),
  );
  const { text } = pageStatement({ ...request, criteria });
  expect(text).toContain('select rk, score from liked');
  expect(text).not.toContain('join liked');
  // where it begins with something rarer, what is found is joined to the scores
  const turned = pageStatement({ ...request, criteria: [...criteria].reverse() });
  expect(turned.text).toContain('from found d join liked s');
});

test('of what is near, periods are asked last, of all that is left together', () => {
  const [near, ...rest] = read('location.near=41|-72|25|km&active-on=2027-03-01&new-patient=newpt');
  if (near === undefined) throw new Error('Criteria changed.');
  const { bind } = binder();
  const text = nearRows('PractitionerRole', near, rest, bind);
  expect(text.indexOf('n.token in')).toBeGreaterThan(text.indexOf('asked as materialized'));
  expect(text.indexOf('any(array(select rk from asked))')).toBeGreaterThan(text.indexOf('n.token in'));
  expect(text.indexOf('directory.dates')).toBeGreaterThan(text.indexOf('n.token in'));
});

test('words are read in order where that ends before all of their rows are read', () => {
  const { id: family = 0 } = parameter('Practitioner', 'family') ?? {};
  const { id: given = 0 } = parameter('Practitioner', 'given') ?? {};
  const names = (people: number, each: number) =>
    rarestFirst(
      read('family=khan&given=car', 'Practitioner'),
      estimates(
        new Map(),
        50,
        { params: new Map(), counts: [0, 0, 0, 0, 0, 0, people] },
        new Map([
          [family, [{ folded: 'khan', rows: each }]],
          [
            given,
            [
              { folded: 'carol', rows: each },
              { folded: 'carl', rows: 10 },
              { folded: 'dora', rows: each },
            ],
          ],
        ]),
        3,
      ),
      21,
    ).map((c) => (c.kind === 'string' ? [c.frequent?.map((w) => w.folded), c.together] : c.kind));
  // no more people than a page has bear both: all rows are read in any case
  expect(names(100_000, 1000)).toEqual([
    [undefined, undefined],
    [undefined, undefined],
  ]);
  expect(names(100_000, 20_000)).toEqual([
    [['khan'], undefined],
    [['carol', 'carl'], true],
  ]);
});

test('a token beside a word: all rows of both are read where they are few, and side by side where a page ends before', () => {
  const { id: family = 0 } = parameter('Practitioner', 'family') ?? {};
  const ways = (each: number) =>
    rarestFirst(
      read('family=khan&_has:PractitionerRole:practitioner:network=Organization/n1', 'Practitioner'),
      estimates(
        new Map(),
        each,
        { params: new Map(), counts: [0, 0, 0, 0, 0, 0, 100_000] },
        new Map([[family, [{ folded: 'khan', rows: each }]]]),
        3,
      ),
      21,
    ).map((c) =>
      c.kind === 'reference' ? [c.met, c.together] : c.kind === 'string' ? [c.frequent?.length, c.together] : c.kind,
    );
  expect(ways(1000)).toEqual([
    [undefined, undefined],
    [true, undefined],
  ]);
  expect(ways(20_000)).toEqual([
    [1, undefined],
    [undefined, true],
  ]);
});

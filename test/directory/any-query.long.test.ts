// Whatever is asked: parameters, modifiers, results and values drawn at random, also positions of other searches. Each answer is one that was
// meant, never an error of the server; what is refused says why.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PARAMETERS } from '../../src/fhir/search/parameters.ts';
import { directoryResources } from '../../src/seed/plan-net/index.ts';
import { Draw, kindKey } from '../../src/seed/random.ts';
import { BASE, type Bundle, body, directory } from './fixture.ts';

const DATA = [...directoryResources({ seed: 3, resources: 300 })];
let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory(DATA);
});
afterAll(() => d.close());

const NAMES = new Map([...PARAMETERS].map(([type, of]) => [type, [...of.keys()]]));
const TYPES = [...NAMES.keys()];
const MODIFIERS = [
  '',
  ':exact',
  ':contains',
  ':not',
  ':missing',
  ':text',
  ':of-type',
  ':identifier',
  ':Practitioner',
  ':Organization.name',
  '.name',
  '.partof.name',
  ':bad',
];
const RESULTS = [
  '_count',
  '_sort',
  '_include',
  '_revinclude',
  '_elements',
  '_summary',
  '_total',
  '_format',
  '_cursor',
  '_lastUpdated',
  '_id',
  '_profile',
  '_has:PractitionerRole:practitioner:specialty',
];
const VALUES = [
  ['', ' ', '*', '%', '_', "'", '"', '\\', '\\,', '|', '||', 'a|b|c', '$', ',', ',,,', '\u0000', 'é', '🩺', '\ud800'],
  ['0', '-1', '1.5', '1e400', 'NaN', '9'.repeat(21), 'true', 'x'.repeat(300), 'a'.repeat(65), '60601', '00000'],
  ['2024-02-30', 'ge2024', 'sa', 'ap2024-01', 'gt9999999-01', '0000-01-01', '9999-12-31T23:59:60Z'],
  ['40|-90|10|km', '91|181|-1|km', '41.9|-87.6', 'Practitioner/1', 'http://x/Practitioner/1', 'urn:uuid:1', '#1'],
  ['name', '-name,_id', 'near', 'PractitionerRole:practitioner', 'Practitioner:*', 'smith', 'heart doctor', 'count'],
].flat();

/** Texts that stand in resources, and positions of pages that were given. */
const held: string[] = [];
const gather = (value: unknown): void => {
  if (typeof value === 'string') held.push(value);
  else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) gather(part);
};
gather(DATA.filter((_, i) => i % 10 === 0));

function query(draw: Draw, positions: readonly string[]): string {
  const type = draw.pick(TYPES);
  const names = NAMES.get(type) ?? [];
  const value = () => draw.pick(draw.chance(0.5) ? held : VALUES);
  const parts = Array.from({ length: 1 + draw.int(3) }, () => {
    const name = draw.chance(0.3) ? draw.pick(RESULTS) : draw.pick(names);
    const of = name === '_cursor' && draw.chance(0.9) ? draw.pick(positions) : value();
    return `${name}${draw.chance(0.3) ? draw.pick(MODIFIERS) : ''}=${encodeURIComponent(of.toWellFormed())}${draw.chance(0.2) ? `,${encodeURIComponent(value().toWellFormed())}` : ''}`;
  });
  return `${type}?${parts.join('&')}`;
}

test('no query is answered by an error of the server', async () => {
  const positions = ['AAAAAAAAAAU', '__________8', 'fwAAAAAAAAA'];
  const statuses = new Map<number, number>();
  const keep = (said: Partial<Bundle>) => {
    for (const { url } of said.link ?? []) {
      const position = new URL(url, BASE).searchParams.get('_cursor');
      if (position !== null) positions.push(position);
    }
  };
  for (const type of TYPES)
    for (const order of ['', '&_sort=_lastUpdated', '&_sort=-_id,_lastUpdated'])
      keep((await body(await d.get(`${type}?_count=2${order}`))) as Partial<Bundle>);
  for (let n = 0; n < 3000; n++) {
    const asked = query(new Draw(1, kindKey('any-query'), n), positions);
    const answer = await d.get(asked);
    const said = await body(answer);
    expect([asked, answer.status < 500]).toEqual([asked, true]);
    expect([asked, said['resourceType']]).toEqual([asked, answer.status === 200 ? 'Bundle' : 'OperationOutcome']);
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    keep(said as Partial<Bundle>);
  }
  // it is worth something only if much is found, and much refused
  expect([(statuses.get(200) ?? 0) > 300, (statuses.get(400) ?? 0) > 300, positions.length > 30]).toEqual([
    true,
    true,
    true,
  ]);
});

test.each(['__________8', 'fwAAAAAAAAA', 'AAAAAAAAAAU'])('with the position %s of another search', async (position) => {
  for (const [type, names] of NAMES)
    for (const name of names)
      for (const value of ['smith', 'ge2020', '40|-90|10|km']) {
        const asked = `${type}?${name}=${encodeURIComponent(value)}&_cursor=${position}`;
        const { status } = await d.get(asked);
        expect([asked, status < 500]).toEqual([asked, true]);
      }
});

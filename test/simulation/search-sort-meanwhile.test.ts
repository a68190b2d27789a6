// Paging while the directory changes: what stood unchanged from the first page to the last is given once, there and back,
// under every order, whatever is added, deleted, renamed or moved between two pages.
import { expect, test } from 'vitest';
import type { ImportEntry } from '../../directory/resource/resource-import.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { directoryResources } from '../../src/seed/plan-net/index.ts';
import { Draw, kindKey } from '../../src/seed/random.ts';
import { BASE, type Bundle, body, deletion, directory, entries, ids, keyOf, NOW } from '../directory/fixture.ts';

const DATA = [...directoryResources({ seed: 5, resources: 600 })];
const url = (bundle: Bundle, relation: string) =>
  bundle.link.find((l) => l.relation === relation)?.url.replace(`${BASE}/`, '');

const NEAR = 'near=40|-90|4000|km';
const PATHS = [
  'Location?_count=11',
  'Location?_count=11&status=active',
  'Location?_count=11&_sort=_id',
  'Location?_count=11&_sort=-_id',
  'Location?_count=11&_sort=_lastUpdated',
  'Location?_count=11&_sort=-_lastUpdated',
  'Location?_count=11&_sort=name',
  'Location?_count=11&_sort=-name&status=active',
  'Location?_count=11&_sort=address-city',
  'Location?_count=11&_sort=-address-state,address-postalcode',
  `Location?_count=11&${NEAR}&_sort=near`,
  `Location?_count=11&${NEAR}&_sort=-near`,
  `Location?_count=11&${NEAR}&status=active`,
  'Practitioner?_count=45&_sort=family',
  'Practitioner?_count=45&_sort=-given&active=true',
  'Practitioner?_count=45&_sort=-_lastUpdated&gender=female',
  `PractitionerRole?_count=80&location.${NEAR}&_sort=near`,
  'PractitionerRole?_count=80&_sort=_lastUpdated&_lastUpdated=gt2015',
  'PractitionerRole?_count=80&location.status=active',
];

/** Other names and places; they may lie before what was shown, or behind it. */
const CHANGES: Record<string, (draw: Draw) => object> = {
  Practitioner: (draw) => ({ name: [{ family: draw.pick(['Aa', 'Mm', 'Zz']), given: ['Q'] }] }),
  Location: (draw) => ({
    name: draw.pick(['Aa', 'Mm', 'Zz']),
    position: { latitude: 30 + 15 * draw.next(), longitude: -110 + 30 * draw.next() },
    address: { city: 'Mm', state: 'MO', postalCode: '63101' },
  }),
};

test.each(PATHS)('%s', async (path) => {
  let clock = NOW.getTime();
  const d = await directory(DATA, {}, () => {
    clock += 1000;
    return new Date(clock);
  });
  const get = async (query: string) => body(await d.get(query));
  const draw = new Draw(1, kindKey(path), 0);
  const touched = new Set<string>();
  let last: Bundle;
  const stood = new Set<string>();
  for (let next: string | undefined = path; next !== undefined; next = url(last, 'next')) {
    last = await get(next);
    for (const key of ids(last, 'match')) stood.add(key);
  }
  const places = DATA.filter((r) => /^(Location|Practitioner)$/.test(r.resourceType));
  const roles = DATA.filter((r) => r.resourceType === 'PractitionerRole');
  let added = 0;
  /** What follows is touched, with the roles that stand at a place. */
  const touch = (r: Resource) => {
    touched.add(keyOf(r));
    for (const role of roles)
      if (JSON.stringify(role['location'] ?? '').includes(`"${keyOf(r)}"`)) touched.add(keyOf(role));
  };
  const write = async (atEdge: Resource[]) => {
    const batch = new Map<string, ImportEntry>();
    for (const r of [...atEdge, draw.pick(places), draw.pick(places), draw.pick(roles)]) {
      touch(r);
      const changed = { ...r, ...(CHANGES[r.resourceType]?.(draw) ?? { availabilityExceptions: 'none' }) };
      const [entry] = draw.next() < 0.4 ? [deletion(keyOf(r))] : entries([changed as unknown as Resource]);
      if (entry) batch.set(keyOf(r), entry);
    }
    const more = { ...draw.pick(places), id: `added${added++}` } as Resource;
    touch(more);
    await d.load([...batch.values(), ...entries([more])]);
  };
  const kept = (given: readonly string[]) => given.filter((key) => stood.has(key) && !touched.has(key));
  const resourcesOf = (at: Bundle) => (at.entry ?? []).filter((e) => e.search?.mode === 'match').map((e) => e.resource);

  const forward: string[] = [];
  let at = await get(path);
  for (let n = 0; ; n++) {
    expect(n).toBeLessThan(200);
    forward.push(...ids(at, 'match'));
    const next = url(at, 'next');
    if (next === undefined) break;
    await write(resourcesOf(at).slice(-1));
    at = await get(next);
  }
  const back = ids(at, 'match');
  for (let n = 0, previous = url(at, 'prev'); previous !== undefined; n++, previous = url(at, 'prev')) {
    expect(n).toBeLessThan(200);
    await write(resourcesOf(at).slice(0, 1));
    at = await get(previous);
    back.unshift(...ids(at, 'match'));
  }
  const untouched = [...stood].filter((key) => !touched.has(key)).sort();
  expect(untouched.length).toBeGreaterThan(10);
  for (const given of [forward, back]) expect(kept(given).sort()).toEqual(untouched);
  await d.close();
});

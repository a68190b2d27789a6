import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Resource } from '../../src/fhir/resource.ts';
import { PLAN_NET } from '../../src/fhir/search/types.ts';
import { BASE, type Bundle, body, deletion, directory, entries, FIXTURE, ids, keyOf, ORIGIN } from './fixture.ts';

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory();
});
afterAll(() => d.close());

const link = (bundle: Bundle, relation: string) => bundle.link.find((l) => l.relation === relation)?.url;

test('entries name their place under the public base, whatever the Host', async () => {
  const bundle = await body(
    await d.get('Practitioner?_id=p1', { host: 'evil.example', 'x-forwarded-host': 'evil.example' }),
  );
  expect(bundle.entry?.[0]?.fullUrl).toBe(`${ORIGIN}/directory/fhir/Practitioner/p1`);
  expect(link(bundle, 'self')).toBe(`${ORIGIN}/directory/fhir/Practitioner?_id=p1`);
  expect(bundle.total).toBe(1);
});

describe('values as real clients write them', () => {
  test.each([
    ['Practitioner?_id=Practitioner/p1', ['Practitioner/p1']],
    ['Practitioner?_id=https://plan.example/directory/fhir/Practitioner/p1', ['Practitioner/p1']],
    ['Practitioner?_id=Organization/p1', []],
    ['Practitioner?_id=p1,nobody', ['Practitioner/p1']],
    ['Organization?_id:not=clinic1,payer1', ['Organization/net1']],
    ['Organization?type=ntwk&_id:not=Organization/net1', []],
    ['Organization?type=ntwk&_id:missing=false&_lastUpdated:missing=false', ['Organization/net1']],
    ['Organization?_id:missing=true', []],
    ['Organization?_lastUpdated:missing=true', []],
    ['PractitionerRole?organization._id:not=nobody', ['PractitionerRole/r1']],
    ['Organization?type=fac,bus,prvgrp,payer,atyprv&_sort=_id&name=oak', ['Organization/payer1']],
    ['PractitionerRole?specialty=http://nucc.org/provider-taxonomy%7C207rc0000x', ['PractitionerRole/r1']],
    ['PractitionerRole?_lastUpdated=2027-03-01T12:00:00.123+00:00', ['PractitionerRole/r1']],
    ['PractitionerRole?_lastUpdated=2027-03-01T12:00:00.1239999Z', ['PractitionerRole/r1']],
    ['PractitionerRole?_lastUpdated=ne2027-03-01', []],
    ['PractitionerRole?_lastUpdated=lt2027-03-01T12:00:00.123Z', []],
    ['Organization?name:exact=Oro', ['Organization/net1']],
    ['Organization?name:exact=oro', []],
    ['Organization?name:contains=GOLD', ['Organization/net1']],
    ['Organization?name:contains=%25', []],
    ['Organization?name=Cl%C3%ADnica', ['Organization/clinic1']],
    ['Organization?name=Clin%C3%ADca', []],
    ['Practitioner?name=o%27neil&given=ana', ['Practitioner/p1']],
    ['Practitioner?given=ana,bob&given=mar', ['Practitioner/p1']],
    ['Practitioner?given=ana&given=bob', []],
    ['InsurancePlan?identifier:of-type=urn:t%7CMA%7CH1234-001', ['InsurancePlan/ip1']],
    ['InsurancePlan?identifier:text=ma%20plan', ['InsurancePlan/ip1']],
    ['PractitionerRole?specialty:text=cardio', ['PractitionerRole/r1']],
    ['Practitioner?identifier:text=npi%20num', ['Practitioner/p1']],
    ['Practitioner?communication:text=span', ['Practitioner/p1']],
    ['Endpoint?payload-type:text=not%20app', ['Endpoint/e1']],
    ['PractitionerRole?new-patient:text=newpt', ['PractitionerRole/r1']],
    ['Practitioner?gender:text=female', []],
    ['Practitioner?active:text=true', []],
    ['Practitioner?phone:text=860', []],
    ['PractitionerRole?network:Organization=net1', ['PractitionerRole/r1']],
    ['PractitionerRole?network=net1&location=loc1&specialty=207RC0000X', ['PractitionerRole/r1']],
    ['PractitionerRole?network=net1&location=area1', []],
    ['InsurancePlan?period=eq2027-01', []],
    ['InsurancePlan?period=ne2026', ['InsurancePlan/ip1']],
    ['Organization?type=a,b,c,d,e,f,g,h,i,ntwk', ['Organization/net1']],
    ['Organization?type:not=a,b,c,d,e,f,g,h,prvgrp,ntwk', ['Organization/payer1']],
    ['PractitionerRole?location=a,b,c,d,e,f,g,h,i,loc1', ['PractitionerRole/r1']],
    ['PractitionerRole?location.address-city=hart&practitioner.name=ana', ['PractitionerRole/r1']],
    ['PractitionerRole?location:Location.organization.name=clinica', ['PractitionerRole/r1']],
    ['PractitionerRole?location.address-city=boston', []],
    ['PractitionerRole?service.location=loc1', ['PractitionerRole/r1']],
    ['PractitionerRole?organization.active:not=true', []],
    ['Practitioner?_has:PractitionerRole:practitioner:network=net1&name=ana', ['Practitioner/p1']],
    ['Practitioner?_has:PractitionerRole:practitioner:specialty=207R00000X', []],
    ['Practitioner?_has:PractitionerRole:practitioner:_lastUpdated=gt2015', ['Practitioner/p1']],
    ['Organization?type=ntwk&_has:PractitionerRole:network:location=loc1', ['Organization/net1']],
    ['Organization?_has:PractitionerRole:network:location.address-city=hart', ['Organization/net1']],
    ['Location?_has:InsurancePlan:coverage-area:owned-by=Organization/payer1', ['Location/area1']],
    ['InsurancePlan?name=', ['InsurancePlan/ip1']],
    ['PractitionerRole?practitioner=urn:uuid:6f0c5b52-6f0e-4b59-9d0c-3f7d3a4b8e11', []],
  ])('%s', async (path, expected) => {
    expect(await d.find(path)).toEqual(expected);
  });
});

test.each([
  ['Practitioner?_lastUpdated=yesterday', 400, 'value'],
  ['Practitioner?_lastUpdated=2027-02-30', 400, 'value'],
  ['Practitioner?npi=9000000013', 400, 'value'],
  ['Practitioner?_count=abc', 400, 'value'],
  ['Practitioner?_count=-1', 400, 'value'],
  ['Practitioner?_total=some', 400, 'value'],
  ['Practitioner?_summary=maybe', 400, 'value'],
  ['Practitioner?_sort=color', 400, 'value'],
  ['Practitioner?_cursor=abc', 400, 'value'],
  ['Practitioner?name:sounds=x', 400, 'value'],
  ['Practitioner?identifier=a|b|c', 400, 'value'],
  ['Practitioner?active:missing=perhaps', 400, 'value'],
  ['Practitioner?_id:missing=perhaps', 400, 'value'],
  ['Practitioner?_id:exact=p1', 400, 'value'],
  ['Practitioner?_lastUpdated:not=2027', 400, 'value'],
  ['Practitioner?name=%00', 400, 'value'],
  ['PractitionerRole?location:Practitioner=x', 400, 'value'],
  ['PractitionerRole?location=a%20b', 400, 'value'],
  ['Practitioner?shoe=9', 400, 'not-supported'],
  ['PractitionerRole?service.location.organization.name=x', 400, 'value'],
  ['PractitionerRole?specialty.name=x', 400, 'not-supported'],
  ['Practitioner?_has:Location:organization:name=x', 400, 'not-supported'],
  ['Practitioner?__proto__=x', 400, 'not-supported'],
  ['Practitioner/_search?name=x', 405, 'not-supported'],
  ['Patient?_id=1', 404, 'not-supported'],
  ['Practitioner?_format=ttl', 406, 'not-supported'],
  [`Practitioner?name=${'a'.repeat(9000)}`, 414, 'too-long'],
])('%.60s is refused', async (path, status, code) => {
  const response = await d.get(path);
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toContain('application/fhir+json');
  expect((await body(response)).issue?.[0]?.code).toBe(code);
});

test('unknown parameters are ignored and reported when the client is lenient', async () => {
  const bundle = await body(await d.get('Practitioner?shoe=9&name=nobody', { prefer: 'handling=lenient' }));
  expect(ids(bundle, 'match')).toEqual([]);
  expect(bundle.entry?.map((e) => e.search.mode)).toEqual(['outcome']);
  expect(bundle.entry?.[0]?.fullUrl).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
  expect(link(bundle, 'self')).not.toContain('shoe');
  const strict = await d.get('Practitioner?_lastUpdated=never', { prefer: 'handling=lenient' });
  expect(strict.status).toBe(400);
});

test('of a parameter that holds once the last counts, and the self link says so', async () => {
  const bundle = await body(await d.get('Practitioner?_count=5&_count=7&_include=*&name=o&name=p'));
  expect(link(bundle, 'self')?.split('?')[1]).toBe('_count=7&_include=*&name=o&name=p');
});

test('what only looks like a further parameter is part of the value that it stands in', async () => {
  const self = async (query: string) => link(await body(await d.get(`Practitioner?${query}`)), 'self') ?? '';
  for (const cloaked of ['name=o;_count=1', 'name=o%26_count=1', 'name=o%3B_count%3D1']) {
    const given = new URL(await self(`_count=7&${cloaked}`)).searchParams;
    expect([given.getAll('_count'), given.get('name')?.slice(0, 2).length]).toEqual([['7'], 2]);
    expect(given.get('name')).toContain('_count=1');
  }
});

test('unknown includes are ignored and reported, element names are understood', async () => {
  const bundle = await body(await d.get('HealthcareService?_include=HealthcareService:providedBy&_include=Patient:x'));
  expect(ids(bundle, 'include')).toEqual(['Organization/clinic1']);
  expect(bundle.entry?.at(-1)?.search.mode).toBe('outcome');
});

test('includes: star, target type, iterate', async () => {
  const star = await body(await d.get('PractitionerRole?_include=*'));
  expect(ids(star, 'include').sort()).toEqual(
    [
      'Endpoint/e1',
      'HealthcareService/hs1',
      'Location/loc1',
      'Organization/clinic1',
      'Organization/net1',
      'Practitioner/p1',
    ].sort(),
  );
  const target = await body(await d.get('PractitionerRole?_include=PractitionerRole:practitioner:Practitioner'));
  expect(ids(target, 'include')).toEqual(['Practitioner/p1']);
  const twice = await body(
    await d.get('PractitionerRole?_include=PractitionerRole:organization&_include:iterate=Organization:partof'),
  );
  expect(ids(twice, 'include').sort()).toEqual(['Organization/clinic1', 'Organization/payer1']);
  const thrice = await body(
    await d.get(
      'PractitionerRole?_include=PractitionerRole:service&_include:iterate=HealthcareService:organization&_include:iterate=Organization:partof',
    ),
  );
  expect(ids(thrice, 'include').sort()).toEqual([
    'HealthcareService/hs1',
    'Organization/clinic1',
    'Organization/payer1',
  ]);
});

test('iterate goes on from what is included, not from what only a reference names', async () => {
  const elsewhere = { reference: 'https://elsewhere.example/fhir/Endpoint/e9' };
  const place = (id: string, endpoint: object): Resource => ({
    resourceType: 'Location',
    id,
    status: 'active',
    name: id,
    endpoint: [endpoint as Resource],
  });
  const own = await directory([
    place('l1', elsewhere),
    place('l2', elsewhere),
    place('l3', { reference: 'Endpoint/e1' }),
    place('l4', { reference: 'Endpoint/e1' }),
    { resourceType: 'Endpoint', id: 'e1', status: 'active' },
  ]);
  const asked = '_include:iterate=Location:endpoint&_revinclude:iterate=Location:endpoint';
  expect(ids(await body(await own.get(`Location?_id=l1&${asked}`)), 'include')).toEqual([]);
  expect(ids(await body(await own.get(`Location?_id=l3&${asked}`)), 'include').sort()).toEqual([
    'Endpoint/e1',
    'Location/l4',
  ]);
  await own.close();
});

test.each([
  ['Organization', ['v2']],
  ['PractitionerRole', ['v1']],
  ['Practitioner', ['v1', 'v3']],
  ['Location', []],
])('_revinclude:iterate with %s as target follows references to that type', async (target, expected) => {
  const found = await body(
    await d.get(
      `PractitionerRole?_include=PractitionerRole:organization&_include=PractitionerRole:practitioner&_revinclude:iterate=VerificationResult:target:${target}`,
    ),
  );
  expect(ids(found, 'include').sort()).toEqual(
    ['Organization/clinic1', 'Practitioner/p1', ...expected.map((id) => `VerificationResult/${id}`)].sort(),
  );
});

test('POST _search gives what GET gives', async () => {
  const response = await d.app.request('/directory/fhir/Practitioner/_search?family=o', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'given=ana',
  });
  expect(ids(await body(response), 'match')).toEqual(['Practitioner/p1']);
  const packed = await d.app.request('/directory/fhir/Practitioner/_search', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-encoding': 'gzip' },
    body: gzipSync('family=o'),
  });
  expect(packed.status).toBe(415);
  expect(await packed.text()).toContain('without Content-Encoding');
  const json = await d.app.request('/directory/fhir/Practitioner/_search', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  expect(json.status).toBe(415);
});

test('_summary and _elements leave out and say so', async () => {
  const count = await body(await d.get('Organization?_summary=count'));
  expect([count.total, count.entry]).toEqual([3, undefined]);
  expect((await body(await d.get('Organization?_count=0'))).total).toBe(3);
  const summary = (await body(await d.get('Location?_id=loc1&_summary=true'))).entry?.[0]?.resource;
  expect(summary?.['position']).toBeUndefined();
  expect(summary?.['managingOrganization']).toBeDefined();
  expect(JSON.stringify(summary?.['meta'])).toContain('SUBSETTED');
  const elements = (await body(await d.get('Location?_id=loc1&_elements=alias'))).entry?.[0]?.resource;
  expect(Object.keys(elements ?? {}).sort()).toEqual(['alias', 'id', 'meta', 'name', 'resourceType', 'status']);
});

describe('paging', () => {
  const many: Resource[] = Array.from({ length: 230 }, (_, i) => ({
    resourceType: 'Endpoint',
    id: `m${i}`,
    status: 'active',
    name: `Mass ${i}`,
  }));
  // 600 roles of one network, 900 of the other, 300 of them of both
  const networks: Resource[] = ['a', 'b'].map((id) => ({ resourceType: 'Organization', id, active: true, name: id }));
  const role = (i: number): Resource => ({
    resourceType: 'PractitionerRole',
    id: `r${i}`,
    active: true,
    practitioner: { display: 'somebody' },
    extension: [...(i < 600 ? ['a'] : []), ...(i >= 300 ? ['b'] : [])].map((network) => ({
      url: `${PLAN_NET}/StructureDefinition/network-reference`,
      valueReference: { reference: `Organization/${network}` },
    })),
  });
  const roles = Array.from({ length: 1200 }, (_, i) => role(i));
  let pages: Awaited<ReturnType<typeof directory>>;
  beforeAll(async () => {
    pages = await directory([...many, ...networks, ...roles]);
  });

  test('a thousand are included, each once, and a remark says that more would be', async () => {
    const all = await body(await pages.get('Organization?_revinclude=PractitionerRole:network'));
    const included = ids(all, 'include');
    expect([included.length, new Set(included).size]).toEqual([1000, 1000]);
    expect(all.entry?.at(-1)?.search.mode).toBe('outcome');
    const one = await body(await pages.get('Organization?name=a&_revinclude=PractitionerRole:network'));
    expect([ids(one, 'include').length, one.entry?.at(-1)?.search.mode]).toEqual([600, 'include']);
  });

  test('the remark comes too when some of what would be included leads nowhere', async () => {
    // every role refers to a person of its own, of whom one in three is not here
    const broken = Array.from({ length: 1500 }, (_, i) => ({
      ...role(i),
      practitioner: { reference: `Practitioner/${i % 3 === 0 ? 'gone' : 'p'}${i}` },
    }));
    const people = broken.flatMap((_, i): Resource[] =>
      i % 3 === 0 ? [] : [{ resourceType: 'Practitioner', id: `p${i}`, active: true, name: [{ family: `F${i}` }] }],
    );
    const d = await directory([...networks, ...broken, ...people]);
    const asked = '_revinclude=PractitionerRole:network&_include:iterate=PractitionerRole:practitioner';
    for (const filter of ['', '_id=a,b&', 'name=a,b&']) {
      const all = await body(await d.get(`Organization?${filter}${asked}`));
      const included = ids(all, 'include');
      expect(new Set(included).size).toBe(included.length);
      expect(included.length).toBeLessThanOrEqual(1000);
      expect(all.entry?.at(-1)?.search.mode).toBe('outcome');
      expect(all.entry?.every((e) => e.resource !== undefined && e.fullUrl !== `${BASE}/`)).toBe(true);
    }
    await d.close();
  });
  afterAll(() => pages.close());

  async function walk(first: string, between?: (page: number) => Promise<void>) {
    const seen: string[] = [];
    const totals: (number | undefined)[] = [];
    let next: string | undefined = first;
    for (let page = 0; next !== undefined; page++) {
      expect(page).toBeLessThan(100);
      const bundle: Bundle = await body(await pages.get(next));
      seen.push(...ids(bundle, 'match'));
      totals.push(bundle.total);
      await between?.(page);
      next = link(bundle, 'next')?.replace(`${ORIGIN}/directory/fhir/`, '');
    }
    return { seen, totals };
  }

  test.each(['Endpoint?_count=7', 'Endpoint?_count=7&status=active', 'Endpoint?_count=50&name=mass'])(
    '%s gives everything once, and its total on every page',
    async (first) => {
      const { seen, totals } = await walk(first);
      expect(seen.length).toBe(230);
      expect(new Set(seen).size).toBe(230);
      expect(new Set(totals)).toEqual(new Set([230]));
    },
  );

  test('what was there is given once while more is inserted and deleted', async () => {
    const { seen } = await walk('Endpoint?_count=20&status=active', async (page) => {
      await pages.load([
        ...entries([{ resourceType: 'Endpoint', id: `new${page}`, status: 'active', name: `New ${page}` }]),
        deletion(`Endpoint/new${page - 1}`),
      ]);
    });
    const old = seen.filter((k) => k.startsWith('Endpoint/m'));
    expect(old.length).toBe(230);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('the count has a ceiling and the total can be left out', async () => {
    const capped = await directory(many, {}, undefined, undefined, { directoryCountMax: 30 });
    const bundle = await body(await capped.get('Endpoint?_count=100000'));
    expect(ids(bundle, 'match').length).toBe(30);
    expect(link(bundle, 'self')).toContain('_count=30');
    expect((await body(await capped.get('Endpoint?_total=none'))).total).toBeUndefined();
    expect((await body(await capped.get('Endpoint?status=active&_total=accurate'))).total).toBe(230);
    await capped.close();
  });
});

test('a total is not remembered past a change', async () => {
  const own = await directory();
  expect((await body(await own.get('Organization?active=true&_count=1'))).total).toBe(3);
  await own.load(entries([{ ...(FIXTURE[0] as Resource), id: 'payer2' }]));
  expect((await body(await own.get('Organization?active=true&_count=1'))).total).toBe(4);
  await own.close();
});

test('names with accents are found as they are written: two blanks, letters that fold to two', async () => {
  const named = ['São  Paulo\u00a0Clinic', 'İzmir Center', ' Été ', 'ΠΑΠΑΔΌΠΟΥΛΟΣ', 'Παπαδόπουλος'].map((name, i) => ({
    resourceType: 'Organization',
    id: `n${i}`,
    active: true,
    name,
  }));
  const own = await directory(named);
  const find = (query: string) => own.find(`Organization?${query}`);
  expect(await find(`name=${encodeURIComponent('São  Paulo\u00a0Cl')}`)).toEqual(['Organization/n0']);
  expect(await find(`name=${encodeURIComponent('SÃO PAULO CL')}`)).toEqual(['Organization/n0']);
  expect(await find(`name=${encodeURIComponent('Sáo Paulo')}`)).toEqual([]);
  expect(await find(`name:contains=${encodeURIComponent('ão  paulo')}`)).toEqual(['Organization/n0']);
  expect(await find(`name=${encodeURIComponent('İzmir')}`)).toEqual(['Organization/n1']);
  expect(await find(`name=${encodeURIComponent('ét')}`)).toEqual(['Organization/n2']);
  for (const name of ['Παπαδόπουλος', 'ΠΑΠΑΔΌΠΟΥΛΟΣ'])
    expect((await find(`name=${encodeURIComponent(name)}`)).sort()).toEqual(['Organization/n3', 'Organization/n4']);
  await own.close();
});

test('what would be included and leads nowhere is not counted', async () => {
  const networks = (n: number) =>
    Array.from({ length: n }, (_, i) => ({
      url: `${PLAN_NET}/StructureDefinition/network-reference`,
      valueReference: { reference: `Organization/many${i}` },
    }));
  const organizations = (n: number): Resource[] =>
    Array.from({ length: n }, (_, i) => ({ resourceType: 'Organization', id: `many${i}`, name: `N ${i}` }));
  const own = await directory([
    { resourceType: 'PractitionerRole', id: 'wide', extension: networks(1200) },
    ...organizations(1000),
  ]);
  try {
    for (const query of ['_id=wide', '_id=wide&_sort=_id', 'active:missing=true&network:missing=false']) {
      const path = `PractitionerRole?${query}&_include=PractitionerRole:network`;
      const remarks = (bundle: Bundle) => bundle.entry?.filter((e) => e.search.mode === 'outcome').length;
      await own.load(
        organizations(1001)
          .slice(1000)
          .map((r) => deletion(keyOf(r))),
      );
      const all = await body(await own.get(path));
      expect([ids(all, 'match').length, ids(all, 'include').length, remarks(all)]).toEqual([1, 1000, 0]);
      await own.load(entries(organizations(1001)));
      const cut = await body(await own.get(path));
      expect([ids(cut, 'match').length, ids(cut, 'include').length, remarks(cut)]).toEqual([1, 1000, 1]);
    }
  } finally {
    await own.close();
  }
});

// The merged base: our own records beside those of two peers, with their sources, and links between them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFederation } from '../../../directory/federation/app.ts';
import { featuresOf } from '../../../directory/federation/features.ts';
import { decidePair, linkDue, split } from '../../../directory/federation/link.ts';
import { countLinks, reviewList } from '../../../directory/federation/link-rows.ts';
import { mend } from '../../../directory/federation/mend.ts';
import { mergeDue } from '../../../directory/federation/merge.ts';
import { writeFeatures } from '../../../directory/federation/merge-rows.ts';
import { normalize } from '../../../directory/federation/normalize.ts';
import { clearOutbox, enqueue, outboxEntries } from '../../../directory/federation/outbox.ts';
import { mergedPublishing } from '../../../directory/federation/publishing.ts';
import { publishIfDue, publishNow } from '../../../directory/publish/work.ts';
import { importResources } from '../../../directory/resource/resource-import.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { noMetrics } from '../../../src/runtime/no-metrics.ts';
import { type Bundle, entries, FIXTURE, ids, keysFor } from '../fixture.ts';
import { npi, scriptedDirectory } from './scripted-directory.ts';
import { type World, world } from './world.ts';

const OWN = 'https://plan.example/directory/fhir';
let oak: Awaited<ReturnType<typeof scriptedDirectory>>;
let elm: Awaited<ReturnType<typeof scriptedDirectory>>;
let w: World;
let app: ReturnType<typeof createFederation>;
const get = (path: string) => app.request(`/directory/all/fhir/${path}`);
const find = async (path: string) => ids((await (await get(path)).json()) as Bundle, 'match').sort();
const load = (list: Resource[]) => importResources(w.database, entries(list), { base: OWN, clock: () => w.state.now });

beforeAll(async () => {
  oak = await scriptedDirectory();
  elm = await scriptedDirectory();
  w = await world({ DIRECTORY_RATE_PER_MINUTE: '0' });
  app = createFederation({ ...w.deps, keys: keysFor(), metrics: noMetrics } as never);
  await load(FIXTURE);
  await w.add('oak', oak.fhir);
  await w.add('elm', elm.fhir);
  const first = elm.script.records.find((r) => r['id'] === 'p1');
  const second = elm.script.records.find((r) => r['id'] === 'p2');
  if (!first || !second) throw new Error('fixture');
  // the same person under capitals with a title; another name under the same number; a reference into the other peer
  first['name'] = [{ text: 'RIVERA1, ANA N1, MD' }];
  first['telecom'] = [{ system: 'phone', value: '860-555-0177' }];
  second['name'] = [{ family: 'Unlike', given: ['Bo'] }];
  elm.script.records.push({
    resourceType: 'Endpoint',
    id: 'e',
    status: 'active',
    connectionType: { system: 'http://terminology.hl7.org/CodeSystem/endpoint-connection-type', code: 'hl7-fhir-rest' },
    payloadType: [{ text: 'any' }],
    address: 'https://a.example/x',
    managingOrganization: { reference: `${oak.fhir}//Organization/clinic/` },
    meta: { lastUpdated: '2027-01-01T00:00:00Z' },
  });
  // decimals with zeros at their end
  const written = (JSON as unknown as { rawJSON: (text: string) => number }).rawJSON;
  oak.script.each = (r) =>
    r.resourceType === 'Location'
      ? { ...r, position: { longitude: written('-72.680'), latitude: written('41.760') } }
      : r;
  for (const slug of ['oak', 'elm']) expect((await w.harvest(slug)).state).toBe('done');
  await mergeDue(w.deps);
  await linkDue(w.deps);
});
afterAll(async () => {
  await w.close();
  await oak.close();
  await elm.close();
});

describe('the base', () => {
  test('shows numbers as their source wrote them', async () => {
    expect(await (await get('Location/oak.loc')).text()).toContain(
      '"position":{"longitude":-72.680,"latitude":41.760}',
    );
  });

  test('has the tables of the directory, column by column and index by index', async () => {
    const shape = (schema: string) =>
      w.sql.unsafe(`select table_name, column_name, data_type, is_nullable from information_schema.columns where table_schema = '${schema}'
      and table_name in (select table_name from information_schema.tables where table_schema = 'merged') order by 1, ordinal_position`);
    expect(await shape('merged')).toEqual(await shape('directory'));
    const indexes = (schema: string) =>
      w.sql.unsafe(`select tablename, regexp_replace(indexdef, '^.* USING', '') as def from pg_indexes where schemaname = '${schema}'
      and tablename in (select table_name from information_schema.tables where table_schema = 'merged') order by 1, 2`);
    expect((await indexes('merged')).length).toBeGreaterThan(10);
    expect(await indexes('merged')).toEqual(await indexes('directory'));
  });
  test('finds by NPI over all plans, and by name', async () => {
    expect(await find(`Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|${npi(1)}`)).toEqual([
      'Practitioner/elm.p1',
      'Practitioner/oak.p1',
    ]);
    expect(await find('Practitioner?_count=200&_summary=count')).toEqual([]);
    expect((await find('Practitioner?_count=200')).length).toBe(
      FIXTURE.filter((r) => r.resourceType === 'Practitioner').length + 24,
    );
  });
  test('references lead within it: includes, chains, into another peer', async () => {
    const bundle = (await (
      await get('PractitionerRole?_id=oak.r1&_include=PractitionerRole:practitioner&_include=PractitionerRole:network')
    ).json()) as Bundle;
    expect(ids(bundle, 'include').sort()).toEqual(['Organization/oak.net', 'Practitioner/oak.p1']);
    expect(await find('Endpoint?organization=Organization/oak.clinic')).toEqual(['Endpoint/elm.e']);
  });
  test('near finds places of all', async () => {
    expect(await find('Location?near=41.76|-72.68|10|km')).toEqual([
      'Location/elm.loc',
      'Location/loc1',
      'Location/oak.loc',
    ]);
  });
  test('every record of a peer names its source, claims no profile, and has Provenance', async () => {
    const r = (await (await get('Practitioner/oak.p1')).json()) as Resource & {
      meta: { source: string; tag: { code: string }[]; profile?: string[] };
    };
    expect(r.meta.source).toBe(`${oak.fhir}/Practitioner/p1#1`);
    expect(r.meta.tag.map((t) => t.code)).toEqual(['oak', '1']);
    expect(r.meta.profile).toBeUndefined();
    const p = (await (await get('Provenance?target=Practitioner/oak.p1')).json()) as Bundle & {
      entry: { resource: { id: string; entity: { what: { identifier: { value: string } } }[] } }[];
    };
    expect(p.entry[0]?.resource.entity[0]?.what.identifier.value).toBe(`${oak.fhir}/Practitioner/p1`);
    expect((await get(`Provenance/${p.entry[0]?.resource.id}`)).status).toBe(200);
    expect((await get('Provenance/99999999999999999999')).status).toBe(404);
    expect((await get('Provenance')).status).toBe(400);
  });
  test('metadata tells what it is; channels of our own are not there', async () => {
    const m = (await (await get('metadata')).json()) as {
      instantiates?: string[];
      rest: { operation: { name: string }[] }[];
    };
    expect(m.instantiates).toBeUndefined();
    expect(m.rest[0]?.operation.map((o) => o.name)).toEqual(['in-network', 'bulk-publish']);
    expect((await get('OperationDefinition/bulk-publish')).status).toBe(200);
    expect((await get('$export')).status).toBe(404);
  });
  test('the own base has nothing of a peer', async () => {
    expect(
      Number(
        (
          await w.sql`select count(*)::int as n from directory.resource where key like '%/oak.%' or key like '%/elm.%'`
        )[0]?.['n'],
      ),
    ).toBe(0);
    expect(Number((await w.sql`select count(*)::int as n from directory.resource`)[0]?.['n'])).toBe(FIXTURE.length);
  });
  test('hands on in bulk what is ours, and what a peer allows; a chain ends when that changes', async () => {
    const publishing = mergedPublishing(w.deps);
    const manifest = async (path: string) =>
      (await (await app.request(path)).json()) as {
        extension?: unknown;
        output?: { type: string; url: string; count: number }[];
        deleted?: { url: string }[];
        link: { url: string }[];
      };
    const path = (url: string) => new URL(url).pathname;
    const keysOf = async (m: Awaited<ReturnType<typeof manifest>>) => {
      const keys: string[] = [];
      for (const file of m.output ?? []) {
        const lines = (await (await app.request(path(file.url))).text()).trim().split('\n');
        expect(lines.length).toBe(file.count);
        keys.push(
          ...lines.map((l) => {
            const r = JSON.parse(l) as { resourceType: string; id: string };
            return `${r.resourceType}/${r.id}`;
          }),
        );
      }
      return keys.sort();
    };
    const own = FIXTURE.map((r) => `${r.resourceType}/${String(r['id'])}`).sort();
    expect((await get('$bulk-publish')).status).toBe(503);
    expect(await publishIfDue(publishing)).toMatchObject({ number: 1 });
    const first = await manifest('/directory/all/fhir/$bulk-publish');
    expect(first.extension).toEqual({ merged: true });
    expect(await keysOf(first)).toEqual(own);
    expect(await publishIfDue(publishing)).toBe('not-due');
    await w.sql`update federation.peer set publish = 'republish' where slug = 'oak'`;
    expect(await publishIfDue(publishing)).toMatchObject({ number: 2 });
    expect((await manifest(path(first.link[0]?.url ?? ''))).link[0]?.url).toBe('#closed');
    const second = await manifest('/directory/all/fhir/$bulk-publish');
    expect(await keysOf(second)).toEqual([...own, ...(await w.keys('oak'))].sort());
    // what the others change later is told of ours and of that peer, and of nobody else
    for (const peer of [oak, elm]) {
      const changed = peer.script.records.find((r) => r['id'] === 'p3');
      if (!changed) throw new Error('fixture');
      changed['gender'] = 'other';
      changed.meta = { lastUpdated: w.state.now.toISOString() };
    }
    w.day();
    for (const slug of ['oak', 'elm']) expect((await w.harvest(slug)).state).toBe('done');
    expect(await mergeDue(w.deps)).toMatchObject({ updated: 2 });
    expect(await publishNow(publishing)).toMatchObject({ number: 3 });
    const next = await manifest(path(second.link[0]?.url ?? ''));
    expect(await keysOf(await manifest(path(next.link[0]?.url ?? '')))).toEqual(['Practitioner/oak.p3']);
    expect((await app.request('/directory/all/publications/bulk/page-1.json')).status).toBe(404);
    // our own channels know nothing of it
    expect(await w.sql`select from directory.publication`).toHaveLength(0);
  });
  test('what breaks the structure of its type is not shown, and is a finding', async () => {
    w.day();
    oak.script.records.push({
      resourceType: 'Endpoint',
      id: 'bad',
      status: 7,
      address: 'https://a.example/y',
      meta: { lastUpdated: '2027-03-02T01:00:00Z' },
    });
    await w.sql`update federation.peer set cursor = '{}' where slug = 'oak'`;
    await w.harvest('oak');
    expect(await mergeDue(w.deps)).toMatchObject({ created: 0, rejected: 1 });
    expect(
      (await w.sql`select code from federation.finding where peer = 'oak' and code like 'not-merged%'`).length,
    ).toBe(1);
    expect((await w.counts('oak'))['l']).toBe(28);
  });
  test('follows: a change of ours, a change and an end at a peer; nothing twice', async () => {
    const before = await w.sql`select change from merged.state`;
    expect(await mergeDue(w.deps)).toBeUndefined();
    expect(await w.sql`select change from merged.state`).toEqual(before);
    w.day();
    await load([{ ...(FIXTURE.find((r) => r['id'] === 'p1') as Resource), gender: 'other' }]);
    const ended = oak.script.records.find((r) => r['id'] === 'r9');
    Object.assign(ended ?? {}, { active: false, meta: { lastUpdated: '2027-03-02T10:00:00Z' } });
    // another person under an id
    const other = oak.script.records.find((r) => r['id'] === 'p9');
    Object.assign(other ?? {}, {
      identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: npi(777) }],
      meta: { lastUpdated: '2027-03-02T10:00:00Z' },
    });
    await w.harvest('oak');
    expect(await mergeDue(w.deps)).toMatchObject({ created: 0, updated: 2, deleted: 1 });
    expect([
      ...(await w.sql`select s.key from federation.finding f join federation.source s using (rk) where code = 'npi-changed'`),
    ]).toEqual([{ key: 'Practitioner/oak.p9' }]);
    expect(((await (await get('Practitioner/p1')).json()) as Resource)['gender']).toBe('other');
    expect((await get('PractitionerRole/oak.r9')).status).toBe(410);
  });
});

test('what is committed late is merged later, whatever its number', async () => {
  const { sql } = w.database;
  const late = w.database.dedicated('work');
  await late.unsafe('begin');
  await enqueue(late, `select 1::bigint as rk`, []);
  await enqueue(sql, `select 2::bigint as rk`, []);
  const entries = await outboxEntries(sql);
  await late.unsafe('commit');
  await clearOutbox(sql, entries);
  expect([...(await sql`select rks from federation.outbox`)]).toEqual([{ rks: ['1'] }]);
  await clearOutbox(sql, await outboxEntries(sql));
  await late.end();
});

test('features of a record that come twice at once are one finding', async () => {
  const sql = w.database.dedicated('work');
  const person = oak.script.records.find((r) => r['id'] === 'p8');
  const as = (n: number) =>
    featuresOf({ ...person, identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: npi(n) }] } as Resource);
  const rows = [as(881), as(882)].flatMap((f) => (f ? [{ ...f, key: 'Practitioner/oak.p8', peer: 'oak' }] : []));
  await writeFeatures(sql, rows, [], w.state.now);
  const before = person && featuresOf(person);
  if (before) await writeFeatures(sql, [{ ...before, key: 'Practitioner/oak.p8', peer: 'oak' }], [], w.state.now);
  const found =
    await sql`delete from federation.finding where code = 'npi-changed' and rk = hashtextextended('Practitioner/oak.p8', 0) returning rk`;
  expect(found).toHaveLength(1);
  await linkDue(w.deps);
  await sql.end();
});

describe('links', () => {
  const link = async (a: string, b: string) =>
    (
      await w.sql<{ outcome: string; rule: string; by: string }[]>`select outcome, rule, by from federation.link
      where a = least(hashtextextended(${a}, 0), hashtextextended(${b}, 0)) and b = greatest(hashtextextended(${a}, 0), hashtextextended(${b}, 0))`
    )[0];
  const together = async (a: string, b: string) => {
    const rows = await w.sql<
      { n: number }[]
    >`select count(distinct cluster)::int as n from federation.cluster where rk in (hashtextextended(${a}, 0), hashtextextended(${b}, 0)) having count(*) = 2`;
    return rows[0]?.n === 1;
  };
  test('by number and family name, however it is written', async () => {
    expect(await link('Practitioner/oak.p1', 'Practitioner/elm.p1')).toMatchObject({
      outcome: 'same',
      rule: 'npi-family',
    });
    expect(await together('Practitioner/oak.p1', 'Practitioner/elm.p1')).toBe(true);
  });
  test('another name under the same number is for a person', async () => {
    expect(await link('Practitioner/oak.p2', 'Practitioner/elm.p2')).toMatchObject({
      outcome: 'review',
      rule: 'npi-other-name',
    });
    expect(await together('Practitioner/oak.p2', 'Practitioner/elm.p2')).toBe(false);
    expect((await reviewList(w.sql, 7, 10)).map((l) => l.rule)).toContain('npi-other-name');
  });
  test('networks are never the same; places are by their address', async () => {
    expect(await link('Organization/oak.net', 'Organization/elm.net')).toBeUndefined();
    expect(await decidePair(w.deps, 'Organization/oak.net', 'Organization/elm.net', 'same', 'ada', '')).toBe('no-pair');
    expect(await link('Location/oak.loc', 'Location/elm.loc')).toMatchObject({ outcome: 'same', rule: 'address-unit' });
    expect(await link('Organization/oak.clinic', 'Organization/elm.clinic')).toMatchObject({
      outcome: 'review',
      rule: 'npi-only',
    });
  });
  test('a person decides, takes it back, and no rule overrules', async () => {
    const [a, b] = ['Practitioner/oak.p2', 'Practitioner/elm.p2'];
    expect(await decidePair(w.deps, a, b, 'same', 'ada', 'changed her name')).toBe('ok');
    expect(await together(a, b)).toBe(true);
    await w.sql`update federation.feature set dirty = true`;
    await linkDue(w.deps);
    expect(await link(a, b)).toMatchObject({ outcome: 'same', by: 'ada' });
    expect(await decidePair(w.deps, a, b, 'not', 'ada', '')).toBe('ok');
    expect(await together(a, b)).toBe(false);
    expect(await decidePair(w.deps, a, b, 'rule', 'ada', '')).toBe('ok');
    expect(await link(a, b)).toMatchObject({ outcome: 'review', by: 'rule' });
    expect((await w.sql`select * from federation.link_event`).length).toBe(3);
    const [x, y] = ['Practitioner/oak.p3', 'Practitioner/elm.p3'];
    expect(await together(x, y)).toBe(true);
    await decidePair(w.deps, x, y, 'not', 'ada', '');
    expect(await together(x, y)).toBe(false);
    await w.sql`update federation.feature set dirty = true`;
    await linkDue(w.deps);
    expect(await together(x, y)).toBe(false);
  });
  test('a cluster with a veto or two numbers is taken apart', () => {
    const l = (a: string, b: string, outcome = 'same', score = 1) => ({ a, b, outcome, score, by: 'rule' });
    const none = (rk: string) => ({ rk, npi: null });
    const parts = split({
      members: ['1', '2', '3'].map(none),
      links: [l('1', '2'), l('2', '3', 'same', 0.9), l('1', '3', 'not')],
    });
    expect(parts.refused).toEqual([{ a: '2', b: '3' }]);
    expect(new Set(parts.members.map((m) => m.cluster)).size).toBe(2);
    expect(
      split({
        members: [
          { rk: '1', npi: '9' },
          { rk: '2', npi: '8' },
        ],
        links: [l('1', '2')],
      }).refused,
    ).toHaveLength(1);
  });
  test('counts', async () => {
    const n = await countLinks(w.sql);
    expect(n).toMatchObject({ same: 12, not: 1, review: 2 });
  });
});

describe('what breaks the structure of its type', () => {
  const role = (more: object) => mend({ resourceType: 'PractitionerRole', id: 'oak.x', ...more } as Resource);
  test.each<[string, object, object, string[]]>([
    ['an element of their own', { active: true, nickname: 'Al' }, { active: true }, ['unknown-element']],
    ['one with a strange name', { '@type': 'Role', 'a.b': 1, code: [] }, {}, ['unknown-element', 'empty-element']],
    [
      'within a statement',
      { telecom: [{ system: 'phone', value: '1', best: true }] },
      { telecom: [{ system: 'phone', value: '1' }] },
      ['unknown-element'],
    ],
    [
      'a statement whose period is no time goes as a whole',
      {
        telecom: [
          { value: '1', period: { end: 'soon' } },
          { value: '2', system: 'phone' },
        ],
      },
      { telecom: [{ value: '2', system: 'phone' }] },
      ['bad-format'],
    ],
    [
      'several of one list',
      { identifier: ['x', { value: 'y' }, 7] },
      { identifier: [{ value: 'y' }] },
      ['wrong-json-type'],
    ],
  ])('%s', (_name, given, expected, codes) => {
    const done = role(given);
    expect(done.issues.filter((i) => i.severity === 'error')).toEqual([]);
    expect(done.record).toEqual({ resourceType: 'PractitionerRole', id: 'oak.x', ...expected });
    expect(done.left.map((i) => i.code)).toEqual(codes);
  });
  test.each<[string, object]>([
    ['whether it holds', { active: 'true' }],
    ['when it holds', { period: { end: 'soon' } }],
    ['a modifier', { modifierExtension: [{}] }],
  ])('is never guessed: %s', (_name, given) => {
    const done = role({ ...given, nickname: 'Al' });
    expect(done.issues.some((i) => i.severity === 'error')).toBe(true);
    expect(done.left).toEqual([]);
  });
});

describe('values that could not be found otherwise', () => {
  const context = {
    slug: 'oak',
    base: 'https://oak.example/fhir',
    bases: new Map([
      ['oak.example/fhir', 'oak'],
      ['plan.example/directory/fhir', ''],
    ]),
    unmarkedNpi: false,
  };
  const one = (r: object) =>
    normalize({ resourceType: 'PractitionerRole', ...r } as Resource, 'oak.x', 'x', context)
      .records[0] as unknown as Record<string, unknown>;
  test.each<[string, object, string, unknown]>([
    [
      'Q31 number',
      { identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: 1234567893 }] },
      'identifier',
      [{ system: 'http://hl7.org/fhir/sid/us-npi', value: '1234567893' }],
    ],
    [
      'Q32 taxonomy',
      { specialty: [{ coding: [{ system: 'urn:x/HealthcareIndividualTaxonomyVS', code: '207R00000X' }] }] },
      'specialty',
      [{ coding: [{ system: 'http://nucc.org/provider-taxonomy', code: '207R00000X' }] }],
    ],
    [
      'Q32 CMS code',
      { specialty: [{ coding: [{ system: 'urn:cms', code: '14-50' }] }] },
      'specialty',
      [{ coding: [{ system: 'urn:cms', code: '14-50' }] }],
    ],
    [
      'Q38 plan number',
      { identifier: [{ system: 'https://www.cms.gov/medicare/ma-plan-id', value: 'H1-1' }] },
      'identifier',
      [{ system: 'http://cms.gov/medicare/ma-plan-id', value: 'H1-1' }],
    ],
    [
      'Q41 short ZIP',
      { address: [{ state: 'MA', postalCode: '2101' }] },
      'address',
      [{ state: 'MA', postalCode: '02101' }],
    ],
    [
      'Q41 nine digits',
      { address: [{ state: 'CT', postalCode: '060301234' }] },
      'address',
      [{ state: 'CT', postalCode: '06030-1234' }],
    ],
    [
      'Q41 no guess',
      { address: [{ state: 'CA', postalCode: '9410' }] },
      'address',
      [{ state: 'CA', postalCode: '9410' }],
    ],
    [
      'Q37 absolute',
      { organization: { reference: 'https://OAK.example:443/fhir//Organization/a/_history/3' } },
      'organization',
      { reference: 'Organization/oak.a' },
    ],
    [
      'Q37 ours',
      { organization: { reference: 'https://plan.example/directory/fhir/Organization/a' } },
      'organization',
      { reference: 'Organization/a' },
    ],
    [
      'Q37 elsewhere',
      { organization: { reference: 'https://else.example/fhir/Organization/a' } },
      'organization',
      { reference: 'https://else.example/fhir/Organization/a' },
    ],
  ])('%s', (_name, given, member, expected) => expect(one(given)[member]).toEqual(expected));
  test('Q40: new patients no', () => {
    const url = 'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/newpatients';
    const r = one({
      extension: [
        { url, extension: [{ url: 'acceptingPatients', valueCodeableConcept: { coding: [{ code: 'no' }] } }] },
      ],
    });
    expect(JSON.stringify(r['extension'])).toContain('"nopt"');
  });
  test('contained resources of our types become records of their own', () => {
    const { records } = normalize(
      {
        resourceType: 'PractitionerRole',
        contained: [{ resourceType: 'Organization', id: 'c1', name: 'In' }],
        organization: { reference: '#c1' },
      } as never,
      'oak.x',
      'x',
      context,
    );
    expect(records.map((r) => r['id'])).toEqual(['oak.x', 'oak.x.c.c1']);
    expect(records[0]?.['organization']).toEqual({ reference: 'Organization/oak.x.c.c1' });
  });
});

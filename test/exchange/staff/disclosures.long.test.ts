// The accounting of disclosures of a member: rows, files and AuditEvents say the same.
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { disclosuresOf } from '../../../exchange/compliance/disclosures/disclosures.ts';
import { memberKeys } from '../../../exchange/members/member-key.ts';
import { createStaff } from '../../../exchange/staff/app.ts';
import { developmentAccount } from '../../../src/auth/staff-development.ts';
import { validate } from '../../../src/fhir/validate/validate.ts';
import { startNode, type TestNode } from '../../support/node.ts';
import { ExportClient } from '../export-client.ts';
import { client } from '../peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, US } from '../plan-fixture.ts';
import { fieldOf, Visitor } from './support.ts';

const { rivera, robert } = PEOPLE;
const ana = idOf(rivera);
let node: TestNode;
let reviewer: Visitor;
let viewer: Visitor;
let group: string;
let them: ExportClient;

const lab = (id: string, member: string, effectiveDateTime?: string) => ({
  resourceType: 'Observation',
  id,
  ...(effectiveDateTime === undefined ? {} : { effectiveDateTime }),
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  subject: { reference: `Patient/${member}` },
});

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name, SANDBOX: 'on' });
  const doctor = { resourceType: 'Practitioner', id: 'dr', name: [{ family: 'Nguyen' }] };
  const third = { ...lab('o3', idOf(robert), '2026-03-04'), performer: [{ reference: 'Practitioner/dr' }] };
  await enrol(
    node.deps,
    [rivera, robert],
    [doctor, lab('o1', ana, '2025-05-06'), lab('o2', ana), lab('o4', ana, '2024'), third],
  );
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  group = await them.group([card(rivera), card(robert)]);
  // fetched in part, whole and not at all
  const kick = async (types: string) => them.finished(await them.get(`Group/${group}/$export`, `_type=${types}`));
  const first = await kick('Observation,Patient');
  const file = first.manifest.output.find((f) => f.type === 'Observation')?.url ?? '';
  await them.lines(file);
  await them.lines(file);
  await kick('Patient');
  const account = developmentAccount(node.deps.config);
  const app = createStaff(node.deps, { development: account });
  reviewer = new Visitor(app, node.base);
  viewer = new Visitor(app, node.base);
  await reviewer.signIn('dev-reviewer', account?.password ?? '');
  await viewer.signIn('dev-viewer', account?.password ?? '');
});
afterAll(() => node.close());

test('who has fetched what, and under which consent', async () => {
  const { sql } = node.deps.database;
  await sql`update exchange.peer set postal_address = '1 Harbor Way, Portland, ME 04101' where id = 'a'`;
  const csv = await (await reviewer.get(`/staff/disclosures/${ana}?format=csv`)).text();
  const rows = parse(csv, { columns: true, bom: true }) as Record<string, string>[];
  expect(rows).toHaveLength(2);
  const [never, fetched] = rows;
  const consent = await sql<{ id: string }[]>`
    select 'match/' || job_id || '/' || position as id from exchange.match_member where member_id = ${ana} and group_id = ${group}`;
  expect(JSON.stringify(fetched)).toContain(consent[0]?.id);
  // the Patient file of the same export was not fetched
  expect(Object.values(fetched ?? {})).toEqual(
    expect.arrayContaining(['Payer a', '3 Observation', ASKER.npi, '1 Harbor Way, Portland, ME 04101']),
  );
  expect(Object.values(never ?? {})).toEqual(expect.arrayContaining(['1 Patient']));
  expect(Object.values(never ?? {})[0]).toBe('');
  // of what was fetched; a year is all that one of them says
  expect(rows.map((r) => [r['servicesFrom'], r['servicesTo']])).toEqual([
    ['', ''],
    ['2024', '2025-05-06'],
  ]);
  const events = (await (await reviewer.get(`/staff/disclosures/${ana}/audit-events`)).json()) as {
    entry: { fullUrl: string; resource: Record<string, unknown> & { resourceType: string } }[];
  };
  const [audit, provenance, sent] = events.entry;
  expect(events.entry.map((e) => e.resource.resourceType)).toEqual(['AuditEvent', 'Provenance', 'Consent']);
  expect(audit?.resource).toMatchObject({
    outcome: '0',
    agent: [
      {
        who: { identifier: { value: ASKER.npi }, display: 'Payer a' },
        location: { display: '1 Harbor Way, Portland, ME 04101' },
      },
    ],
    entity: [
      {
        what: { reference: `Patient/${ana}` },
        detail: [
          { type: 'Observation', valueString: '3' },
          { type: 'days of service', valueString: '2024/2025-05-06' },
        ],
      },
      { what: { reference: sent?.fullUrl } },
    ],
  });
  expect(sent?.fullUrl).toBe(`urn:payer-node:consent:${consent[0]?.id}`);
  const [kept] = await sql`select consent from exchange.match_member where member_id = ${ana} and group_id = ${group}`;
  expect(sent?.resource).toEqual(kept?.['consent']);
  expect(provenance?.resource).toMatchObject({
    target: [{ reference: audit?.fullUrl }],
    agent: [{ who: { identifier: { value: US.npi } } }],
    entity: [{ role: 'source' }, { role: 'source', what: { reference: sent?.fullUrl } }],
  });
  for (const { resource } of events.entry)
    expect(validate(resource as never).filter((i) => i.severity === 'error')).toEqual([]);
});

test('as a letter, which leaves as a file does: recorded, for a purpose', async () => {
  const { sql } = node.deps.database;
  const path = `/staff/disclosures/${ana}/letter`;
  expect((await reviewer.get(path)).status).toBe(400);
  expect((await viewer.get(`${path}?purpose=member`)).status).toBe(403);
  const answer = await reviewer.get(`${path}?purpose=member`);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
  const text = await answer.text();
  expect(text).toContain('1. Payer a\n');
  expect(text).toContain('3 × Result (files that it fetched)');
  expect(text).toContain('Service days: 2024 to May 6, 2025.');
  expect(text).not.toContain('Person');
  expect(text).toContain(String(rivera.family ?? ''));
  const rows =
    await sql`select 1 from exchange.audit where action = 'export-report' and detail->>'format' = 'text' and detail->>'purpose' = 'member'`;
  expect(rows).toHaveLength(1);
});

test('for reviewers only; each look is recorded for the member; the number of a member is in no address', async () => {
  const { sql } = node.deps.database;
  expect((await viewer.get(`/staff/disclosures/${ana}`)).status).toBe(403);
  const looks = () =>
    sql`select 1 from exchange.audit where action = 'view' and member_id = ${ana} and detail->>'page' = 'disclosures'`;
  const before = (await looks()).length;
  expect((await reviewer.get(`/staff/disclosures/${ana}`)).status).toBe(200);
  expect((await looks()).length).toBe(before + 1);
  expect((await reviewer.get('/staff/disclosures/nobody')).status).toBe(404);
  const csrf = fieldOf(await (await reviewer.get('/staff/disclosures')).text(), 'csrf');
  const found = await reviewer.post('/staff/disclosures', { csrf, member: rivera.number });
  expect([found.status, found.headers.get('location')]).toEqual([303, `/staff/disclosures/${ana}`]);
  // by the key that stands for a member in pages and reports
  const keyOf = await memberKeys(node.deps);
  for (const page of ['/staff/disclosures', '/staff/members']) {
    const byKey = await reviewer.post(page, { csrf, member: keyOf(ana) });
    expect([byKey.status, byKey.headers.get('location')]).toEqual([303, `${page}/${ana}`]);
    const unknown = await reviewer.post(page, { csrf, member: 'M-0123456789' });
    expect([unknown.status, (await unknown.text()).includes('No single member')]).toEqual([200, true]);
  }
  const none = await reviewer.post('/staff/disclosures', { csrf, member: 'nobody' });
  expect([none.status, (await none.text()).includes('No single member')]).toEqual([200, true]);
});

test('a request tells which of its files were fetched; what was made ready is not reported as sent', async () => {
  const { sql } = node.deps.database;
  const [job] = await sql<{ id: string }[]>`
    select id from exchange.bulk_job where kind = 'export' order by received_at limit 1`;
  const page = await reviewer.get(`/staff/requests/${job?.id}?format=json`);
  const { summary, tables } = (await page.json()) as {
    summary: string[];
    tables: Record<string, Record<string, string>[]>;
  };
  const fetched = Object.fromEntries((tables['files'] ?? []).map((f) => [f['type'], f['fetched'] !== null]));
  expect(fetched).toMatchObject({ Observation: true, Patient: false });
  expect(summary.join(' ')).toContain('of which 1 was fetched');
  expect(tables['request']?.[0]?.['result']).toMatch(/ made ready$/);
  const [match] = await sql<{ id: string }[]>`select id from exchange.bulk_job where kind = 'match' limit 1`;
  const asked = await (await reviewer.get(`/staff/requests/${match?.id}`)).text();
  for (const code of ['nomatch', 'consentconstraint']) expect(asked).not.toContain(`>${code}<`);
});

test('the report of a period holds what was read and searched by the choice that the match was made under', async () => {
  const { sql } = node.deps.database;
  type Row = { direction: string; n: number; held: number; rows: number; object: string };
  const report = async () =>
    ((await (await reviewer.get('/staff/compliance?format=json')).json()) as { tables: Record<string, Row[]> }).tables;
  const told = async () => {
    const { consents = [], consentsMissed = [], disclosures = [] } = await report();
    const { n = 0, held = 0 } = consents.find((r) => r.direction === 'disclosure') ?? {};
    return { n, held, missed: consentsMissed.length, rows: disclosures.reduce((sum, r) => sum + r.rows, 0) };
  };
  const before = await told();
  expect(before).toMatchObject({ n: before.held, missed: 0 });
  expect((await them.get('Observation', `patient=${ana}`)).status).toBe(200);
  // nothing is found: the question is in the trail, and nothing left
  expect((await them.get('Condition', `patient=${ana}`)).status).toBe(200);
  const after = { n: before.n + 1, held: before.held + 1, missed: 0, rows: before.rows + 1 };
  expect(await told()).toEqual(after);
  // what is said later holds from then on
  await sql`insert into exchange.consent select (jsonb_populate_record(c, jsonb_build_object('id', 'later', 'choice', 'withdraw', 'created_at', now() + interval '1 minute', 'given_at', null))).*
    from exchange.consent c where member_id = ${ana} limit 1`;
  expect(await told()).toEqual(after);
  // a match whose consent had ended is none, neither for what was read nor for the file that was fetched
  await sql`update exchange.match_member set consent_to = current_date - 2, consent_from = current_date - 9 where member_id = ${ana}`;
  expect(await told()).toEqual({ ...after, held: before.held - 1, missed: 2 });
});

describe('what leaves without a record of the member', () => {
  const person = idOf(robert);
  type Told = { rows: Record<string, string | null>[] };
  const account = async () =>
    (
      (await (await reviewer.get(`/staff/disclosures/${person}?format=json`)).json()) as {
        tables: { disclosures: Told['rows'] };
      }
    ).tables.disclosures;
  const disclosed = async () => {
    const { tables } = (await (await reviewer.get('/staff/compliance?format=json')).json()) as {
      tables: Record<string, { rows?: number; direction?: string; n?: number }[]>;
    };
    const rows = (tables['disclosures'] ?? []).reduce((sum, r) => sum + (r.rows ?? 0), 0);
    return [rows, tables['consents']?.find((r) => r.direction === 'disclosure')?.n];
  };

  test.each([
    // whom the member sees is reported, and what the plan transmits of it
    ['Patient/ME/$everything', '_type=Practitioner', '1 Practitioner'],
    ['Patient/ME/$everything', '_type=Observation,Provenance', '1 Provenance, 1 Observation'],
    ['Practitioner', 'patient=ME', '1 Practitioner'],
    // a number tells as well
    ['Observation', 'patient=ME&_summary=count', 'the number of Observation: 1'],
    ['Practitioner', 'patient=ME&_count=0', 'the number of Practitioner: 1'],
    // in vain
    ['Patient/ME/$everything', '_type=Location', undefined],
    ['Organization', 'patient=ME', undefined],
    ['Condition', 'patient=ME&_count=0', undefined],
  ])('%s?%s', async (path, query, what) => {
    const [before, [rows, n]] = [await account(), await disclosed()];
    const answer = await them.get(path.replace('ME', person), query.replace('ME', person));
    expect(answer.status).toBe(200);
    const more = what === undefined ? 0 : 1;
    const after = await account();
    expect(after.length - before.length).toBe(more);
    if (what !== undefined) expect(after[0]?.['what']).toBe(what);
    expect(await disclosed()).toEqual([Number(rows) + more, Number(n) + more]);
  });
});

test('files by patient hold all types: who fetched one has all of it', async () => {
  const account = async () =>
    (
      (await (await reviewer.get(`/staff/disclosures/${idOf(robert)}?format=json`)).json()) as {
        tables: { disclosures: Record<string, string | null>[] };
      }
    ).tables.disclosures;
  const kicked = await them.get(`Group/${group}/$export`, '_type=Observation,Patient&organizeOutputBy=Patient');
  const { manifest } = await them.finished(kicked);
  expect((await account())[0]).toMatchObject({ when: null, what: '1 Patient, 1 Observation' });
  await them.lines(manifest.output[0]?.url ?? '');
  const [told] = await account();
  expect([typeof told?.['when'], told?.['what']]).toEqual(['string', '1 Patient, 1 Observation']);
});

test.each([
  ['', '1 Practitioner'],
  ['&organizeOutputBy=Patient', '1 Practitioner'],
])('who fetches directory entries alone has learnt whom a member sees (%s)', async (form, what) => {
  const account = async (person: string) =>
    (
      (await (await reviewer.get(`/staff/disclosures/${person}?format=json`)).json()) as {
        tables: { disclosures: Record<string, string | null>[] };
      }
    ).tables.disclosures;
  const before = await account(ana);
  const kicked = await them.get(`Group/${group}/$export`, `_type=Practitioner${form}`);
  const { manifest } = await them.finished(kicked);
  expect((await account(idOf(robert)))[0]).toMatchObject({ when: null, what });
  for (const { url } of manifest.output) await them.lines(url);
  const [told] = await account(idOf(robert));
  expect([typeof told?.['when'], told?.['what']]).toEqual(['string', what]);
  // whose records name no one is not reported
  expect(await account(ana)).toEqual(before);
});

test('what left of a member who goes on as another one counts for that one', async () => {
  const { sql } = node.deps.database;
  const table = async (query = '') => {
    const { tables } = (await (await reviewer.get(`/staff/compliance?format=json${query}`)).json()) as {
      tables: Record<string, Record<string, unknown>[]>;
    };
    const { consents, consentsMissed, disclosures } = tables;
    return { consents, missed: consentsMissed?.length, disclosures };
  };
  const before = await table();
  const members = (rows: Record<string, unknown>[] = []) => Math.max(...rows.map((r) => Number(r['members'])));
  await sql`insert into exchange.member_merge (id, member_id, former_id, at, by_kind, by_subject, reason) values ('one', ${idOf(robert)}, ${ana}, now(), 'staff', 'x', 'x')`;
  const after = await table();
  expect([after.consents, after.missed]).toEqual([before.consents, before.missed]);
  expect([members(before.disclosures), members(after.disclosures)]).toEqual([2, 1]);
  await sql`delete from exchange.member_merge where id = 'one'`;
});

test('six years back by the plan’s days: the first of them is reported whole, what was made before it and fetched on it too', async () => {
  const { sql } = node.deps.database;
  // the evening of 10 March 2033 where the plan is, which is the 11th in UTC
  const deps = { ...node.deps, clock: () => new Date('2033-03-11T02:00:00Z') };
  const told = async () => (await disclosuresOf(deps, 'six-years'))?.map((d) => d.object);
  const row = (object: string, at: string, action = 'read') => sql`
    insert into exchange.audit (at, actor_kind, actor, action, object, member_id, peer_id, outcome, reason, request_id, detail, hash)
    values (${at}, 'peer', 'a', ${action}, ${object}, ${action === 'file' ? null : 'six-years'}, 'a', 'ok', '', '', ${action === 'file' ? '{"type": "Observation"}' : '{"types": {"Observation": 1}}'}::text::jsonb, '')`;
  await sql`insert into exchange.member (id, umb) values ('six-years', 'six-years')`;
  await row('Observation/before', '2027-03-10T04:59:59.999Z');
  await row('Observation/first', '2027-03-10T05:00:00Z');
  await row('export/0', '2027-03-09T12:00:00Z', 'export-member');
  await row('export/0/1', '2027-03-10T15:00:00Z', 'file');
  await row('export/1', '2027-03-09T12:00:00Z', 'export-member');
  expect(await told()).toEqual(['Observation/first', 'export/0']);
});

test('an account that is too long for a file is refused as one, and says of how many it has the newest', async () => {
  const { sql } = node.deps.database;
  await sql`insert into exchange.member (id, umb) values ('much', 'much')`;
  await sql`insert into exchange.audit (at, actor_kind, actor, action, object, member_id, peer_id, outcome, reason, request_id, detail, hash)
    select now() - make_interval(secs => i), 'peer', 'a', 'read', 'Observation/' || i, 'much', 'a', 'ok', '', '', '{"types": {"Observation": 1}}'::jsonb, '' from generate_series(1, 10001) i`;
  const at = '/staff/disclosures/much';
  const csv = await reviewer.get(`${at}?format=csv`);
  const events = await reviewer.get(`${at}/audit-events`);
  expect([csv.status, events.status]).toEqual([413, 413]);
  const json = await (await reviewer.get(`${at}?format=json`)).json();
  expect([json.tables.disclosures.length, json.ofAll]).toEqual([10_000, { disclosures: 10_001 }]);
  const key = (await memberKeys(node.deps))('much');
  expect([json.title, json.summary[0]]).toEqual([
    `Disclosures of ${key}`,
    expect.stringContaining('Of the newest 10,000 of 10,001 rows, 10,000 times something left'),
  ]);
});

test('an account tells of directory entries what the files hold: what names them, each once, what they name in turn, and nothing that stayed', async () => {
  const { sql } = node.deps.database;
  const person = PEOPLE.babyak;
  const sees = (id: string, ...whom: string[]) => ({
    ...lab(id, idOf(person)),
    performer: whom.map((reference) => ({ reference })),
  });
  const role = {
    resourceType: 'PractitionerRole',
    id: 'role-n',
    practitioner: { reference: 'Practitioner/dr-n' },
    organization: { reference: 'Organization/org-n' },
  };
  await enrol(
    node.deps,
    [person],
    [
      { resourceType: 'Practitioner', id: 'dr-n', name: [{ family: 'Nakamura' }] },
      { resourceType: 'Practitioner', id: 'dr-o', name: [{ family: 'Okafor' }] },
      { resourceType: 'Organization', id: 'org-n', name: 'Clinic', active: true },
      role,
      sees('n1', 'PractitionerRole/role-n', 'Practitioner/dr-o'),
      sees('n2', 'PractitionerRole/role-n'),
      sees('n3', 'Practitioner/dr-o', 'Practitioner/nobody-knows'),
    ],
  );
  const own = await them.group([card(person)]);
  for (const [query, what] of [
    ['_type=Practitioner,PractitionerRole,Organization', { Practitioner: 2, PractitionerRole: 1, Organization: 1 }],
    ['_type=Practitioner&_typeFilter=Practitioner%3F_id%3Ddr-o', { Practitioner: 1 }],
    ['_type=Practitioner,Observation&_typeFilter=Practitioner%3F_id%3Dnone', { Observation: 3 }],
    ['_type=Practitioner&_typeFilter=Practitioner%3F_id%3Dnone', {}],
    ['_type=Practitioner&_until=2001-01-01T00:00:00Z', {}],
  ] as const)
    for (const form of ['', '&organizeOutputBy=Patient']) {
      const kicked = await them.get(`Group/${own}/$export`, query + form);
      const { manifest } = await them.finished(kicked);
      const held: Record<string, number> = {};
      for (const { url } of manifest.output)
        for (const { resourceType: type } of (await them.lines(url)) as { resourceType: string }[])
          if (type !== 'Parameters') held[type] = (held[type] ?? 0) + 1;
      const [row] = await sql<{ types: Record<string, number> }[]>`
        select detail->'types' as types from exchange.audit where action = 'export-member' and member_id = ${idOf(person)}
        and object = ${`export/${kicked.header('content-location')?.split('/').at(-1) ?? ''}`}`;
      expect([query, form, held, row?.types]).toEqual([query, form, what, what]);
    }
});

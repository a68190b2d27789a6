// Search of directory entries over HTTP: those that records of the caller's members name, and nothing that only others' records do.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LABELLER } from '../../exchange/records/facts/label.ts';
import { SINGLE_MATCH_SCOPE } from '../../src/auth/scopes.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient } from './export-client.ts';
import { BULK_MATCH, type Client, client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, matchBody, PEOPLE, parts, US } from './plan-fixture.ts';

const NPI = 'http://hl7.org/fhir/sid/us-npi';
const SCOPES = [BULK_MATCH, SINGLE_MATCH_SCOPE, 'system/*.rs'];
const { rivera, robert } = PEOPLE;
const me = idOf(rivera);
const him = idOf(robert);
let node: TestNode;
let peer: Client;
let token: string;
let other: Client;

const practitioner = (id: string, family: string, npi: string) => ({
  resourceType: 'Practitioner',
  id,
  active: true,
  identifier: [{ system: NPI, value: npi }],
  name: [{ family, given: ['Grace'] }],
});
const organization = (id: string, name: string, more: object = {}) => ({
  resourceType: 'Organization',
  id,
  active: true,
  name,
  ...more,
});
const encounter = (id: string, member: string, more: object) => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  type: [{ text: 'visit' }],
  subject: { reference: `Patient/${member}` },
  period: { start: '2026-01-01', end: '2026-01-01' },
  ...more,
});
const REVIEW = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/extension-reviewAction';
const X12 = 'https://codesystem.x12.org/005010/306';
/** An authorization of which one line was granted and one denied, each at a place of its own. */
const authorization = (id: string, member: string, granted: string, denied: string) => {
  const line = (sequence: number, code: string, reference: string) => ({
    sequence,
    productOrService: { text: 'visit' },
    locationReference: { reference },
    adjudication: [
      {
        category: { text: 'submitted' },
        extension: [
          {
            url: REVIEW,
            extension: [{ url: `${REVIEW}Code`, valueCodeableConcept: { coding: [{ system: X12, code }] } }],
          },
        ],
      },
    ],
  });
  const by = { reference: 'Organization/clinic' };
  return {
    resourceType: 'ExplanationOfBenefit',
    id,
    status: 'active',
    type: { text: 'professional' },
    use: 'preauthorization',
    patient: { reference: `Patient/${member}` },
    created: new Date().toISOString().slice(0, 10),
    insurer: by,
    provider: by,
    outcome: 'partial',
    insurance: [{ focal: true, coverage: { display: 'cover' } }],
    item: [line(1, 'A1', granted), line(2, 'A3', denied)],
  };
};
const seenBy = (reference: string) => ({ participant: [{ individual: { reference } }] });

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name, MATCH_PER_MINUTE: '0' });
  peer = await client(node, 'a', { npi: ASKER.npi, scopes: SCOPES });
  other = await client(node, 'b', { npi: '9000000020', scopes: SCOPES });
  await enrol(node.deps, Object.values(PEOPLE), [
    practitioner('dr-role', 'Okafor', '9000000103'),
    practitioner('dr-seen', 'Nguyen', '9000000111'),
    practitioner('dr-old', 'Olsen', '9000000129'),
    practitioner('dr-his', 'Nguyen', '9000000137'),
    organization('clinic', 'Harbor Clinic', {
      alias: ['Old Pier'],
      identifier: [{ system: 'https://x.example/sites', value: 'a|b' }],
      address: [{ line: ['1 Pier Road'], city: 'Portside', state: 'RI', postalCode: '02840' }],
    }),
    organization('his', 'Harbor Hospital'),
    {
      resourceType: 'Location',
      id: 'room',
      status: 'active',
      name: 'Room 1',
      managingOrganization: { reference: 'Organization/clinic' },
    },
    {
      resourceType: 'PractitionerRole',
      id: 'role',
      active: true,
      practitioner: { reference: 'Practitioner/dr-role' },
      organization: { reference: 'Organization/clinic' },
      location: [{ reference: 'Location/room' }],
      specialty: [{ coding: [{ system: 'http://nucc.org/provider-taxonomy', code: '207Q00000X' }] }],
    },
    encounter('v1', me, seenBy('PractitionerRole/role')),
    encounter('v2', me, seenBy('Practitioner/dr-seen')),
    encounter('v3', me, { ...seenBy('Practitioner/dr-old'), period: { start: '2001-01-01', end: '2001-01-01' } }),
    { resourceType: 'Location', id: 'granted', status: 'active', name: 'Granted' },
    { resourceType: 'Location', id: 'denied', status: 'active', name: 'Denied' },
    authorization('pa', me, 'Location/granted', 'Location/denied'),
    encounter('v4', him, { ...seenBy('Practitioner/dr-his'), serviceProvider: { reference: 'Organization/his' } }),
  ]);
  token = await peer.token(SCOPES.join(' '));
});
afterAll(() => node.close());

type Bundle = {
  total?: number;
  link: { relation: string; url: string }[];
  entry?: { resource: Resource; search: { mode: string } }[];
};
async function get(
  path: string,
  bearer = token,
  { headers, ...init }: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
) {
  const url = path.startsWith('http') ? path : `${node.base}/exchange/fhir/${path}`;
  const answer = await fetch(url, { ...init, headers: { authorization: `Bearer ${bearer}`, ...headers } });
  return { status: answer.status, body: (await answer.json()) as Bundle & Resource };
}
const keys = (b: Bundle, mode = 'match') =>
  (b.entry ?? [])
    .filter((e) => e.search.mode === mode)
    .map((e) => `${e.resource.resourceType}/${String(e.resource['id'])}`);
const found = async (path: string, bearer = token) => {
  const { status, body } = await get(path, bearer);
  expect([status, body['issue']]).toEqual([200, undefined]);
  return keys(body);
};

test('before any member was matched nothing is found, whatever is here', async () => {
  for (const query of [
    'Practitioner',
    'Practitioner?_id=dr-seen',
    `Practitioner?identifier=${NPI}|9000000111`,
    'Organization?name=harbor',
  ])
    expect(await found(query)).toEqual([]);
});

describe('of a member who was matched', () => {
  beforeAll(async () => {
    const [bundle] = matchBody(parts(card(rivera))).parameter as { part: object[] }[];
    const matched = await get('Patient/$member-match', token, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({ resourceType: 'Parameters', parameter: bundle?.part }),
    });
    expect(matched.status).toBe(200);
  });

  test.each([
    ['Practitioner', ['dr-role', 'dr-seen']],
    ['Practitioner?_id=dr-seen,dr-his,dr-old', ['dr-seen']],
    [`Practitioner?identifier=${NPI}|9000000111`, ['dr-seen']],
    ['Practitioner?identifier=9000000137', []],
    ['Practitioner?name=nguyen', ['dr-seen']],
    ['Practitioner?family=oka&given=gra', ['dr-role']],
    ['Practitioner?_lastUpdated=lt2001', []],
    ['Practitioner?_lastUpdated=9999', []],
    ['Practitioner?_lastUpdated=gt0001-01-01T00:00:00%2B14:00&_lastUpdated=le9999-12-31', ['dr-role', 'dr-seen']],
    ['Practitioner?active=true&_lastUpdated=gt2001', ['dr-role', 'dr-seen']],
    ['Organization?name=harbor', ['clinic']],
    ['Organization?name=old', ['clinic']],
    ['Organization?address=ports', ['clinic']],
    ['Organization?address-city=portside&address-state=RI&address-postalcode=028', ['clinic']],
    ['Organization?address-city=02840', []],
    ['Organization?identifier=https://x.example/sites|a\\|b', ['clinic']],
    ['Organization?identifier=a|b', []],
    ['Location?organization=Organization/clinic', ['room']],
    ['Location?name=room', ['room']],
    // what only a denied line of an authorization names stays as the line does
    ['Location?_id=granted,denied', ['granted']],
    ['PractitionerRole?practitioner=Practitioner/dr-role', ['role']],
    ['PractitionerRole?specialty=http://nucc.org/provider-taxonomy|207Q00000X', ['role']],
    ['PractitionerRole?specialty=208D00000X', []],
    ['Medication?code=x', []],
  ])('%s finds what its records name', async (query, expected) => {
    const type = query.split('?')[0];
    expect(await found(query)).toEqual(expected.map((id) => `${type}/${id}`));
  });

  test.each([
    ['Practitioner?_count=0', 2],
    ['Practitioner?name=nguyen&_summary=count', 1],
    [`Practitioner?_count=0&patient=Patient/${me}`, 2],
    [`Practitioner?_count=0&patient=Patient/${him}`, 0],
  ])('%s tells how many that are', async (query, total) => {
    const { status, body } = await get(query);
    expect([status, body.total, body.entry, body.link.length]).toEqual([200, total, undefined, 1]);
  });

  test('an export and $everything hold the same places', async () => {
    expect(await found(`Patient/${me}/$everything?_type=Location`)).toEqual(['Location/granted', 'Location/room']);
    const them = new ExportClient(node, peer);
    await them.signIn();
    const { manifest } = await them.finished(await them.get('Patient/$export', '_type=Location'));
    const lines = await them.lines(manifest.output[0]?.url ?? '');
    expect(lines.map((l) => l['id']).sort()).toEqual(['granted', 'room']);
  });

  test('a search is sent as a form too, and brings along what it names', async () => {
    const { body } = await get('PractitionerRole/_search', token, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: '_include=PractitionerRole:practitioner&_include=PractitionerRole:location',
    });
    expect([body.total, keys(body), keys(body, 'include').sort()]).toEqual([
      1,
      ['PractitionerRole/role'],
      ['Location/room', 'Practitioner/dr-role'],
    ]);
  });

  test.each(['', '&active=true'])('pages go on where they ended%s', async (more) => {
    const first = await get(`Practitioner?_count=1${more}`);
    const next = first.body.link.find((l) => l.relation === 'next')?.url ?? '';
    const second = await get(next);
    expect([keys(first.body), first.body.total, keys(second.body)]).toEqual([
      ['Practitioner/dr-role'],
      undefined,
      ['Practitioner/dr-seen'],
    ]);
    expect(second.body.link.map((l) => l.relation)).toEqual(['self']);
  });

  test.each([
    ['Organization?phone=1', 'not-supported'],
    ['PractitionerRole?_include=PractitionerRole:patient', 'not-supported'],
    ['Organization?_revinclude=Provenance:target', 'not-supported'],
    ['Organization?identifier=', 'value'],
    // what each record is compared with is bounded, however it is spread over parameters
    [`Organization?${Array.from({ length: 21 }, () => `name=h${',z'.repeat(9)}`).join('&')}`, 'too-costly'],
  ])('%s is 400', async (query, code) => {
    const { status, body } = await get(query);
    expect([status, (body['issue'] as { code: string }[])[0]?.code]).toEqual([400, code]);
  });

  test('of one member who is named: what that one names, which is noted with the member; of another it is a refusal', async () => {
    const { sql } = node.deps.database;
    const newest = async () =>
      (await sql`select action, member_id, outcome, object from exchange.audit order by seq desc limit 1`)[0];
    expect(await found(`Practitioner?patient=Patient/${me}&family=ngu`)).toEqual(['Practitioner/dr-seen']);
    expect(await newest()).toEqual({ action: 'search', member_id: me, outcome: 'ok', object: 'Practitioner' });
    expect(await found(`Practitioner?patient=${him}`)).toEqual([]);
    expect(await newest()).toEqual({ action: 'access', member_id: null, outcome: 'refused', object: `Patient/${him}` });
  });

  test('of more members than are looked through one has to be named', async () => {
    const { sql } = node.deps.database;
    await sql`insert into exchange.match_single (id, peer_id, at, outcome, reason, member_id, consent_policy, consent_from, consent_to)
      select 'many-' || i, 'a', now(), 'match', 'matched', 'many-' || i, 'regular', current_date - 1, current_date + 1 from generate_series(1, 1000) i`;
    const { status, body } = await get('Practitioner');
    expect([status, (body['issue'] as { code: string }[])[0]?.code]).toEqual([400, 'required']);
    expect(await found(`Practitioner?patient=${me}&_id=dr-role`)).toEqual(['Practitioner/dr-role']);
    await sql`delete from exchange.match_single where id like 'many-%'`;
    // as many records of one member as are looked through, and one more
    const [had] = await sql<{ n: number }[]>`select count(*)::int as n from exchange.resource where member_id = ${me}`;
    // decided already, or the search would do that first
    const fill = (n: number) =>
      sql.unsafe(`insert into exchange.resource (member_id, type, id, version, origin, last_updated, hash, body, label, labeller)
        select '${me}', 'Observation', 'fill-' || i, 1, 'own', now(), '', '{}', 0, ${LABELLER} from generate_series(1, ${n}) i`);
    await fill(40_000 - (had?.n ?? 0));
    expect(await found('Practitioner?_id=dr-role')).toEqual(['Practitioner/dr-role']);
    await sql`update exchange.resource set id = 'other' where id = 'fill-1'`;
    await fill(1);
    const over = await get('Practitioner?_id=dr-role');
    expect([over.status, (over.body['issue'] as { code: string }[])[0]?.code]).toEqual([400, 'required']);
    expect(await found(`Practitioner?patient=${me}&_id=dr-role`)).toEqual(['Practitioner/dr-role']);
    await sql`delete from exchange.resource where id = 'other' or id like 'fill-%'`;
    expect(await found('Practitioner?_id=dr-role')).toEqual(['Practitioner/dr-role']);
  });

  test('another payer finds none of it, nor does one whose scopes only read', async () => {
    expect(await found('Practitioner', await other.token(SCOPES.join(' ')))).toEqual([]);
    const reader = await peer.token('system/Practitioner.r');
    expect((await get('Practitioner/dr-seen', reader)).status).toBe(200);
    expect((await get('Practitioner', reader)).status).toBe(403);
  });

  test('the statement tells of it', async () => {
    const { body } = await get('metadata');
    const [rest] = body['rest'] as {
      resource: { type: string; searchParam: { name: string }[]; searchInclude: string[] }[];
    }[];
    const role = rest?.resource.find((r) => r.type === 'PractitionerRole');
    expect(role).toMatchObject({ interaction: [{ code: 'read' }, { code: 'search-type' }] });
    expect(role?.searchParam.map((p) => p.name)).toEqual([
      '_id',
      '_lastUpdated',
      'patient',
      'identifier',
      'active',
      'practitioner',
      'organization',
      'location',
      'specialty',
      'role',
    ]);
    expect(role?.searchInclude).toContain('PractitionerRole:practitioner');
    expect(role).not.toHaveProperty('searchRevInclude');
  });

  test('a member who says no takes it away', async () => {
    await node.deps.database.sql`
      insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, created_at)
      values ('no', ${me}, 'withdraw', 'regular', current_date, 'test', now())`;
    expect(await found('Practitioner')).toEqual([]);
  });
});

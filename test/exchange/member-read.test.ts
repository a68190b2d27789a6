// Single-member flows over HTTP: read, search and $everything of members that were matched for the caller, the same content
// as the export, and nothing of anyone else.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moneyIn } from '../../exchange/records/facts/money.ts';
import { passes, readTypeFilters } from '../../exchange/responder/export/type-filter.ts';
import { fits, readCriterion, readUpdated } from '../../exchange/responder/search/member-criterion.ts';
import { memberParameters } from '../../exchange/responder/search/member-parameters.ts';
import { SINGLE_MATCH_SCOPE } from '../../src/auth/scopes.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { undo } from '../support/undo.ts';
import { BULK_MATCH, type Client, client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, matchBody, PEOPLE, parts, planDay, US } from './plan-fixture.ts';

let node: TestNode;
let peer: Client;
let token: string;
let otherToken: string;
let now = new Date();
/** between the import of the records and the match */
let unmatched: Date;
const { rivera, robert } = PEOPLE;
const me = idOf(rivera);
const SCOPES = [BULK_MATCH, SINGLE_MATCH_SCOPE, 'system/*.rs'];
const coded = (system: string, code: string) => ({ coding: [{ system, code }] });
const LAB = coded('http://terminology.hl7.org/CodeSystem/observation-category', 'laboratory');
const lab = (id: string, member: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  category: [LAB],
  code: coded('http://loinc.org', '718-7'),
  subject: { reference: `Patient/${member}` },
  effectiveDateTime: '2026-01-01T08:00:00Z',
  ...more,
});
const eob = (id: string, member: string, more: object = {}) => ({
  resourceType: 'ExplanationOfBenefit',
  id,
  status: 'active',
  type: coded('http://terminology.hl7.org/CodeSystem/claim-type', 'professional'),
  use: 'claim',
  patient: { reference: `Patient/${member}` },
  created: '2026-02-01',
  billablePeriod: { start: '2026-01-10', end: '2026-01-12' },
  insurer: { reference: 'Organization/ours' },
  provider: { reference: 'Organization/clinic' },
  outcome: 'complete',
  insurance: [{ focal: true, coverage: { display: 'x' } }],
  total: [{ category: coded('x', 'submitted'), amount: { value: 120, currency: 'USD' } }],
  ...more,
});
const organization = (id: string) => ({ resourceType: 'Organization', id, active: true, name: `Place ${id}` });

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name, MATCH_PER_MINUTE: '0' }, { clock: () => now });
  peer = await client(node, 'a', { npi: ASKER.npi, scopes: SCOPES });
  const other = await client(node, 'b', { npi: '9000000020', scopes: SCOPES });
  await enrol(node.deps, Object.values(PEOPLE), [
    organization('ours'),
    organization('clinic'),
    lab('o1', me),
    lab('o2', me, {
      meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] },
    }),
    lab('o4', me, { effectiveDateTime: '2001-01-01' }),
    lab('o5', me, {
      code: coded('http://loinc.org', '2345-7'),
      effectivePeriod: { start: '2026-03-01' },
      effectiveDateTime: undefined,
    }),
    lab('o3', idOf(robert)),
    eob('e1', me, { identifier: [{ system: 'https://ours.example/claim', value: 'C-1' }] }),
    eob('e3', idOf(robert), { identifier: [{ system: 'https://ours.example/claim', value: 'C-3' }] }),
    {
      resourceType: 'CareTeam',
      id: 't1',
      status: 'active',
      subject: { reference: `Patient/${me}` },
      participant: [{ member: { reference: 'Organization/clinic' } }, { member: { reference: `Patient/${me}` } }],
    },
    {
      resourceType: 'Coverage',
      id: 'c1',
      status: 'active',
      beneficiary: { reference: `Patient/${me}` },
      payor: [{ reference: 'Organization/ours' }],
    },
    eob('e2', me, {
      provider: { reference: 'Organization/ours' },
      created: '2025-05-05',
      billablePeriod: { start: '2025-05-01', end: '2025-05-02' },
    }),
    {
      resourceType: 'Provenance',
      id: 'p1',
      target: [{ reference: 'Observation/o1' }],
      recorded: '2026-01-02T00:00:00Z',
      agent: [{ who: { display: 'Lab' } }],
    },
  ]);
  token = await peer.token(SCOPES.join(' '));
  otherToken = await other.token(SCOPES.join(' '));
  const [bundle] = matchBody(parts(card(rivera))).parameter as { part: object[] }[];
  unmatched = new Date();
  await new Promise((r) => setTimeout(r, 5));
  now = new Date();
  const matched = await fetch(`${node.base}/exchange/fhir/Patient/$member-match`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ resourceType: 'Parameters', parameter: bundle?.part }),
  });
  expect(matched.status).toBe(200);
});
afterAll(() => node.close());

type Bundle = {
  total?: number;
  link: { relation: string; url: string }[];
  entry?: { fullUrl: string; resource: Resource; search: { mode: string } }[];
};
async function get(path: string, bearer = token, headers: Record<string, string> = {}) {
  const url = path.startsWith('http') ? path : `${node.base}/exchange/fhir/${path}`;
  const answer = await fetch(url, { headers: { authorization: `Bearer ${bearer}`, ...headers } });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, json: () => JSON.parse(text) as Bundle & Resource };
}
const ids = (b: Bundle, mode = 'match') =>
  (b.entry ?? [])
    .filter((e) => e.search.mode === mode)
    .map((e) => `${e.resource.resourceType}/${String(e.resource['id'])}`);
const found = async (path: string) => {
  const a = await get(path);
  expect(a.status, a.text).toBe(200);
  return ids(a.json());
};
const lastAudit = async () => {
  const [row] = await node.deps.database.sql`
    select action, object, member_id, outcome, reason, detail from exchange.audit order by seq desc limit 1`;
  return row;
};

describe('the member of a match', () => {
  test('is found by the identifier of the answer, and carries it', async () => {
    const [member] = await node.deps.database.sql<{ umb: string }[]>`select umb from exchange.member where id = ${me}`;
    const identifier = `${node.base}/sid/umb|${member?.umb}`;
    const a = (await get(`Patient?identifier=${encodeURIComponent(identifier)}`)).json();
    expect([a.total, ids(a)]).toEqual([1, [`Patient/${me}`]]);
    expect(a.entry?.[0]?.resource['identifier']).toContainEqual(
      expect.objectContaining({ system: `${node.base}/sid/umb`, value: member?.umb }),
    );
    expect(await found(`Patient?identifier=${member?.umb}`)).toEqual([`Patient/${me}`]);
    expect(await found('Patient?identifier=nobody')).toEqual([]);
    // with the rest as it is written
    const { sql } = node.deps.database;
    const of = (from: string, to: string) =>
      sql`update exchange.resource set body = replace(body, ${from}, ${to}) where member_id = ${me} and type = 'Patient'`;
    const place = '"extension":[{"url":"http://x/latitude","valueDecimal":44.10}],"name":';
    await of('"name":', place);
    expect((await get(`Patient/${me}`)).text).toContain('"valueDecimal":44.10}');
    await of(place, '"name":');
    expect(await found(`Patient?identifier=${encodeURIComponent(`${node.base}/sid/umb|U-none`)}`)).toEqual([]);
  });

  test('is read with version and ETag, each read in the audit before it leaves', async () => {
    const a = await get(`Patient/${me}`);
    expect(a.status).toBe(200);
    expect(a.headers.get('cache-control')).toBe('no-store');
    expect(a.headers.get('etag')).toBe('W/"1"');
    expect(await lastAudit()).toMatchObject({ action: 'read', object: `Patient/${me}`, member_id: me, outcome: 'ok' });
    expect((await get(`Patient/${me}`, token, { 'if-none-match': 'W/"1"' })).status).toBe(304);
    expect((await get('Observation/o1')).json()['id']).toBe('o1');
    expect((await get('Organization/clinic')).json()['name']).toBe('Place clinic');
  });

  test('shows what the export shows: no money, no labelled and no old record', async () => {
    const bundle = (await get(`ExplanationOfBenefit?patient=${me}`)).json();
    expect(ids(bundle)).toEqual(['ExplanationOfBenefit/e1', 'ExplanationOfBenefit/e2']);
    for (const e of bundle.entry ?? []) expect(moneyIn(e.resource)).toEqual([]);
    expect(await found(`Observation?patient=Patient/${me}`)).toEqual(['Observation/o1', 'Observation/o5']);
    for (const hidden of ['o2', 'o4', 'o3']) expect((await get(`Observation/${hidden}`)).status, hidden).toBe(404);
  });

  test('no one else is there, and refusals are alike', async () => {
    const foreign = await get(`Patient/${idOf(robert)}`);
    const unknown = await get('Patient/nobody');
    const odd = await get('Patient/%3Cscript%3E');
    expect([foreign.status, unknown.status, odd.status]).toEqual([404, 404, 404]);
    expect(foreign.text).toBe(unknown.text);
    expect(await lastAudit()).toMatchObject({
      action: 'access',
      outcome: 'refused',
      reason: 'not-granted',
      object: '',
    });
    expect(await found(`Observation?patient=${idOf(robert)}`)).toEqual([]);
    expect(await lastAudit()).toMatchObject({ object: `Patient/${idOf(robert)}` });
    await get('Observation/o2');
    expect(await lastAudit()).toMatchObject({ object: 'Observation/o2' });
    // what is no id of ours may be the number of a card: its mark is the same each time
    const marks = new Set<unknown>();
    for (const path of ['Patient/ME77110099', 'Observation?patient=ME77110099', 'Patient/ME77110099/$everything']) {
      await get(path);
      marks.add((await lastAudit())?.['object']);
    }
    expect([...marks]).toEqual([expect.stringMatching(/^Patient\/~[\w-]{16}$/)]);
    expect(await found('Observation?patient=nobody')).toEqual([]);
    // a Patient of another server, whatever its id
    expect(await found(`Observation?patient=https://other.example/fhir/Patient/${me}`)).toEqual([]);
    expect(await found(`Observation?patient=${node.base}/exchange/fhir/Patient/${me}`)).toEqual(
      await found(`Observation?patient=${me}`),
    );
    expect(await found(`Patient?_id=${idOf(robert)},${me}`)).toEqual([`Patient/${me}`]);
    // as another peer: nothing at all
    for (const path of [`Patient/${me}`, 'Observation/o1', `Patient/${me}/$everything`, 'Organization/clinic'])
      expect((await get(path, otherToken)).text, path).toBe(
        (await get(path.replace(me, 'nobody').replace('o1', 'x').replace('clinic', 'x'), otherToken)).text,
      );
    expect(ids((await get(`Observation?patient=${me}`, otherToken)).json())).toEqual([]);
  });

  test('an identifier of another person costs what one of no one costs, and names no one', async () => {
    const [other] = await node.deps.database.sql<
      { umb: string }[]
    >`select umb from exchange.member where id = ${idOf(robert)}`;
    const rowsOf = async (umb: string) => {
      const [before] = await node.deps.database.sql<
        { n: number }[]
      >`select coalesce(max(seq), 0)::int as n from exchange.audit`;
      const a = await get(`Patient?identifier=${encodeURIComponent(`${node.base}/sid/umb|${umb}`)}`);
      expect(ids(a.json())).toEqual([]);
      return [
        ...(await node.deps.database.sql`
          select action, object, member_id, reason, detail from exchange.audit where seq > ${before?.n ?? 0} order by seq`),
      ];
    };
    const foreign = await rowsOf(other?.umb ?? '');
    expect(foreign).toHaveLength(1);
    expect(foreign).toEqual(await rowsOf('U-none'));
  });

  test('after the last day of the consent, or the member’s no, it is gone', async () => {
    const { sql } = node.deps.database;
    const had = now;
    now = new Date(had.getTime() + 2 * 366 * 86_400_000);
    const late = await peer.assertion({ exp: Math.floor(now.getTime() / 1000) + 100, iat: undefined });
    const answer = await peer.post(await peer.form({ client_assertion: late, scope: SCOPES.join(' ') }));
    const { access_token } = (await answer.json()) as { access_token: string };
    expect((await get(`Patient/${me}`, access_token)).status).toBe(404);
    now = had;
    expect((await get(`Patient/${me}`)).status).toBe(200);
    await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source)
      values ('no', ${me}, 'withdraw', 'regular', ${planDay(now)}, 'test')`;
    expect((await get(`Patient/${me}`)).status).toBe(404);
    await expect(sql`delete from exchange.consent where id = 'no'`).rejects.toThrow('insert-only');
    await undo(sql, sql`delete from exchange.consent where id = 'no'`);
    expect((await get(`Patient/${me}`)).status).toBe(200);
  });
});

describe('search', () => {
  test.each<[string, string[]]>([
    ['Observation?patient=ME&category=laboratory', ['o1', 'o5']],
    [
      'Observation?patient=ME&category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory',
      ['o1', 'o5'],
    ],
    ['Observation?patient=ME&category=http://other|laboratory', []],
    ['Observation?patient=ME&code=http://loinc.org|718-7', ['o1']],
    ['Observation?patient=ME&code=718-7,2345-7', ['o1', 'o5']],
    ['Observation?patient=ME&date=ge2026-02-01', ['o5']],
    ['Observation?patient=ME&date=2026-01-01', ['o1']],
    ['Observation?patient=ME&date=lt2026-01-01', []],
    ['Observation?patient=ME&date=ge2025-12-01&date=le2026-01-31', ['o1']],
    ['Observation?subject=Patient/ME&status=final', ['o1', 'o5']],
    ['Observation?_id=o1,o3,o5', ['o1', 'o5']],
    ['Observation?patient=ME&_lastUpdated=gt2100', []],
    ['Observation?patient=ME&_lastUpdated=ge2020', ['o1', 'o5']],
    ['ExplanationOfBenefit?patient=ME&type=professional', ['e1', 'e2']],
    ['ExplanationOfBenefit?patient=ME&service-date=ge2026-01-01', ['e1']],
    ['ExplanationOfBenefit?patient=ME&billable-period-start=2025', ['e2']],
    ['ExplanationOfBenefit?patient=ME&provider=Organization/clinic', ['e1']],
    ['ExplanationOfBenefit?patient=ME&use=claim', ['e1', 'e2']],
    ['ExplanationOfBenefit?patient=ME&use=preauthorization', []],
    ['ExplanationOfBenefit?identifier=https://ours.example/claim|C-1', ['e1']],
    ['ExplanationOfBenefit?identifier=C-1', ['e1']],
    ['ExplanationOfBenefit?identifier=C-1&type=institutional', []],
    // of a member whom the peer was not given
    ['ExplanationOfBenefit?identifier=C-3', []],
    ['ExplanationOfBenefit?identifier=C-1,C-3', ['e1']],
    ['Provenance?patient=ME&target=Observation/o1', ['p1']],
    ['Patient?family=river&given=ana', ['ME']],
    ['Patient?name=lucia&birthdate=1974-12-25', ['ME']],
    ['Patient?family=johnson', []],
  ])('%s', async (path, expected) => {
    const rows = await found(path.replaceAll('ME', me));
    expect(rows.map((r) => r.split('/')[1])).toEqual(expected.map((e) => (e === 'ME' ? me : e)));
  });

  test('a claim is known by what is kept of its identifiers, one of an older program by its text', async () => {
    const { sql } = node.deps.database;
    const hashes = async (claim: string, body: string) => {
      const [row] = await sql<{ same: boolean }[]>`
        select exchange.claim_identifier_hashes(${claim}::text::jsonb, ${body}) = array[hashtextextended('C-1', 0)] as same`;
      return row?.same;
    };
    expect(await hashes('{"identifiers":["C-1"]}', 'not looked at')).toBe(true);
    expect(await hashes('{}', '{"identifier":[{"value":"C-1"}]}')).toBe(true);
    expect(await hashes('{"identifiers":["C-2"]}', '{"identifier":[{"value":"C-1"}]}')).toBe(false);
    const kept = () => sql`select claim->'identifiers' as i from exchange.resource where id = 'e1'`;
    expect(await kept()).toMatchObject([{ i: ['C-1'] }]);
    await sql`update exchange.resource set claim = claim - 'identifiers' where type = 'ExplanationOfBenefit' and id = 'e1'`;
    expect(await found('ExplanationOfBenefit?identifier=C-1')).toEqual(['ExplanationOfBenefit/e1']);
  });

  test('Coverage of the enrolment is found by its member', async () => {
    expect((await found(`Coverage?patient=${me}`)).length).toBe(1);
    expect((await found(`Coverage?beneficiary=Patient/${me}`)).length).toBe(1);
  });

  test('pages follow each other without loss, as POST too', async () => {
    const seen: string[] = [];
    let next: string | undefined = `Observation?patient=${me}&_count=1`;
    for (let i = 0; next !== undefined && i < 5; i++) {
      const b: Bundle = (await get(next)).json();
      seen.push(...ids(b));
      expect(b.total).toBeUndefined();
      next = b.link.find((l) => l.relation === 'next')?.url;
    }
    expect(seen).toEqual(['Observation/o1', 'Observation/o5']);
    const posted = await fetch(`${node.base}/exchange/fhir/Observation/_search`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: `patient=${me}&code=718-7`,
    });
    expect(ids((await posted.json()) as Bundle)).toEqual(['Observation/o1']);
  });

  test('_count=0 and _summary=count tell how many there are, and none of them', async () => {
    const asked = async () =>
      (await node.deps.database.sql`select from exchange.audit where action = 'search' and member_id = ${me}`).length;
    for (const [path, total] of [
      ['Observation?patient=ME&_count=0', 2],
      ['Observation?patient=ME&_summary=count&_count=1', 2],
      ['Observation?patient=ME&_count=0&_revinclude=Provenance:target', 2],
      ['Observation?patient=ME&code=718-7&_count=0', 1],
      ['Observation?patient=ME&code=none&_count=0', 0],
      ['Patient?family=river&_count=00', 1],
      ['Observation?patient=nobody&_count=0', 0],
    ] as const) {
      const before = await asked();
      const b: Bundle & { entry?: unknown } = (await get(path.replace('ME', me))).json();
      expect([path, b.total, b.entry, b.link.map((l) => l.relation)]).toEqual([path, total, undefined, ['self']]);
      // that a member has so many is informed of the member, if not by name then by number
      expect([path, (await asked()) - before]).toEqual([path, path.includes('nobody') ? 0 : 1]);
    }
  });

  test('by POST without a body what the address asks is asked, as for an export', async () => {
    const post = (query: string, init: { headers?: Record<string, string>; body?: string } = {}) =>
      fetch(`${node.base}/exchange/fhir/${query}`, {
        method: 'POST',
        ...init,
        headers: { authorization: `Bearer ${token}`, ...init.headers },
      });
    const bare = await post(`Observation/_search?patient=${me}&code=718-7`);
    expect([bare.status, ids((await bare.json()) as Bundle)]).toEqual([200, ['Observation/o1']]);
    expect((await post('Group/_search?_id=none')).status).toBe(200);
    const json = { headers: { 'content-type': 'application/json' }, body: '{}' };
    expect((await post(`Observation/_search?patient=${me}`, json)).status).toBe(415);
  });

  test('an empty value is reported, and is not taken for one that nothing has', async () => {
    for (const query of [
      'patient=',
      `patient=Patient/${me},`,
      `patient=${me}&_id=`,
      `patient=${me}&code=`,
      `patient=${me}&_lastUpdated=`,
    ]) {
      const answer = await get(`Observation?${query}`);
      expect([query, answer.status, answer.json()['issue']]).toMatchObject([query, 400, [{ code: 'value' }]]);
    }
    expect((await get('Patient?identifier=')).status).toBe(400);
  });

  test('all identifiers of a system are asked for without a value, those of the unique member id too', async () => {
    const patient = (await get(`Patient/${me}`)).json();
    const system = (patient['identifier'] as { system: string }[]).map((i) => i.system).find((s) => s.endsWith('/umb'));
    expect(await found(`Patient?identifier=${system}|`)).toEqual([`Patient/${me}`]);
    expect(await found(`Patient?_id=${me}&identifier=${system}|`)).toEqual([`Patient/${me}`]);
    expect(await found(`Patient?identifier=${system}|nobody`)).toEqual([]);
  });

  test('brings what records refer to and their Provenance, within the scopes', async () => {
    const a = (await get(`Observation?patient=${me}&code=718-7&_revinclude=Provenance:target`)).json();
    const [kept, made, ...more] = ids(a, 'include');
    expect([ids(a), kept, more]).toEqual([['Observation/o1'], 'Provenance/p1', []]);
    // and who transmits it: made for the answer, the same each time, kept nowhere
    const transmitter = (a.entry ?? []).find((e) => e.fullUrl.endsWith(made ?? '-'))?.resource;
    expect(transmitter).toMatchObject({
      target: [{ reference: 'Observation/o1' }],
      agent: [{ type: { coding: [{ code: 'transmitter' }] }, who: { identifier: { value: US.npi } } }],
    });
    const again = (await get(`Observation?patient=${me}&code=718-7&_revinclude=Provenance:target`)).json();
    expect(ids(again, 'include')).toEqual([kept, made]);
    expect((await get(made ?? '')).status).toBe(404);
    const b = (
      await get(
        `ExplanationOfBenefit?_id=e1&_include=ExplanationOfBenefit:provider&_include=ExplanationOfBenefit:patient`,
      )
    ).json();
    expect(ids(b, 'include').sort()).toEqual(['Organization/clinic', `Patient/${me}`].sort());
    const all = (await get('ExplanationOfBenefit?_id=e1&_include=ExplanationOfBenefit:*')).json();
    expect(ids(all, 'include').sort()).toEqual(['Organization/clinic', 'Organization/ours', `Patient/${me}`].sort());
    const team = async (target: string) =>
      ids((await get(`CareTeam?patient=${me}&_include=CareTeam:participant${target}`)).json(), 'include').sort();
    expect(await team('')).toEqual(['Organization/clinic', `Patient/${me}`].sort());
    expect(await team(':Patient')).toEqual([`Patient/${me}`]);
    expect(await team(':Practitioner')).toEqual([]);
    const narrow = await peer.token('system/ExplanationOfBenefit.rs');
    const c = (await get('ExplanationOfBenefit?_id=e1&_include=ExplanationOfBenefit:provider', narrow)).json();
    expect(ids(c, 'include')).toEqual([]);
    expect((await get(`ExplanationOfBenefit?_id=e1&_revinclude=Provenance:target`, narrow)).status).toBe(403);
  });

  test('what cannot be asked is named in the answer, what is no name is not repeated', async () => {
    const told = async (query: string) => {
      const { issue } = (await get(`ExplanationOfBenefit?${query}`)).json() as unknown as {
        issue: { diagnostics: string }[];
      };
      return issue[0]?.diagnostics;
    };
    expect(await told(`patient=${me}&nonsense=1`)).toContain('cannot be searched by nonsense.');
    expect(await told(`patient=${me}&_include=Patient:x`)).toContain('by _include=Patient:x.');
    expect(await told(`patient=${me}&a%20b%3Cc=1`)).toContain('by a parameter of this request.');
    expect(await told('use=claim')).toContain('or records by _id or identifier.');
  });

  test('read and search are scopes of their own', async () => {
    const reads = await peer.token('system/Observation.r');
    expect((await get('Observation/o1', reads)).status).toBe(200);
    expect((await get(`Observation?patient=${me}`, reads)).status).toBe(403);
    const searches = await peer.token('system/Observation.s');
    expect((await get('Observation/o1', searches)).status).toBe(403);
    expect((await get(`Observation?patient=${me}`, searches)).status).toBe(200);
    expect((await get(`Patient/${me}`, reads)).status).toBe(403);
    expect((await get(`Patient/${me}`, await peer.token(BULK_MATCH))).status).toBe(403);
  });

  test.each<[string, number, string]>([
    ['Observation', 400, 'required'],
    ['Observation?patient=ME&nonsense=1', 400, 'not-supported'],
    ['Observation?patient=ME&code:not=1', 400, 'not-supported'],
    ['Observation?patient=ME&__proto__=1', 400, 'not-supported'],
    ['Observation?patient=ME&constructor=1', 400, 'not-supported'],
    ['Observation?patient=ME&date=soon', 400, 'value'],
    ['Observation?patient=ME&date=', 400, 'value'],
    ['Observation?patient=ME&_lastUpdated=ne2020', 400, 'value'],
    ['Observation?patient=ME&_summary=text', 400, 'not-supported'],
    ['Observation?patient=ME&_count=-1', 400, 'value'],
    ['Observation?patient=ME&_page=x', 400, 'value'],
    ['Observation?patient=ME&_page=WzEsMl0', 400, 'value'],
    ['Observation?patient=ME&_include=*', 400, 'not-supported'],
    ['CareTeam?patient=ME&_include=CareTeam:participant:Nobody', 400, 'not-supported'],
    ['CareTeam?patient=ME&_include=CareTeam:participant:Patient:x', 400, 'not-supported'],
    ['CareTeam?patient=ME&_include=CareTeam:*:Patient', 400, 'not-supported'],
    ['CareTeam?patient=ME&_include=Observation:encounter', 400, 'not-supported'],
    ['ExplanationOfBenefit?use=claim', 400, 'required'],
    ['Encounter?identifier=x', 400, 'required'],
    ['Patient/ME/$everything?start=2020', 400, 'not-supported'],
    ['Patient/ME/$everything?_type=Claim', 400, 'value'],
    ['Patient/ME/$everything?_since=2100-01-01T00:00:00Z', 400, 'value'],
    ['Claim?patient=ME', 404, 'not-found'],
    ['Patient/ME/_history/1', 404, 'not-found'],
    ['Patient/ME/_history', 404, 'not-found'],
    ['Observation/o1/_history/1', 404, 'not-found'],
    ['CareTeam?role=x', 400, 'required'],
    [`Observation?patient=ME&code=${'x,'.repeat(300)}`, 400, 'too-costly'],
  ])('%.60s: %i', async (path, status, code) => {
    const a = await get(path.replaceAll('ME', me));
    expect([a.status, (a.json()['issue'] as { code: string }[])[0]?.code]).toEqual([status, code]);
  });

  test('leniently, what is not known is ignored and left out of the link', async () => {
    const a = await get(`Observation?patient=${me}&nonsense=1`, token, { prefer: 'handling=lenient' });
    expect(a.status).toBe(200);
    expect(a.json().link[0]?.url).toBe(`${node.base}/exchange/fhir/Observation?patient=${me}`);
  });
});

describe('$everything', () => {
  const collect = async (path: string) => {
    const all: Resource[] = [];
    let next: string | undefined = path;
    let pages = 0;
    while (next !== undefined && pages < 40) {
      const a = await get(next);
      expect(a.status, a.text).toBe(200);
      const b: Bundle = a.json();
      all.push(...(b.entry ?? []).map((e) => e.resource));
      next = b.link.find((l) => l.relation === 'next')?.url;
      pages++;
    }
    return { all, pages, keys: all.map((r) => `${r.resourceType}/${String(r['id'])}`) };
  };

  test('holds what the export holds, in pages of any size the same', async () => {
    const { all, keys } = await collect(`Patient/${me}/$everything`);
    expect(keys[0]).toBe(`Patient/${me}`);
    expect(keys).toEqual(
      expect.arrayContaining([
        'Observation/o1',
        'Observation/o5',
        'ExplanationOfBenefit/e1',
        'ExplanationOfBenefit/e2',
        'Provenance/p1',
        'Organization/clinic',
        'Organization/ours',
      ]),
    );
    expect(new Set(keys).size).toBe(keys.length);
    for (const hidden of ['Observation/o2', 'Observation/o3', 'Observation/o4']) expect(keys).not.toContain(hidden);
    // who transmits it: the member's records, and the directory-type records that they refer to
    const targets = all.slice(-2).map((last) => {
      expect(last.resourceType).toBe('Provenance');
      return ((last['target'] ?? []) as { reference: string }[]).map((t) => t.reference).sort();
    });
    expect(targets).toEqual([
      keys.filter((k) => !/^(Provenance|Organization)/.test(k)).sort(),
      keys.filter((k) => k.startsWith('Organization')).sort(),
    ]);
    for (const count of [1, 2, 3, 5]) {
      const paged = await collect(`Patient/${me}/$everything?_count=${count}`);
      expect(paged.keys, `_count=${count}`).toEqual(keys);
      expect(paged.pages).toBeGreaterThan(1);
    }
    expect(await lastAudit()).toMatchObject({ action: 'everything', object: `Patient/${me}`, member_id: me });
  });

  test('can be narrowed by type, by time and by scope', async () => {
    expect((await collect(`Patient/${me}/$everything?_type=Observation`)).keys).toEqual([
      'Observation/o1',
      'Observation/o5',
    ]);
    now = new Date();
    const since = `_since=${now.toISOString()}`;
    expect((await collect(`Patient/${me}/$everything?${since}&_type=Observation`)).keys).toEqual([]);
    const narrow = await peer.token('system/Patient.r system/Coverage.r');
    const b = (await get(`Patient/${me}/$everything`, narrow)).json();
    expect([...new Set(ids(b).map((k) => k.split('/')[0]))]).toEqual(['Patient', 'Coverage']);
  });

  test('is asked for by POST as well, its parameters in a body, each type by itself; pages are followed by GET', async () => {
    const post = async (parameter: object[] | undefined, contentType = 'application/fhir+json') => {
      const answer = await fetch(`${node.base}/exchange/fhir/Patient/${me}/$everything`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': contentType },
        ...(parameter === undefined ? {} : { body: JSON.stringify({ resourceType: 'Parameters', parameter }) }),
      });
      return { status: answer.status, body: (await answer.json()) as Bundle & Resource };
    };
    const types = ['Observation', 'Patient'].map((t) => ({ name: '_type', valueCode: t }));
    const first = await post([...types, { name: '_count', valueInteger: 2 }]);
    expect([first.status, ids(first.body)]).toEqual([200, [`Patient/${me}`, 'Observation/o1']]);
    const next = first.body.link.find((l) => l.relation === 'next')?.url ?? '';
    expect((await collect(next)).keys).toEqual(['Observation/o5']);
    now = new Date();
    const since = await post([...types, { name: '_since', valueInstant: now.toISOString() }]);
    expect([since.status, ids(since.body)]).toEqual([200, []]);
    expect(ids((await post(undefined)).body)).toEqual((await collect(`Patient/${me}/$everything`)).keys);
    expect((await collect(`Patient/${me}/$everything?_type=Observation&_type=Patient`)).keys).toHaveLength(3);
    expect((await post([{ name: 'start', valueDate: '2020-01-01' }])).status).toBe(400);
    expect((await post([], 'text/plain')).status).toBe(415);
  });

  test('_since is that of an export: what came into view comes, and all that the peer could not know of', async () => {
    const since = async (at: Date, more = '') =>
      (await collect(`Patient/${me}/$everything?_since=${at.toISOString()}${more}`)).keys;
    const all = (await collect(`Patient/${me}/$everything`)).keys;
    expect((await since(unmatched)).filter((k) => !k.startsWith('Provenance'))).toEqual(
      all.filter((k) => !k.startsWith('Provenance')),
    );
    const later = new Date();
    now = later;
    expect(await since(later)).toEqual([]);
    // a visit that is no longer sensitive brings what refers to it
    const visit = (meta: object) => ({
      resourceType: 'Encounter',
      id: 'visit',
      ...meta,
      status: 'finished',
      class: { code: 'AMB' },
      subject: { reference: `Patient/${me}` },
    });
    const PSY = { meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] } };
    await enrol(node.deps, [], [visit(PSY), lab('of-visit', me, { encounter: { reference: 'Encounter/visit' } })]);
    expect(await since(later, '&_type=Encounter,Observation')).toEqual([]);
    await new Promise((r) => setTimeout(r, 5));
    const written = new Date();
    now = written;
    await enrol(node.deps, [], [visit({})]);
    expect(await since(written, '&_type=Encounter,Observation')).toEqual(['Encounter/visit', 'Observation/of-visit']);
    const answer = await get(`Patient/${me}/$everything?_since=${written.toISOString()}`);
    const transmitted = (answer.json().entry ?? [])
      .map((e) => e.resource)
      .filter((r) => r.resourceType === 'Provenance');
    expect(transmitted.flatMap((p) => (p['target'] as { reference: string }[]).map((t) => t.reference))).toEqual([
      'Encounter/visit',
      'Observation/of-visit',
    ]);
    await enrol(
      node.deps,
      [],
      [
        {
          resourceType: 'Bundle',
          type: 'transaction',
          entry: ['Encounter/visit', 'Observation/of-visit'].map((url) => ({ request: { method: 'DELETE', url } })),
        },
      ],
    );
  });
});

test('when the audit cannot be written, nothing leaves', async () => {
  const { sql } = node.deps.database;
  await sql`alter table exchange.audit rename to audit_away`;
  const a = await get(`Patient/${me}`);
  await sql`alter table exchange.audit_away rename to audit`;
  expect(a.status).toBeGreaterThanOrEqual(500);
  expect(a.text).not.toContain('Rivera');
});

describe('criteria', () => {
  const observation = (more: object): Resource => ({ resourceType: 'Observation', ...more }) as Resource;
  const fit = (name: string, value: string, more: object) => {
    const parameter = memberParameters('Observation')[name];
    if (!parameter) throw new Error(name);
    return fits(observation(more), [readCriterion(name, parameter, value)]);
  };
  test.each([
    ['date', 'eq2026', { effectiveDateTime: '2026-05' }, true],
    ['date', 'eq2026-05', { effectiveDateTime: '2026' }, false],
    ['date', 'ne2026', { effectiveDateTime: '2026-05' }, false],
    ['date', 'gt2026-05', { effectivePeriod: { start: '2026-05-30' } }, true],
    ['date', 'sa2026-05', { effectivePeriod: { start: '2026-05-30' } }, false],
    ['date', 'eb2026-06', { effectivePeriod: { start: '2026-05-01', end: '2026-05-02' } }, true],
    ['code', '|a', { code: { coding: [{ code: 'a' }] } }, true],
    ['code', '|a', { code: { coding: [{ system: 'x', code: 'a' }] } }, false],
    ['code', 'x|', { code: { coding: [{ system: 'x', code: 'a' }] } }, true],
    ['code', 'a', {}, false],
  ])('%s=%s on %j is %s', (name, value, more, expected) => expect(fit(name, value, more)).toBe(expected));
  test.each([
    ['code', 'b,x|a\\|b', { code: { coding: [{ system: 'x', code: 'a|b' }] } }, true],
    ['code', 'a\\|b', { code: { coding: [{ code: 'a|b' }] } }, true],
    ['code', 'a\\|b', { code: { coding: [{ system: 'a', code: 'b' }] } }, false],
    ['code', 'x|a|b', { code: { coding: [{ system: 'x', code: 'a|b' }] } }, true],
    ['code', 'x\\|y|', { code: { coding: [{ system: 'x|y', code: 'b' }] } }, true],
    ['code', 'a\\,b,c', { code: { coding: [{ code: 'a,b' }] } }, true],
    ['code', 'a\\,b,c', { code: { coding: [{ code: 'a' }] } }, false],
    ['code', 'a\\$b', { code: { coding: [{ code: 'a$b' }] } }, true],
    ['code', 'a\\\\|b', { code: { coding: [{ system: 'a\\', code: 'b' }] } }, true],
    ['code', 'a\\b', { code: { coding: [{ code: 'a\\b' }] } }, true],
    ['encounter', 'urn:x:a\\,b', { encounter: { reference: 'urn:x:a,b' } }, true],
  ])('%s=%s with escapes on %j is %s', (name, value, more, expected) => {
    expect(fit(name, value, more)).toBe(expected);
    if (name === 'code')
      expect(passes(readTypeFilters([`Observation?code=${value}`]), observation(more))).toBe(expected);
  });
  test('an empty value is none', () => {
    for (const value of ['', 'a,', ',a'])
      expect(() => fit('code', value, {})).toThrow(expect.objectContaining({ code: 'invalid-parameter' }));
  });
  test('ranges of _lastUpdated meet', () => {
    const range: { from?: Date; to?: Date } = {};
    for (const v of ['ge2026-01-01', 'gt2026-01-05', 'lt2026-02-01']) readUpdated(v, range);
    expect([range.from?.toISOString(), range.to?.toISOString()]).toEqual([
      '2026-01-06T00:00:00.000Z',
      '2026-02-01T00:00:00.000Z',
    ]);
  });
});

describe('CapabilityStatement', () => {
  type Rest = {
    type: string;
    interaction: { code: string }[];
    operation?: { name: string }[];
    searchParam?: { name: string }[];
  };
  const resources = async (): Promise<Rest[]> => {
    const statement = (await get('metadata')).json() as unknown as { rest: { resource: Rest[] }[] };
    return statement.rest[0]?.resource ?? [];
  };

  test('states every operation and type, and each stated interaction is served', async () => {
    const all = await resources();
    const of = (type: string) => all.find((r) => r.type === type);
    expect(of('Patient')?.operation?.map((o) => o.name)).toEqual(
      expect.arrayContaining(['member-match', 'everything']),
    );
    expect(of('Group')?.operation?.map((o) => o.name)).toEqual(
      expect.arrayContaining(['bulk-member-match', 'davinci-data-export']),
    );
    expect(all.length).toBeGreaterThan(30);
    for (const r of all) {
      const codes = r.interaction.map((i) => i.code);
      expect((await get(`${r.type}/none`)).status, r.type).toBe(404);
      expect(codes).toContain('read');
      if (!codes.includes('search-type') || r.type === 'Group') continue;
      // each stated parameter is understood
      for (const p of r.searchParam ?? []) {
        const value = p.name === '_lastUpdated' || /date|period|created|authored|recorded/.test(p.name) ? '2026' : 'x';
        const a = await get(`${r.type}?_id=x&${p.name}=${value}`);
        expect([r.type, p.name, a.status]).toEqual([r.type, p.name, 200]);
      }
    }
  });
});

describe('CapabilityStatement and _typeFilter', () => {
  test('a parameter says that it is not supported when a filter does not take it, and only then', async () => {
    const statement = (await get('metadata')).json() as unknown as {
      rest: { resource: { type: string; searchParam?: { name: string; type: string; extension?: unknown[] }[] }[] }[];
    };
    let taken = 0;
    let notTaken = 0;
    for (const { type, searchParam = [] } of statement.rest[0]?.resource ?? [])
      for (const p of type === 'Group' ? [] : searchParam) {
        const filter = () => readTypeFilters([`${type}?${p.name}=${p.type === 'date' ? '2026' : 'x'}`]);
        if (p.extension === undefined) expect(filter, `${type} ${p.name}`).not.toThrow();
        else expect(filter, `${type} ${p.name}`).toThrow();
        if (p.extension === undefined) taken++;
        else notTaken++;
      }
    expect(taken).toBeGreaterThan(60);
    expect(notTaken).toBeGreaterThan(60);
  });
});

test('a filter of an export compares each record with no more than so many values', () => {
  const parameters = (n: number) => [`Observation?${Array.from({ length: n }, () => 'code=x').join('&')}`];
  const values = (each: number, n: number) =>
    Array.from({ length: n }, () => `Observation?code=${Array.from({ length: each }, (_, i) => `c${i}`).join(',')}`);
  expect(readTypeFilters(parameters(50))).toHaveLength(1);
  expect(() => readTypeFilters(parameters(51))).toThrow(/at most 50 parameters/);
  expect(readTypeFilters(values(100, 5))).toHaveLength(5);
  expect(() => readTypeFilters(values(100, 6))).toThrow(/500 values/);
  expect(() => readTypeFilters(values(101, 1))).toThrow(/too many/);
  // over all queries, however they are sent
  expect(() => readTypeFilters([...parameters(30), ...parameters(30)])).toThrow(/at most 50 parameters/);
});

describe('of more members than are put in order at once', () => {
  test('pages bring each record once, also when a consent ends between them', async () => {
    const { sql } = node.deps.database;
    const copy = (table: string, set: string, where: string) =>
      sql.unsafe(
        `insert into exchange.${table} select (jsonb_populate_record(r, jsonb_build_object(${set}))).* from exchange.${table} r, generate_series(1, 450) n where ${where}`,
      );
    await copy('member', `'id', 'many-' || n, 'umb', 'U-many-' || n`, `r.id = '${me}'`);
    await copy('match_single', `'id', 'many-' || n, 'member_id', 'many-' || n`, `r.member_id = '${me}'`);
    await copy('resource', `'member_id', 'many-' || n, 'id', 'many-' || n`, `r.member_id = '${me}' and r.id = 'e1'`);
    const path = 'ExplanationOfBenefit?identifier=C-1&_count=120';
    const found: string[] = [];
    for (let url: string | undefined = path; url !== undefined; ) {
      const page: Bundle = (await get(url)).json();
      found.push(...(page.entry ?? []).map((e) => e.fullUrl));
      url = page.link.find((l) => l.relation === 'next')?.url.split('/exchange/fhir/')[1];
      // the member at which the first page ended
      const last = found.at(-1)?.split('/').at(-1) ?? '';
      if (found.length === 120) await sql`delete from exchange.match_single where id = ${last}`;
    }
    expect(new Set(found).size).toBe(found.length);
    expect(found.length).toBe(451);
    for (const table of ['match_single', 'resource', 'member'])
      await sql.unsafe(`delete from exchange.${table} where id like 'many-%'`);
  });

  test('a claim is found by its number at once, however many others there are before it, also where its text is none for the database', async () => {
    const { sql } = node.deps.database;
    await sql.unsafe(
      `insert into exchange.resource select (jsonb_populate_record(r, jsonb_build_object('id', 'a-' || n))).* from exchange.resource r, generate_series(1, 5200) n
       where r.member_id = '${me}' and r.id = 'e2'`,
    );
    expect(await found('ExplanationOfBenefit?identifier=C-1')).toEqual(['ExplanationOfBenefit/e1']);
    await sql`update exchange.resource set body = replace(body, '"outcome"', '"x":1e999999,"outcome"') where member_id = ${me} and id = 'e1'`;
    expect(await found('ExplanationOfBenefit?identifier=C-1')).toEqual(['ExplanationOfBenefit/e1']);
    expect(await found('ExplanationOfBenefit?identifier=C-9')).toEqual([]);
    await sql`update exchange.resource set body = replace(body, '"x":1e999999,', '') where member_id = ${me} and id = 'e1'`;
    await sql`delete from exchange.resource where id like 'a-%'`;
  });
});

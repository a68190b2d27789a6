import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OperationOutcome, Parameters, ParametersParameter } from 'fhir/r4.js';
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDirectory } from '../../directory/app.ts';
import { checkStatement, JWKS_PATH, signStatement } from '../../directory/in-network/statement.ts';
import { readConfig } from '../../src/config.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { fileKeys, makeKey } from '../../src/runtime/node.ts';
import { BASE, body, deletion, directory, entries, FIXTURE, ORIGIN } from './fixture.ts';
import { siteDeps } from './pages-fixture.ts';

const PN = 'http://hl7.org/fhir/us/davinci-pdex-plan-net';
const ref = (reference: string) => ({ reference });
const network = (key: string) => ({ url: `${PN}/StructureDefinition/network-reference`, valueReference: ref(key) });
const accepting = (code: string, from?: string) => ({
  url: `${PN}/StructureDefinition/newpatients`,
  extension: [
    {
      url: 'acceptingPatients',
      valueCodeableConcept: { coding: [{ system: `${PN}/CodeSystem/AcceptingPatientsCS`, code }] },
    },
    ...(from === undefined ? [] : [{ url: 'fromNetwork', valueReference: ref(from) }]),
  ],
});
const npi = (value: string) => [{ system: 'http://hl7.org/fhir/sid/us-npi', value }];
const org = (id: string, code: string, more: object = {}): Resource => ({
  resourceType: 'Organization',
  id,
  active: true,
  name: `Name of ${id}`,
  type: [{ coding: [{ system: `${PN}/CodeSystem/OrgTypeCS`, code }] }],
  ...more,
});
const person = (id: string, more: object = {}): Resource => ({
  resourceType: 'Practitioner',
  id,
  active: true,
  name: [{ family: 'Reed', given: [id] }],
  ...more,
});
const role = (id: string, practitioner: string, more: object = {}): Resource => ({
  resourceType: 'PractitionerRole',
  id,
  active: true,
  practitioner: ref(`Practitioner/${practitioner}`),
  ...more,
});

const MORE: Resource[] = [
  org('net2', 'ntwk', { identifier: [{ system: 'urn:n', value: 'N2' }], partOf: ref('Organization/payer1') }),
  org('net3', 'ntwk', { partOf: ref('Organization/payer1') }),
  org('solo', 'prvgrp', { identifier: npi('9000000023') }),
  {
    resourceType: 'InsurancePlan',
    id: 'ip2',
    status: 'active',
    name: 'Oak Silver',
    identifier: [{ value: 'SILVER-2' }],
    plan: [{ network: [ref('Organization/net2')] }, { network: [ref('Organization/net3')] }],
  },
  { resourceType: 'InsurancePlan', id: 'bare', status: 'active', name: 'Oak Bare' },
  // through the organization: the role names no network, the affiliation a1 of clinic1 names net1
  person('via', { identifier: npi('9000000049') }),
  role('via1', 'via', { organization: ref('Organization/clinic1'), extension: [accepting('nopt')] }),
  // ended, future and inactive
  person('late'),
  role('late1', 'late', { extension: [network('Organization/net2')], period: { end: '2026-12-31' } }),
  role('late2', 'late', { extension: [network('Organization/net2')], period: { start: '2027-03-02' } }),
  // the primary organization counts only where none participates
  {
    ...FIXTURE.find((r) => r['id'] === 'a1'),
    id: 'a2',
    organization: ref('Organization/solo'),
    participatingOrganization: undefined,
  } as Resource,
  // new patients: for this network, for another, for all
  person('busy'),
  role('busy1', 'busy', {
    extension: [network('Organization/net2'), accepting('newpt'), accepting('nopt', 'Organization/net2')],
    location: [ref('Location/loc1')],
    specialty: [{ coding: [{ system: 'http://nucc.org/provider-taxonomy', code: '207R00000X' }] }],
  }),
  role('busy2', 'busy', {
    extension: [network('Organization/net3'), accepting('newpt'), accepting('nopt', 'Organization/net2')],
  }),
  // one NPI, two records
  person('twin1', { identifier: npi('9000000031') }),
  person('twin2', { identifier: npi('9000000031') }),
  role('twin1r', 'twin1', { extension: [network('Organization/net3')] }),
];

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory([...FIXTURE, ...MORE]);
});
afterAll(() => d.close());

const values = (parts: ParametersParameter[] | undefined, name: string) =>
  (parts ?? [])
    .filter((p) => p.name === name)
    .map((p) => p.valueReference?.reference ?? p.valueCode ?? p.valueString ?? p.valueDate ?? p.valueInstant);
const value = (parts: ParametersParameter[] | undefined, name: string) => values(parts, name)[0];

async function ask(query: string) {
  const response = await d.get(`$in-network?${query}`);
  const answer = (await response.json()) as Parameters;
  if (response.status !== 200) throw new Error(JSON.stringify(answer));
  const parts = (name: string) => (answer.parameter ?? []).filter((p) => p.name === name).map((p) => p.part ?? []);
  const outcome = answer.parameter?.find((p) => p.name === 'outcome')?.resource;
  return {
    result: value(answer.parameter, 'result'),
    answer,
    match: parts('match'),
    notActive: parts('notActive'),
    by: parts('match').map((m) => value(m, 'affiliation') ?? value(m, 'role')),
    remarks: outcome === undefined ? [] : (outcome as OperationOutcome).issue.map((i) => i.details?.coding?.[0]?.code),
  };
}

test('a role that names the network is a direct match, with its evidence', async () => {
  const a = await ask('plan=InsurancePlan/ip1&npi=9000000015');
  expect(a.result).toBe('in-network');
  expect(a.match).toHaveLength(1);
  const [match] = a.match;
  expect(value(match, 'kind')).toBe('direct');
  expect(value(match, 'role')).toBe('PractitionerRole/r1');
  expect(value(match, 'provider')).toBe('Practitioner/p1');
  expect(value(match, 'organization')).toBe('Organization/clinic1');
  expect(value(match, 'network')).toBe('Organization/net1');
  expect(value(match, 'plan')).toBe('InsurancePlan/ip1');
  expect(values(match, 'location')).toEqual(['Location/loc1']);
  expect(match?.find((p) => p.name === 'period')?.valuePeriod).toEqual({ start: '2022-01-01' });
  expect(match?.find((p) => p.name === 'location')?.valueReference?.display).toBe('Elm Way Clinic');
  expect(value(a.answer.parameter, 'asOf')).toBe('2027-03-01T12:00:00.123Z');
  expect(value(a.answer.parameter, 'release')).toBe('1');
  // the newest success counts, of the role itself
  expect(value(match, 'lastVerified')).toBe('2027-02-01');
  expect(value(a.answer.parameter, 'date')).toBe('2027-03-01');
  expect(a.remarks).toEqual([]);
  expect((await ask('network=net1&npi=9000000049')).remarks).toEqual(['unverified']);
  // the setting is 90 days; the verification of the fixture is 28 days old
  const strict = createDirectory({
    ...siteDeps(d.database),
    config: readConfig({ BASE_URL: ORIGIN }, { directoryStaleDays: 20 }),
  });
  const stale = await strict.request('/directory/fhir/$in-network?plan=ip1&npi=9000000015');
  expect(await stale.text()).toContain('"code":"stale"');
});

test.each([
  ['plan=H1234-001', 'bare MA plan id'],
  ['plan=https://www.cms.gov/medicare/ma-plan-id|H1234-001', 'plan id with a system'],
  ['plan=ip1', 'bare id'],
  [`plan=${BASE}/InsurancePlan/ip1`, 'absolute reference'],
  ['network=Organization/net1', 'network'],
  ['network=net3,net1', 'one of several networks'],
  ['plan=ip2&network=net1', 'plan and network are one set'],
])('%s (%s) finds the same', async (scope) => {
  expect(await ask(`${scope}&provider=Practitioner/p1`)).toMatchObject({
    result: 'in-network',
    by: ['PractitionerRole/r1', ...(scope.includes('ip2') ? ['PractitionerRole/r1'] : [])],
  });
});

test('networks of a plan are those of plan.network too', async () => {
  const a = await ask('plan=SILVER-2&provider=Practitioner/busy');
  expect(a.match.map((m) => [value(m, 'network'), value(m, 'newPatients'), value(m, 'newPatientsScope')])).toEqual([
    ['Organization/net2', 'nopt', 'this-network'],
    ['Organization/net3', 'newpt', 'all-networks'],
  ]);
});

test('a role without a network counts through its organization', async () => {
  const a = await ask('network=net1&npi=9000000049');
  expect(a).toMatchObject({ result: 'in-network', by: ['OrganizationAffiliation/a1'] });
  expect([value(a.match[0], 'kind'), value(a.match[0], 'role'), value(a.match[0], 'newPatients')]).toEqual([
    'via-organization',
    'PractitionerRole/via1',
    'nopt',
  ]);
  expect((await ask('network=net3&npi=9000000049')).result).toBe('not-listed');
});

test('an organization counts as participating, and as primary only where none participates', async () => {
  expect(await ask('network=net1&provider=Organization/clinic1')).toMatchObject({
    result: 'in-network',
    by: ['OrganizationAffiliation/a1'],
  });
  expect(await ask('network=net1&npi=9000000023')).toMatchObject({ by: ['OrganizationAffiliation/a2'] });
  expect(await ask('network=net1&provider=Organization/payer1')).toMatchObject({ result: 'not-listed', by: [] });
});

test('active-on: ended and future roles are no match, but are told', async () => {
  const now = await ask('network=net2&provider=Practitioner/late');
  expect(now).toMatchObject({ result: 'not-listed', by: [], remarks: ['ended'] });
  expect(now.notActive.map((m) => [value(m, 'role'), value(m, 'status')]).sort()).toEqual([
    ['PractitionerRole/late1', 'ended'],
    ['PractitionerRole/late2', 'not-started'],
  ]);
  const on = async (date: string) => (await ask(`network=net2&provider=Practitioner/late&date=${date}`)).by;
  expect(await on('2026-12-31')).toEqual(['PractitionerRole/late1']);
  expect(await on('2027-01-01')).toEqual([]);
  expect(await on('2027-03-02')).toEqual(['PractitionerRole/late2']);
});

test('location and specialty limit the answer', async () => {
  const by = async (more: string) => (await ask(`plan=ip2&provider=Practitioner/busy&${more}`)).by;
  expect(await by('location=Location/loc1')).toEqual(['PractitionerRole/busy1']);
  expect(await by('location=Location/area1')).toEqual([]);
  expect(await by('specialty=207r00000x')).toEqual(['PractitionerRole/busy1']);
  expect(await by('specialty=http://nucc.org/provider-taxonomy|207R00000X')).toEqual(['PractitionerRole/busy1']);
  expect(await by('specialty=urn:other|207R00000X')).toEqual([]);
});

test('a network that is named by words alone may be the one', async () => {
  const words = { url: `${PN}/StructureDefinition/network-reference`, valueReference: { display: 'Oak Gold' } };
  const member = { organization: ref('Organization/clinic1') };
  const own = await directory([
    ...FIXTURE,
    person('worded'),
    role('worded1', 'worded', { extension: [words], ...member }),
    person('both'),
    role('both1', 'both', { extension: [words] }),
    role('both2', 'both', { extension: [network('Organization/net1')] }),
    // another network by reference, and one by words beside it
    person('mixed'),
    role('mixed1', 'mixed', { extension: [network('Organization/other'), words] }),
    person('elsewhere'),
    role('elsewhere1', 'elsewhere', { extension: [network('Organization/other')] }),
    org('partly', 'prvgrp'),
    {
      resourceType: 'OrganizationAffiliation',
      id: 'partly1',
      active: true,
      participatingOrganization: ref('Organization/partly'),
      network: [ref('Organization/other'), { display: 'Oak Gold' }],
    },
    person('former'),
    role('former1', 'former', { extension: [words], period: { end: '2020-01-01' } }),
    org('wordy', 'prvgrp'),
    {
      resourceType: 'OrganizationAffiliation',
      id: 'wordy1',
      active: true,
      participatingOrganization: ref('Organization/wordy'),
      network: [{ identifier: { system: 'urn:n', value: 'N1' } }],
    },
    person('through'),
    role('through1', 'through', { organization: ref('Organization/wordy') }),
    person('left'),
    role('left1', 'left', { organization: ref('Organization/wordy'), period: { end: '2020-01-01' } }),
  ]);
  try {
    const about = async (provider: string) => {
      const answer = (await (await own.get(`$in-network?plan=ip1&provider=${provider}`)).json()) as Parameters;
      const outcome = answer.parameter?.find((p) => p.name === 'outcome')?.resource as OperationOutcome | undefined;
      return [value(answer.parameter, 'result'), outcome?.issue.map((i) => i.details?.coding?.[0]?.code) ?? []];
    };
    const judged = async () => {
      expect(await about('Practitioner/worded')).toEqual(['unknown', ['network-in-words']]);
      expect(await about('Organization/wordy')).toEqual(['unknown', ['network-in-words']]);
      expect(await about('Practitioner/through')).toEqual(['unknown', ['network-in-words']]);
      expect(await about('Practitioner/mixed')).toEqual(['unknown', ['network-in-words']]);
      expect(await about('Organization/partly')).toEqual(['unknown', ['network-in-words']]);
      expect(await about('Practitioner/elsewhere')).toEqual(['not-listed', []]);
      expect(await about('Practitioner/left')).toEqual(['not-listed', []]);
      expect(await about('Practitioner/both')).toEqual(['in-network', ['unverified']]);
      expect(await about('Practitioner/former')).toEqual(['not-listed', []]);
    };
    await judged();
    // an index of an older program has no marks of it
    await own.database.sql`update directory.state set extraction_version = 13, change = change + 1`;
    await own.database
      .sql`update directory.resource set params = array(select p from unnest(params) p where p < 10000)`;
    await judged();
  } finally {
    await own.close();
  }
});

test('what cannot be known is not said', async () => {
  expect(await ask('plan=bare&provider=Practitioner/p1')).toMatchObject({
    result: 'unknown',
    remarks: ['plan-without-network'],
  });
  // two records share the NPI and only one of them is listed
  expect(await ask('network=net3&npi=9000000031')).toMatchObject({
    result: 'unknown',
    by: ['PractitionerRole/twin1r'],
    remarks: ['ambiguous', 'unverified'],
  });
  expect(await ask('network=net1&npi=9000000031')).toMatchObject({ result: 'not-listed', remarks: ['ambiguous'] });
  expect((await ask('plan=ip1&provider=Practitioner/p1&date=2030-01-01')).remarks).toContain('plan-other-time');
});

test('of plans that one name fits those of the day are meant, and all of them have to agree', async () => {
  const plan = (id: string, more: object): Resource => ({
    resourceType: 'InsurancePlan',
    id,
    status: 'active',
    name: id,
    ...more,
  });
  const number = (value: string) => [{ system: 'urn:plans', value }];
  const more = await directory([
    ...FIXTURE,
    ...MORE,
    plan('year26', {
      identifier: number('Y'),
      period: { start: '2026-01-01', end: '2026-12-31' },
      network: [ref('Organization/net2')],
    }),
    plan('year27', {
      identifier: number('Y'),
      period: { start: '2027-01-01', end: '2027-12-31' },
      network: [ref('Organization/net3')],
    }),
    plan('Z', { network: [ref('Organization/net2')] }),
    plan('other', { identifier: number('Z'), network: [ref('Organization/net3')] }),
    plan('W', { network: [ref('Organization/net2'), ref('Organization/net3')] }),
    plan('also', { identifier: number('W'), network: [ref('Organization/net3')] }),
    org('net9', 'ntwk', { identifier: [{ value: 'net3' }], partOf: ref('Organization/payer1') }),
  ]);
  try {
    const answer = async (asked: string) => {
      const response = await more.get(`$in-network?${asked}&provider=Practitioner/twin1`);
      const { parameter } = (await response.json()) as Parameters;
      const outcome = parameter?.find((p) => p.name === 'outcome')?.resource as OperationOutcome | undefined;
      const codes = outcome?.issue.map((i) => i.details?.coding?.[0]?.code) ?? [];
      return [value(parameter, 'result'), values(parameter, 'plan').sort(), codes.includes('several-fit')];
    };
    // twin1 is in net3
    expect(await answer('plan=Y')).toEqual(['in-network', ['InsurancePlan/year27'], false]);
    expect(await answer('plan=Y&date=2026-06-01')).toEqual(['not-listed', ['InsurancePlan/year26'], false]);
    expect(await answer('plan=Z')).toEqual(['unknown', ['InsurancePlan/Z', 'InsurancePlan/other'], true]);
    expect(await answer('plan=InsurancePlan/Z')).toEqual(['not-listed', ['InsurancePlan/Z'], false]);
    expect(await answer('plan=urn:plans|Z')).toEqual(['in-network', ['InsurancePlan/other'], false]);
    expect(await answer('plan=W')).toEqual(['in-network', ['InsurancePlan/W', 'InsurancePlan/also'], true]);
    // plans that are named one by one are alternatives
    expect(await answer('plan=InsurancePlan/Z,InsurancePlan/other')).toEqual([
      'in-network',
      ['InsurancePlan/Z', 'InsurancePlan/other'],
      false,
    ]);
    expect(await answer('network=net3')).toEqual(['unknown', [], true]);
    expect(await answer('network=Organization/net3')).toEqual(['in-network', [], false]);
  } finally {
    await more.close();
  }
});

test.each([
  ['npi=9000000015', 400, 'required'],
  ['plan=ip1', 400, 'required'],
  ['plan=ip1&npi=9000000015&provider=Practitioner/p1', 400, 'required'],
  ['plan=ip1&npi=9000000016', 400, 'value'],
  ['plan=ip1&npi=9000000015&date=2027-02-30', 400, 'value'],
  ['plan=ip1&provider=Location/loc1', 400, 'value'],
  ['plan=ip1&provider=p1', 400, 'value'],
  ['plan=Organization/net1&provider=Practitioner/p1', 400, 'value'],
  ['network=Organization/clinic1&provider=Practitioner/p1', 400, 'value'],
  ['plan=ip1&npi=9000000015&nonsense=1', 400, 'not-supported'],
  ['plan=ip1&npi=9000000015&specialty=%00', 400, 'value'],
  ['plan=nothing&npi=9000000015', 404, 'not-found'],
  ['network=Organization/nothing&npi=9000000015', 404, 'not-found'],
  ['plan=ip1&npi=9000000098', 404, 'not-found'],
  ['plan=ip1&provider=Practitioner/nobody', 404, 'not-found'],
  ['plan=ip1&provider=Practitioner/p1&location=Location/nowhere', 404, 'not-found'],
])('%s answers %i', async (query, status, code) => {
  const response = await d.get(`$in-network?${query}`);
  expect([response.status, (await body(response)).issue?.[0]?.code]).toEqual([status, code]);
  expect(response.headers.get('cache-control')).toBe('no-store');
});

test('POST: Parameters and a form ask the same; other methods do not', async () => {
  const post = (type: string, text: string) =>
    d.app.request('/directory/fhir/$in-network', { method: 'POST', body: text, headers: { 'content-type': type } });
  const question: Parameters = {
    resourceType: 'Parameters',
    parameter: [
      { name: 'plan', valueIdentifier: { system: 'http://cms.gov/medicare/ma-plan-id', value: 'H1234-001' } },
      { name: 'provider', valueReference: { reference: 'Practitioner/p1' } },
      { name: 'date', valueDate: '2027-03-01' },
    ],
  };
  const wanted = await (await d.get('%24in-network?plan=ip1&provider=Practitioner/p1')).text();
  expect(await (await post('application/fhir+json', JSON.stringify(question))).text()).toBe(wanted);
  expect(await (await post('application/x-www-form-urlencoded', 'plan=ip1&provider=Practitioner%2Fp1')).text()).toBe(
    wanted,
  );
  expect((await post('application/fhir+json', '{')).status).toBe(400);
  expect((await post('application/fhir+json', '{"resourceType":"Patient"}')).status).toBe(422);
  expect(
    (await post('application/fhir+json', '{"resourceType":"Parameters","parameter":[{"name":"plan"}]}')).status,
  ).toBe(422);
  expect((await post('text/plain', 'plan=ip1')).status).toBe(415);
  expect((await post('application/fhir+json', ' '.repeat(70_000))).status).toBe(413);
  const put = await d.get('$in-network', {}, 'PUT');
  expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
});

test('the entity tag is the change counter and the day: it holds until the directory changes', async () => {
  const own = await directory();
  const path = '$in-network?plan=ip1&provider=Practitioner/p1';
  const etag = (await own.get(path)).headers.get('etag') ?? '';
  expect(etag).toBe('W/"1-2027-03-01"');
  const again = await own.get(path, { 'if-none-match': etag });
  expect([again.status, await again.text()]).toEqual([304, '']);
  expect((await own.get(`${path}&_format=jws`, { 'if-none-match': etag })).status).toBe(200);
  await own.load([deletion('PractitionerRole/r1')]);
  const after = await own.get(path, { 'if-none-match': etag });
  expect([after.status, after.headers.get('etag')]).toEqual([200, 'W/"2-2027-03-01"']);
  expect(value(((await after.json()) as Parameters).parameter, 'result')).toBe('not-listed');
  await own.load([deletion('Practitioner/p1')]);
  const gone = await own.get(path);
  expect([gone.status, (await body(gone)).issue?.[0]?.code]).toEqual([410, 'deleted']);
  await own.load(entries(FIXTURE));
  expect((await own.get(path)).status).toBe(200);
  await own.close();
});

test('the signed form holds the same Parameters and is checked by anyone with the published keys', async () => {
  const path = '$in-network?plan=ip1&npi=9000000015';
  const plain = await (await d.get(path)).text();
  const signed = await d.get(`${path}&_format=jws`);
  expect(signed.headers.get('content-type')).toBe('application/jose');
  const byAccept = await d.get(path, { accept: 'application/jose' });
  expect(byAccept.headers.get('content-type')).toBe('application/jose');
  const statement = await signed.text();
  const published = (await (await d.app.request(JWKS_PATH)).json()) as JSONWebKeySet;
  expect(published.keys.every((k) => !('d' in k))).toBe(true);
  const verified = await compactVerify(statement, createLocalJWKSet(published));
  expect(new TextDecoder().decode(verified.payload)).toBe(plain);
  expect(verified.protectedHeader).toMatchObject({
    alg: 'ES384',
    typ: 'in-network+jws',
    iss: ORIGIN,
    iat: 1_803_902_400,
  });
  expect(
    await checkStatement(`> ${statement.slice(0, 90)}\r\n> ${statement.slice(90)}\n"`, published.keys, ORIGIN),
  ).toMatchObject({
    ok: true,
    signedAt: new Date('2027-03-01T12:00:00Z'),
  });
});

test('one character changed anywhere is noticed', async () => {
  const statement = await (await d.get('$in-network?plan=ip1&npi=9000000015&_format=jws')).text();
  const { keys } = (await (await d.app.request(JWKS_PATH)).json()) as JSONWebKeySet;
  const step = Math.ceil(statement.length / 60);
  let checked = 0;
  for (let i = 0; i < statement.length; i += step) {
    if (statement[i] === '.') continue;
    const other = statement[i] === 'A' ? 'B' : 'A';
    const result = await checkStatement(statement.slice(0, i) + other + statement.slice(i + 1), keys, ORIGIN);
    expect(result.ok, `character ${i}`).toBe(false);
    checked++;
  }
  expect(checked).toBeGreaterThan(50);
  expect(await checkStatement('hello', keys, ORIGIN)).toMatchObject({ fault: 'not-one' });
  expect(await checkStatement(statement, keys, 'https://other.example')).toMatchObject({
    fault: 'other-issuer',
    issuer: ORIGIN,
  });
});

test('a statement stays good when the key was rotated, and not when its key is withdrawn', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-keys-'));
  const statement = await signStatement('{"resourceType":"Parameters"}', fileKeys(folder), ORIGIN, new Date());
  const kid = await makeKey(folder, 'directory');
  const rotated = fileKeys(folder);
  expect((await rotated.signing('directory')).kid).toBe(kid);
  const published = await rotated.published('directory');
  expect(published).toHaveLength(2);
  expect(await checkStatement(statement, published, ORIGIN)).toMatchObject({ ok: true });
  expect(await checkStatement(statement, published.slice(1), ORIGIN)).toMatchObject({ fault: 'unknown-key' });
  // from the environment: the new private key, and the public halves of the former ones
  const given = fileKeys(
    folder,
    { directory: JSON.stringify(await rotated.signing('directory')) },
    { directory: JSON.stringify({ keys: published.slice(0, 1) }) },
  );
  expect(await checkStatement(statement, await given.published('directory'), ORIGIN)).toMatchObject({ ok: true });
});

test('the offline check of docs/in-network.md works, with nothing but Node', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-check-'));
  const script = /```js\n([\s\S]*?)```/.exec(readFileSync('docs/in-network.md', 'utf8'))?.[1] ?? '';
  const statement = await (await d.get('$in-network?plan=ip1&npi=9000000015&_format=jws')).text();
  writeFileSync(join(folder, 'check.mjs'), script);
  writeFileSync(join(folder, 'keys.json'), await (await d.app.request(JWKS_PATH)).text());
  const run = (text: string) => {
    writeFileSync(join(folder, 'statement.jws'), text);
    return execFileSync(process.execPath, ['check.mjs', 'statement.jws', 'keys.json'], {
      cwd: folder,
      encoding: 'utf8',
    });
  };
  expect(JSON.parse(run(statement))).toMatchObject({ resourceType: 'Parameters' });
  const [header = '', payload = '', signature = ''] = statement.split('.');
  expect(run(`${header}.${payload.replace(/.$/, payload.endsWith('A') ? 'Q' : 'A')}.${signature}`)).toMatch(
    /^This is not/,
  );
  rmSync(folder, { recursive: true });
});

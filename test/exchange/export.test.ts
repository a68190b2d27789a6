// What an export answers to its parameters, and in which form.
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { walkContent } from '../../exchange/compliance/export-check/check-files.ts';
import { EXPORT_ORDER } from '../../exchange/records/facts/record-types.ts';
import { claimJob } from '../../exchange/responder/bulk-job.ts';
import { elementsOf, withElements } from '../../exchange/responder/export/elements.ts';
import r4 from '../../src/fhir/validate/tables/r4.json' with { type: 'json' };
import { startNode, type TestNode } from '../support/node.ts';
import { type Answer, ExportClient, keysOf } from './export-client.ts';
import { BULK_MATCH, client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, parts, US } from './plan-fixture.ts';

const { rivera, robert, short } = PEOPLE;
const ana = idOf(rivera);
const ONE_MATCH = 'http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match';
let node: TestNode;
let them: ExportClient;
let other: ExportClient;
let group: string;
let place: string;

const loinc = { coding: [{ system: 'http://loinc.org', code: '718-7' }] };
const lab = (id: string, when: string, member = ana) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: loinc,
  subject: { reference: `Patient/${member}` },
  effectiveDateTime: when,
  valueQuantity: { value: 13.2, unit: 'g/dL' },
});
const claim = (id: string, start: string, end: string) => ({
  resourceType: 'ExplanationOfBenefit',
  id,
  status: 'active',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
  use: 'claim',
  patient: { reference: `Patient/${ana}` },
  created: end,
  insurer: { display: 'us' },
  provider: { display: 'somebody' },
  outcome: 'complete',
  insurance: [{ focal: true, coverage: { reference: 'Coverage/c' } }],
  billablePeriod: { start, end },
});
const provenance = (id: string, recorded: string) => ({
  resourceType: 'Provenance',
  id,
  target: [{ reference: 'Observation/o1' }],
  recorded,
  agent: [{ who: { display: 'a laboratory' } }],
});

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name }, {}, { exportOpenPerPeer: 4 });
  them = new ExportClient(
    node,
    await client(node, 'a', { npi: ASKER.npi, scopes: [BULK_MATCH, ONE_MATCH, 'system/*.rs'] }),
  );
  other = new ExportClient(node, await client(node, 'b', { npi: ASKER.npi }));
  await them.signIn();
  await other.signIn();
  await enrol(node.deps, Object.values(PEOPLE), [
    lab('o1', '2026-01-10T08:00:00Z'),
    lab('o2', '2026-03-01'),
    lab('o3', '2026-03-02', idOf(robert)),
    claim('e1', '2025-12-20', '2026-01-05'),
    claim('e2', '2026-02-01', '2026-02-02'),
    provenance('p1', '2026-01-11T00:00:00Z'),
    provenance('p2', '2026-01-12T00:00:00Z'),
  ]);
  group = await them.group([card(rivera), card(robert)]);
  place = `Group/${group}`;
});
afterAll(() => node.close());

const ids = async (query: string, at = `${place}/$export`) =>
  keysOf(await them.output((await them.finished(await them.get(at, query))).manifest));

describe('scopes of Group', () => {
  afterAll(() => them.signIn());
  test.each([
    ['system/Group.rs system/Observation.rs', [200, 200, 200, 202]],
    ['system/Group.read system/Observation.read', [200, 200, 200, 202]],
    ['system/Group.r system/Observation.r', [200, 200, 403, 202]],
    ['system/Group.s system/Observation.rs', [403, 403, 200, 403]],
    ['system/Observation.rs', [403, 403, 403, 403]],
  ])('%s', async (scope, expected) => {
    await them.signIn(scope);
    const kick = await them.get(`${place}/$export`, '_type=Observation');
    if (kick.status === 202) await them.call(kick.header('content-location') ?? '', { method: 'DELETE' });
    const reads = [`/${place}`, `/${place}/_history/1`, '/Group'];
    const found = await Promise.all(reads.map(async (path) => (await them.call(path)).status));
    expect([...found, kick.status]).toEqual(expected);
  });

  test.each([
    // the least that would do, and not a wildcard that a client may not be registered for
    ['system/Observation.rs', () => `/${place}/$export`, 'system/Group.r'],
    ['system/Group.rs system/Observation.rs', () => `/${place}/$export?_type=Condition`, 'system/Condition.r'],
    // an answer with nothing in it would be taken for a history with nothing in it
    ['system/Group.rs', () => `/${place}/$export`, 'system/*.r'],
    [BULK_MATCH, () => `/Observation/o1`, 'system/Observation.r'],
    [BULK_MATCH, () => '/Observation?patient=x', 'system/Observation.s'],
    [BULK_MATCH, () => '/Binary/x', 'system/DocumentReference.r'],
  ])('who has %s alone and asks %s is reported what is missing', async (scope, path, missing) => {
    await them.signIn(scope);
    const answer = await them.call(path(), { headers: { prefer: 'respond-async' } });
    expect([answer.status, answer.header('www-authenticate')]).toEqual([
      403,
      `Bearer realm="fhir", error="insufficient_scope", scope="${missing}"`,
    ]);
  });
});

test.each([
  ['application/fhir+json;q=0', 406],
  ['application/fhir+json;q=0, application/json', 202],
  ['Application/FHIR+JSON; q=0.5', 202],
  ['application/fhir+json; fhirVersion=3.0', 406],
  ['application/fhir+json; fhirVersion=4.0', 202],
])('a kick-off that accepts %s', async (accept, status) => {
  const kick = await them.get(`${place}/$export`, '_type=Patient&_outputFormat=NDJSON', { accept });
  expect(kick.status).toBe(status);
  if (status === 202) await them.call(kick.header('content-location') ?? '', { method: 'DELETE' });
});

test('Groups are searched by POST too, as records are', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const post = (path: string, type = headers['content-type']) =>
    them.call(path, { method: 'POST', headers: { 'content-type': type } });
  const [, ...query] = place.split('/');
  const found = (await post(`/Group/_search?_id=${query[0]}&code=match`)).json();
  expect([found.total, found.entry[0].resource.id]).toEqual([1, query[0]]);
  expect((await post('/Group/_search?_id=nobody')).json().total).toBe(0);
  expect((await post('/Group/_search', 'application/fhir+json')).status).toBe(415);
  expect((await them.call('/Group/_search')).status).toBe(405);
});

test('_format and _pretty belong to every request and to no operation: clients add them to the address of a POST too', async () => {
  const stop = async (status: string | undefined) => them.call(status ?? '', { method: 'DELETE' });
  const query = await them.get(`${place}/$export`, '_type=Patient&_format=json&_pretty=true');
  const body = await them.kick(`${place}/$export?_format=application/fhir%2Bjson`, [
    { name: '_type', valueString: 'Patient' },
  ]);
  expect([query.status, body.status]).toEqual([202, 202]);
  for (const kick of [query, body]) await stop(kick.header('content-location'));
  expect((await them.get(`${place}/$export`, '_format=xml')).status).toBe(406);
  expect(
    (await them.kick(`${place}/$export?_since=2020-01-01T00:00:00Z`, [{ name: '_type', valueString: 'Patient' }]))
      .status,
  ).toBe(400);
  expect((await them.call(`/${place}?_format=xml`)).status).toBe(406);
});

describe('_typeFilter', () => {
  const of = (filter: string, type = 'ExplanationOfBenefit') =>
    ids(`_type=${type}&_typeFilter=${encodeURIComponent(filter)}`);

  test.each([
    ['ExplanationOfBenefit?service-date=ge2026-02-01', ['e2']],
    ['ExplanationOfBenefit?service-date=ge2026-01-05', ['e1', 'e2']],
    ['ExplanationOfBenefit?service-date=gt2026-01-05', ['e2']],
    ['ExplanationOfBenefit?service-date=lt2026-02', ['e1']],
    ['ExplanationOfBenefit?service-date=le2025-12-20', ['e1']],
    ['ExplanationOfBenefit?service-date=2026', ['e2']],
    ['ExplanationOfBenefit?service-date=ne2026', ['e1']],
    ['ExplanationOfBenefit?service-date=sa2026-01-05', ['e2']],
    ['ExplanationOfBenefit?service-date=eb2026-02-01', ['e1']],
    ['ExplanationOfBenefit?service-date=ge2026-01-01&service-date=lt2026-02-01', ['e1']],
    ['ExplanationOfBenefit?_id=e2,e9', ['e2']],
    ['ExplanationOfBenefit?type=professional&use=claim', ['e1', 'e2']],
    ['ExplanationOfBenefit?type=http://terminology.hl7.org/CodeSystem/claim-type|oral', []],
    // written as a URL is
    [
      'ExplanationOfBenefit?type=http%3A%2F%2Fterminology.hl7.org%2FCodeSystem%2Fclaim-type%7Cprofessional',
      ['e1', 'e2'],
    ],
    // of one type several filters are or
    ['ExplanationOfBenefit?_id=e1,ExplanationOfBenefit?_id=e2', ['e1', 'e2']],
  ])('%s', async (filter, expected) => {
    expect(await of(filter)).toEqual(expected.map((id) => `ExplanationOfBenefit/${id}`));
  });

  test('knows _id and _lastUpdated of every type that is exported, also where nothing else is asked', async () => {
    const all = await ids('_type=Patient,Coverage');
    expect(all.length).toBeGreaterThan(1);
    for (const one of all) {
      const [type, id] = one.split('/') as [string, string];
      expect(await of(`${type}?_id=${id}&_lastUpdated=ge2000-01-01`, type)).toEqual([one]);
      expect(await of(`${type}?_lastUpdated=lt2000-01-01`, type)).toEqual([]);
    }
  });

  test('narrows its own type only', async () => {
    expect(await of('Observation?date=ge2026-03', 'Observation,ExplanationOfBenefit')).toEqual([
      'ExplanationOfBenefit/e1',
      'ExplanationOfBenefit/e2',
      'Observation/o2',
      'Observation/o3',
    ]);
  });

  test.each([
    'Observation?_include=Observation:subject',
    'Observation?subject.name=x',
    'Observation?_has:Provenance:target:agent=x',
    'Observation?date:missing=true',
    'Observation?date=ge20-x',
    'Observation?date=',
    'Observation?code=%ff',
    'Observation?_sort=date',
    'Nothing?a=b',
    'constructor?a=b',
    'Observation',
    `Observation?_id=${Array.from({ length: 101 }, (_, i) => i).join(',')}`,
    Array.from({ length: 21 }, () => 'Observation?_id=1').join(','),
  ])('%s is 400; lenient ignores it on $export and never on $davinci-data-export', async (filter) => {
    const query = `_typeFilter=${encodeURIComponent(filter)}`;
    const strict = await them.get(`${place}/$export`, query);
    expect([strict.status, strict.json().issue[0].code]).toEqual([400, 'not-supported']);
    const lenient = { prefer: 'respond-async, handling=lenient' };
    expect((await them.get(`${place}/$davinci-data-export`, query, lenient)).status).toBe(400);
    const { manifest } = await them.finished(await them.get(`${place}/$export`, `${query}&_type=Patient`, lenient));
    expect(manifest.error).toMatchObject([{ count: 2 }]);
  });
});

describe('_elements', () => {
  test('keeps what was asked for, what R4 requires and what identifies, tagged', async () => {
    const { manifest } = await them.finished(
      await them.get(`${place}/$export`, '_type=Observation,Patient&_elements=Observation.value,id'),
    );
    const all = await them.output(manifest);
    const o1 = all.find((r) => r['id'] === 'o1');
    expect(Object.keys(o1 ?? {}).sort()).toEqual(['code', 'id', 'meta', 'resourceType', 'status', 'valueQuantity']);
    expect(o1?.['meta']).toMatchObject({ tag: [{ code: 'SUBSETTED' }] });
    const patient = all.find((r) => r['id'] === ana);
    expect(Object.keys(patient ?? {}).sort()).toEqual(['id', 'meta', 'resourceType']);
  });
  test('of every type the choices of R4 are kept by their name, whatever type they have, and elements without a choice by theirs', () => {
    const lost: string[] = [];
    for (const type of EXPORT_ORDER)
      for (const element of ((r4.types as Record<string, string>)[type] ?? '').split('|').slice(1)) {
        const [written = '', , types = ''] = element.split(' ');
        const name = written.replace('[x]', '');
        const key = name === written ? name : `${name}${types.charAt(0).toUpperCase()}${types.slice(1).split(',')[0]}`;
        const stay = elementsOf(type, [name]) ?? new Set<string>();
        const left = JSON.parse(withElements(`{"resourceType":"${type}","${key}":1}`, stay)) as object;
        if (!(key in left)) lost.push(`${type}.${key}`);
      }
    expect(lost).toEqual([]);
  });
  test.each(['../../x', 'Observation.value.code', '', 'a b', 'Observation.'])('%s is 400', async (elements) => {
    const answer = await them.get(`${place}/$export`, `_elements=${encodeURIComponent(elements)}`);
    expect(answer.status).toBe(400);
  });
});

describe('includeAssociatedData', () => {
  const stored = async (query: string) =>
    (await ids(query)).filter((k) => k === 'Provenance/p1' || k === 'Provenance/p2');
  test('all by default, the newest of each record when asked, the wider of two', async () => {
    expect(await stored('_type=Observation,Provenance')).toEqual(['Provenance/p1', 'Provenance/p2']);
    expect(await stored('_type=Observation')).toEqual([]);
    expect(await stored('_type=Observation&includeAssociatedData=LatestProvenanceResources')).toEqual([
      'Provenance/p2',
    ]);
    expect(
      await stored('_type=Observation&includeAssociatedData=LatestProvenanceResources,RelevantProvenanceResources'),
    ).toEqual(['Provenance/p1', 'Provenance/p2']);
    expect((await them.get(`${place}/$export`, 'includeAssociatedData=_custom')).status).toBe(400);
  });

  test('asked for by name it is about what comes with it, and no more: by type, by filter, in blocks too', async () => {
    const relevant = 'includeAssociatedData=RelevantProvenanceResources';
    expect(await stored(`_type=Patient&${relevant}`)).toEqual([]);
    expect(
      await stored(`_type=Observation&_typeFilter=${encodeURIComponent('Observation?_id=other')}&${relevant}`),
    ).toEqual([]);
    const blocks = `_type=Observation&organizeOutputBy=Patient&${relevant}`;
    expect(await stored(blocks)).toEqual(['Provenance/p1', 'Provenance/p2']);
    expect(await stored(blocks.replace('Observation', 'Patient'))).toEqual([]);
  });
});

describe('_since and _until', () => {
  const bounds = async () => {
    const rows = await node.deps.database.sql<{ at: Date }[]>`
      select last_updated as at from exchange.resource where id = 'o1' and member_id = ${ana}`;
    return rows[0]?.at ?? new Date(0);
  };
  test('_until leaves out what was written at it or later', async () => {
    const at = await bounds();
    expect(await ids(`_type=Observation&_until=${new Date(at.getTime()).toISOString()}`)).toEqual([]);
    expect(await ids(`_type=Observation&_until=${new Date(at.getTime() + 1).toISOString()}`)).toHaveLength(3);
  });
  test.each([
    '_until=2020-01-01T00:00:00Z&_since=2020-01-01T00:00:00Z',
    '_since=0000-01-01T00:00:00Z',
    '_since=9999-01-01T00:00:00Z',
    '_since=2020-01-01T00:00:00%2B14:01',
    '_since=2020-01-01T00:00:00Z&_since=2021-01-01T00:00:00Z',
    '_since=2020-01-01T00:00:00Z%0d%0aX-Bad:1',
    '_until=yesterday',
    'organizeOutputBy=Encounter',
    'allowPartialManifests=maybe',
    'exportType=hl7.fhir.us.davinci-pdex%23payertopayer',
    `patient=Patient/x`,
    '_outputFormat=text/html',
    `_typeFilter=${encodeURIComponent('Observation?code=a\0b')}`,
    '_type=Claim',
    'nothing=1',
    '__proto__=1',
    'constructor=1',
  ])('%s is 400', async (query) => {
    const answer = await them.get(`${place}/$export`, query);
    expect([answer.status, answer.json().resourceType]).toEqual([400, 'OperationOutcome']);
  });
  test.each<[string, unknown]>([
    ['a Bundle', { resourceType: 'Bundle' }],
    ['a list', []],
    ['nothing as a parameter', { resourceType: 'Parameters', parameter: [null] }],
    [
      'one parameter, not in a list',
      { resourceType: 'Parameters', parameter: { name: '_type', valueString: 'Patient' } },
    ],
    ['no value', { resourceType: 'Parameters', parameter: [{ name: '_type' }] }],
    ['NUL', { resourceType: 'Parameters', parameter: [{ name: '_typeFilter', valueString: 'Observation?code=\0' }] }],
    [
      'half',
      { resourceType: 'Parameters', parameter: [{ name: '_typeFilter', valueString: 'Observation?code=\ud800' }] },
    ],
  ])('a body that is %s is 400', async (_, body) => {
    const answer = await them.call(`/${place}/$export`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/fhir+json', prefer: 'respond-async' },
    });
    expect([answer.status, answer.json().resourceType]).toEqual([400, 'OperationOutcome']);
  });
  test('a POST without a body takes its parameters from its address, as some clients write them', async () => {
    const kick = await them.call(`/${place}/$export?_type=Patient&_since=2020-01-01T00:00:00Z`, {
      method: 'POST',
      headers: { prefer: 'respond-async', 'content-type': 'application/fhir+json' },
    });
    const { manifest } = await them.finished(kick);
    expect(manifest.output.map((f) => f.type)).toEqual(['Patient']);
    expect(manifest.request).toBe(`${them.fhir}/${place}/$export?_type=Patient&_since=2020-01-01T00:00:00Z`);
  });

  test('a parameter with two values is 400: one of them would be ignored', async () => {
    const both = { name: '_type', valueString: 'Patient', valueCode: 'Observation' };
    expect((await them.kick(`${place}/$export`, [both])).status).toBe(400);
  });

  test('a plus in _outputFormat may stand as it is', async () => {
    const kick = await them.get(`${place}/$export`, '_type=Patient&_outputFormat=application/fhir+ndjson');
    expect(kick.status).toBe(202);
    await them.finished(kick);
  });
  test('NUL in a path is a path that is not there', async () => {
    for (const path of ['/Group/a%00', '/Group/a%00/$export', '/$export-status/%00', '/Patient/%00/$everything'])
      expect((await them.call(path, { headers: { prefer: 'respond-async' } })).status, path).toBe(404);
  });
  test('lenient ignores what it does not know and says so', async () => {
    const kick = await them.get(`${place}/$export`, '_type=Patient&whatever=Patient&nothing=1', {
      prefer: 'handling=lenient, respond-async',
    });
    const { manifest } = await them.finished(kick);
    expect(manifest.error).toMatchObject([{ count: 3 }]);
    // what only another operation knows as well
    const sizes = [
      { name: '_minimumFileSize', valuePositiveInt: 1000 },
      { name: '_maximumFileSize', valuePositiveInt: 5 },
    ];
    const lenient = await them.kick(`${place}/$export`, sizes, { prefer: 'respond-async, handling=lenient' });
    expect((await them.finished(lenient)).manifest.error).toMatchObject([{ count: 3 }]);
  });
});

describe('levels', () => {
  test('a peer gets no system export', async () => {
    for (const path of ['/$export', '/%24export']) {
      const answer = await them.call(path, { headers: { prefer: 'respond-async' } });
      expect([answer.status, answer.json().issue[0].code]).toEqual([403, 'forbidden']);
    }
    expect((await them.call('/$export', { token: null })).status).toBe(401);
  });

  test('Patient/$export holds the members matched for the peer, alone or in bulk, and no one else', async () => {
    expect(await ids('_type=Patient', 'Patient/$export')).toEqual(keysOf([ana, idOf(robert)].map(patientOf)));
    const single = parts(card(short));
    const matched = await them.call('/Patient/$member-match', {
      method: 'POST',
      token: await them.peer.token(ONE_MATCH),
      headers: { 'content-type': 'application/fhir+json' },
      body: {
        resourceType: 'Parameters',
        parameter: [
          { name: 'MemberPatient', resource: single.patient },
          { name: 'CoverageToMatch', resource: single.coverageToMatch },
          { name: 'CoverageToLink', resource: single.coverageToLink },
          { name: 'Consent', resource: single.consent },
        ],
      },
    });
    expect(matched.status).toBe(200);
    const all = [ana, idOf(robert), idOf(short)];
    expect(await ids('_type=Patient', 'Patient/$export')).toEqual(keysOf(all.map(patientOf)));
    const { manifest } = await other.finished(await other.get('Patient/$export', '_type=Patient'));
    expect(manifest.output).toEqual([]);
  });
  const patientOf = (id: string) => ({ resourceType: 'Patient', id });

  test('patient: an error of $export, the same for a stranger and for no one; left out when lenient', async () => {
    const named = (id: string) => [
      { name: 'patient', valueReference: { reference: `Patient/${ana}` } },
      { name: 'patient', valueReference: { reference: id.includes('/') ? id : `Patient/${id}` } },
      { name: '_type', valueString: 'Patient' },
    ];
    const bodies = new Set<string>();
    const elsewhere = `https://other.example/fhir/Patient/${idOf(robert)}`;
    for (const id of [idOf(PEOPLE.double), 'nobody', elsewhere]) {
      const answer = await them.kick(`${place}/$export`, named(id));
      expect(answer.status).toBe(400);
      bodies.add(answer.bytes.toString());
    }
    expect(bodies.size).toBe(1);
    const { manifest } = await them.finished(
      await them.kick(`${place}/$export`, named('nobody'), { prefer: 'respond-async, handling=lenient' }),
    );
    expect(keysOf(await them.output(manifest))).toEqual([`Patient/${ana}`]);
    expect(manifest.error).toMatchObject([{ count: 2 }]);
    const many = Array.from({ length: 5001 }, (_, i) => ({
      name: 'patient',
      valueReference: { reference: `Patient/${i}` },
    }));
    expect((await them.kick(`${place}/$export`, many)).status).toBe(413);
  });
});

/** The least that a client may ask for as the maximum. */
const LEAST = 65_536;
/** Has a job that waits make smaller files than anyone may ask for: there are few records here. */
const withFilesOf = (kick: Answer, most: number) => node.deps.database.sql`
  update exchange.bulk_job set parameters = jsonb_set(parameters, '{maximumFileSize}', ${String(most)}::text::jsonb)
  where id = ${kick.header('content-location')?.split('/').at(-1) ?? ''}`;

describe('forms', () => {
  test('the second and third edition', async () => {
    const { manifest } = await them.finished(await them.get(`${place}/$export`, '_type=Patient'));
    expect(manifest).toMatchObject({
      request: `${them.fhir}/${place}/$export?_type=Patient`,
      error: [{ count: 1 }],
      deleted: [],
    });
    expect(manifest.outcome).toBeUndefined();
  });

  test('the fourth: POST only, repeated parameters, Coding, outcome', async () => {
    const at = `${place}/$export-v4`;
    expect((await them.get(at, '_type=Patient')).status).toBe(405);
    expect((await them.kick(at, [{ name: '_type', valueString: 'Patient,Coverage' }])).status).toBe(400);
    const { manifest } = await them.finished(
      await them.kick(at, [
        { name: '_type', valueString: 'Patient' },
        { name: '_type', valueString: 'Observation' },
        { name: 'includeAssociatedData', valueCoding: { code: 'LatestProvenanceResources' } },
      ]),
    );
    expect([...new Set(manifest.output.map((f) => f.type))].sort()).toEqual(['Observation', 'Patient', 'Provenance']);
    expect(manifest).toMatchObject({
      outcome: [{ count: 1 }],
      manifestType: expect.stringContaining('BulkDataManifest'),
    });
    expect([manifest.request, manifest.error]).toEqual([undefined, undefined]);
  });

  test('organizeOutputBy: blocks of a patient, each under a header, without types', async () => {
    const kick = await them.get(`${place}/$export`, 'organizeOutputBy=Patient&_type=Patient,Observation,Provenance');
    const { manifest } = await them.finished(kick);
    expect(manifest).toMatchObject({ outputOrganizedBy: 'Patient' });
    expect(manifest.output).toHaveLength(1);
    expect(manifest.output[0]).not.toHaveProperty('type');
    const lines = await them.output(manifest);
    const blocks: Record<string, string[]> = {};
    let open = '';
    for (const line of lines) {
      const header = (line['parameter'] as { valueReference: { reference: string } }[] | undefined)?.[0];
      if (header) open = header.valueReference.reference;
      if (header) expect(blocks[open]).toBeUndefined();
      blocks[open] = [...(blocks[open] ?? []), line.resourceType];
    }
    expect(Object.keys(blocks).sort()).toEqual([`Patient/${ana}`, `Patient/${idOf(robert)}`].sort());
    for (const block of Object.values(blocks)) expect(block.slice(0, 2)).toEqual(['Parameters', 'Patient']);
    expect(blocks[`Patient/${idOf(robert)}`]?.sort()).toEqual(['Observation', 'Parameters', 'Patient', 'Provenance']);
    expect((await them.call(manifest.output[0]?.url ?? '')).header('content-disposition')).toContain('Patients.0');
    const faults: unknown[] = [];
    await walkContent(node.deps, undefined, (f) => void faults.push(f));
    expect(faults).toEqual([]);
    // a token for less than all that a file may hold does not open it
    const mine = await them.signIn();
    const less = await them.signIn('system/Group.rs system/Patient.rs');
    expect((await them.call(manifest.output[0]?.url ?? '', { token: less })).status).toBe(403);
    expect((await them.call(manifest.output[0]?.url ?? '', { token: mine })).status).toBe(200);
    await them.signIn();
  });

  test('organizeOutputBy: a block holds whom its records name, too, and nothing stands outside of blocks', async () => {
    const named = (id: string, member: string, clinic: string) => ({
      ...lab(id, '2026-03-03', member),
      performer: [{ reference: `Organization/${clinic}` }],
    });
    const clinic = (id: string, more: object = {}) => ({
      resourceType: 'Organization',
      id,
      active: true,
      name: `Place ${id}`,
      ...more,
    });
    const both = [named('n1', ana, 'of-both'), named('n2', idOf(robert), 'of-both'), named('n3', ana, 'of-one')];
    await enrol(
      node.deps,
      [],
      [clinic('of-both'), clinic('of-one', { partOf: { reference: 'Organization/above' } }), clinic('above'), ...both],
    );
    const parameters = 'organizeOutputBy=Patient&_type=Patient,Observation,Organization,Provenance';
    const { manifest } = await them.finished(await them.get(`${place}/$export`, parameters));
    const blocks: Record<string, string[]> = {};
    for (const { url } of manifest.output) {
      let open = '';
      for (const line of await them.lines(url)) {
        const [header] = (line['parameter'] as { valueReference: { reference: string } }[] | undefined) ?? [];
        open = header?.valueReference.reference ?? open;
        if (line.resourceType === 'Organization') blocks[open] = [...(blocks[open] ?? []), String(line['id'])].sort();
        expect(open).not.toBe('');
      }
    }
    expect(blocks).toEqual({
      [`Patient/${ana}`]: ['above', 'of-both', 'of-one'],
      [`Patient/${idOf(robert)}`]: ['of-both'],
    });
    const whole = await them.finished(
      await them.get(`${place}/$export`, '_type=Patient,Observation,Organization,Provenance'),
    );
    const keys = async (of: typeof manifest) =>
      [...new Set(keysOf(await them.output(of)))]
        .filter((k) => !k.startsWith('Parameters/') && !k.startsWith('Provenance/'))
        .sort();
    expect(await keys(manifest)).toEqual(await keys(whole.manifest));
    const faults: unknown[] = [];
    await walkContent(node.deps, undefined, (f) => void faults.push(f));
    expect(faults).toEqual([]);
    for (const { id } of both) await node.deps.database.sql`delete from exchange.resource where id = ${id}`;
  });

  test('the size of files is a wish of the fourth edition', async () => {
    const most = 900;
    const sizes = [{ name: '_maximumFileSize', valuePositiveInt: LEAST }];
    const kick = await them.kick(`${place}/$export-v4`, sizes);
    await withFilesOf(kick, most);
    const { manifest } = await them.finished(kick);
    const files = manifest.output as unknown as { type: string; fileSize: number; count: number }[];
    expect(files.filter((f) => f.type === 'ExplanationOfBenefit').length).toBeGreaterThan(1);
    for (const f of files) expect(f.fileSize <= most || f.count === 1).toBe(true);
    const whole = await them.finished(await them.kick(`${place}/$export-v4`));
    expect(keysOf(await them.output(manifest))).toEqual(keysOf(await them.output(whole.manifest)));
    for (const [value, operation] of [
      [{ name: '_maximumFileSize', valuePositiveInt: 5 }, '$export'],
      [{ name: '_maximumFileSize', valueString: 'x' }, '$export-v4'],
      [{ name: '_maximumFileSize', valuePositiveInt: LEAST - 1 }, '$export-v4'],
      [{ name: '_minimumFileSize', valuePositiveInt: LEAST }, '$export-v4'],
    ] as const) {
      const more = operation === '$export-v4' && value.name === '_minimumFileSize' ? sizes : [];
      expect((await them.kick(`${place}/${operation}`, [value, ...more])).status).toBe(400);
    }
  });

  test('a block that goes on in another file says so, under its header again', async () => {
    const more = [
      { name: 'organizeOutputBy', valueString: 'Patient' },
      { name: '_maximumFileSize', valuePositiveInt: LEAST },
    ];
    const kick = await them.kick(`${place}/$export-v4`, more);
    await withFilesOf(kick, 1200);
    const { manifest } = await them.finished(kick);
    const files = manifest.output as unknown as { url: string; continuesInFile?: string }[];
    expect(files.length).toBeGreaterThan(1);
    const nextOf = new Map(files.map((f) => [f.url, f.continuesInFile]));
    let continued = 0;
    for (const [url, next] of nextOf) {
      const lines = await them.lines(url);
      expect(lines[0]?.resourceType).toBe('Parameters');
      if (next === undefined) continue;
      continued++;
      const last = lines.findLast((l) => l.resourceType === 'Parameters');
      expect((await them.lines(next))[0]).toEqual(last);
    }
    expect(continued).toBeGreaterThan(0);
  });

  test('members are read by their key: no export reads the whole table, however many members a plan has', async () => {
    const { sql } = node.deps.database;
    const whole = async () => {
      await sql`select pg_stat_clear_snapshot()`;
      const [row] = await sql<{ n: number }[]>`
        select sum(seq_scan)::int as n from pg_stat_user_tables where schemaname = 'exchange' and relname ~ '^resource_[0-7]$'`;
      return row?.n;
    };
    const kick = await them.get(`${place}/$export`, '');
    const before = await whole();
    await them.finished(kick);
    await new Promise((r) => setTimeout(r, 200)); // a session counts when it ends
    expect(await whole()).toBe(before);
  });

  test('the manifest has an ETag that answers 304', async () => {
    const { status, answer } = await them.finished(await them.get(`${place}/$export`, '_type=Patient'));
    const again = await them.call(status, { headers: { 'if-none-match': answer.header('etag') } });
    expect([again.status, again.bytes.length]).toEqual([304, 0]);
  });

  test('separate-export-status tells the job beside the answer', async () => {
    const kick = await them.get(`${place}/$export`, '_type=Patient', {
      prefer: 'respond-async, separate-export-status',
    });
    expect(kick.header('preference-applied')).toBe('respond-async, separate-export-status');
    const running = await them.call(kick.header('content-location') ?? '');
    expect([running.status, running.header('x-export-status')]).toEqual([200, '202 Accepted']);
    const { answer } = await them.finished(kick);
    expect(answer.header('x-export-status')).toBe('200 OK');
  });
});

describe('limits', () => {
  test('of one peer two jobs run at once; another’s is taken before its third', async () => {
    const { sql } = node.deps.database;
    for (let i = 0; i < 3; i++) await them.get(`${place}/$export`, '_type=Patient');
    await other.get('Patient/$export', '_type=Patient');
    const taken: string[] = [];
    for (let i = 0; i < 4; i++) {
      const job = await claimJob(sql, `w${i}`, new Date(), 60);
      taken.push(job?.peerId ?? 'none');
    }
    expect(taken).toEqual(['a', 'a', 'b', 'none']);
    // their workers die: the leases end, and the jobs are made
    await sql`update exchange.bulk_job set lease_until = now() - interval '1 second' where state = 'running'`;
    await node.work();
    const [left] = await sql`select count(*)::int as n from exchange.bulk_job where state in ('queued', 'running')`;
    expect(left?.['n']).toBe(0);
  });

  test('DELETE removes what a worker that died has left', async () => {
    const kick = await them.get(`${place}/$export`, '_type=Patient');
    const status = kick.header('content-location') ?? '';
    const left = `bulk/${status.split('/').at(-1)}/half.ndjson.gz`;
    await node.deps.blobs.put(left, Readable.from([Buffer.from('x')]));
    expect((await them.call(status, { method: 'DELETE' })).status).toBe(202);
    expect(await node.deps.blobs.size(left)).toBeUndefined();
  });

  test('ten polls before their time are answered, the next is 429; the job goes on', async () => {
    const kick = await them.get(`${place}/$export`, '_type=Patient');
    const status = kick.header('content-location') ?? '';
    const answers = [];
    for (let i = 0; i < 14; i++) answers.push(await them.call(status));
    const codes = answers.map((a) => a.status);
    expect(codes.slice(0, 11)).toEqual(Array(11).fill(202));
    expect(codes).toContain(429);
    const refused = answers.find((a) => a.status === 429);
    expect([refused?.header('retry-after'), refused?.json().issue[0].code]).toEqual(['1', 'throttled']);
    await them.finished(kick);
  });

  test('who polls ten times as often as it is reported, as a client in wide use does, and waits when refused, is not refused twice', async () => {
    const kick = await them.get(`${place}/$export`, '_type=Patient');
    const status = kick.header('content-location') ?? '';
    const { clock } = node.deps;
    const began = clock().getTime();
    let seconds = 0;
    node.deps.clock = () => new Date(began + seconds * 1000);
    try {
      let codes = '';
      while (seconds < 200) {
        const answer = await them.call(status);
        codes += answer.status === 429 ? 'x' : '.';
        const told = Number(answer.header('retry-after'));
        seconds += answer.status === 429 ? told : Math.max(1, told / 10);
      }
      expect(codes).toContain('x');
      expect(codes).not.toContain('xx');
    } finally {
      node.deps.clock = clock;
    }
    expect((await them.call(status, { method: 'DELETE' })).status).toBe(202);
  });

  test('so many jobs may be open, however many are asked for at once', async () => {
    const kicks = await Promise.all(Array.from({ length: 9 }, () => them.get(`${place}/$export`, '_type=Patient')));
    expect(kicks.map((k) => k.status).sort()).toEqual([202, 202, 202, 202, 429, 429, 429, 429, 429]);
    const refused = kicks.find((k) => k.status === 429);
    expect(Number(refused?.header('retry-after'))).toBeGreaterThan(0);
    await node.work();
    await them.finished(await them.get(`${place}/$export`, '_type=Patient'));
  });

  test('a token for less does not see the job; one without the type of a file may not have it', async () => {
    const { status, manifest } = await them.finished(await them.get(`${place}/$export`, '_type=Patient,Observation'));
    const less = await them.peer.token('system/Group.rs system/Patient.rs');
    expect((await them.call(status, { token: less })).status).toBe(404);
    expect((await them.call(status)).status).toBe(200);
    const file = (type: string) => manifest.output.find((f) => f.type === type)?.url ?? '';
    expect((await them.call(file('Observation'), { token: less })).status).toBe(403);
    expect((await them.call(file('Patient'), { token: less })).status).toBe(200);
    // a file needs the scope of its type and no other; without any of them, a token of a match among them, it is none to have
    const one = await them.peer.token('system/Patient.rs');
    const match = await them.peer.token(BULK_MATCH);
    const fetched = async (token: string) => (await them.call(file('Patient'), { token })).status;
    expect([await fetched(one), await fetched(match), (await them.call(status, { token: one })).status]).toEqual([
      200, 403, 404,
    ]);
    // anyone who began it may end it, with any token
    expect((await them.call(status, { token: match, method: 'DELETE' })).status).toBe(202);
    expect((await them.call(status)).status).toBe(404);
    // notes and deletions tell of all types of the job
    const noted = await them.finished(
      await them.get(`${place}/$export`, '_type=Patient,Observation&nothing=1', {
        prefer: 'respond-async, handling=lenient',
      }),
    );
    const note = noted.manifest.error?.[0]?.url ?? '';
    expect([(await them.call(note)).status, (await them.call(note, { token: less })).status]).toEqual([200, 403]);
  });

  test('what is not theirs, not covered or not there is written down; what is over is not', async () => {
    const { status, manifest } = await them.finished(await them.get(`${place}/$export`, '_type=Patient,Observation'));
    const url = manifest.output[0]?.url ?? '';
    const job = status.split('/').at(-1) ?? '';
    const less = await them.peer.token('system/Group.rs system/Patient.rs');
    const match = await them.peer.token(BULK_MATCH);
    const last = async () => {
      const [row] = await node.deps.database.sql<{ seq: string }[]>`select max(seq)::text as seq from exchange.audit`;
      return row?.seq ?? '0';
    };
    const told = async (after: string) =>
      (
        await node.deps.database.sql<{ peer: string; reason: string; object: string }[]>`
          select peer_id as peer, reason, object from exchange.audit where seq > ${after} and action = 'access' order by seq`
      ).map((r) => [r.peer, r.reason, r.object]);
    const asKick = { headers: { prefer: 'respond-async' } };
    for (const [ask, row] of [
      [() => other.call(status), ['b', 'not-granted', `job/${job}`]],
      [() => other.call(status, { method: 'DELETE' }), ['b', 'not-granted', `job/${job}`]],
      [() => other.call(url), ['b', 'not-granted', `job/${job}`]],
      [() => other.call(`/${place}/$export`, asKick), ['b', 'not-granted', `Group/${group}`]],
      [() => them.call('/$export', asKick), ['a', 'not-granted', '']],
      [() => them.call(`/$export-file/${job}/${'0'.repeat(32)}.ndjson`), ['a', 'not-granted', `job/${job}`]],
      [() => them.call(status, { token: less }), ['a', 'insufficient-scope', `job/${job}`]],
      [() => them.call(status, { token: match }), ['a', 'insufficient-scope', `job/${job}`]],
      [
        () => them.call(`/${place}/$export?_type=Observation`, { ...asKick, token: less }),
        ['a', 'insufficient-scope', ''],
      ],
    ] as const) {
      const before = await last();
      const answer = await ask();
      expect([403, 404]).toContain(answer.status);
      expect(await told(before)).toEqual([row]);
    }
    expect((await them.call(status, { method: 'DELETE' })).status).toBe(202);
    const before = await last();
    for (const path of [status, url]) expect((await them.call(path)).status).toBe(404);
    expect(await told(before)).toEqual([]);
  });

  test('another client, a random id and a path that climbs get the same answer', async () => {
    const { status, manifest } = await them.finished(await them.get(`${place}/$export`, '_type=Patient'));
    const url = manifest.output[0]?.url ?? '';
    const job = status.split('/').at(-1) ?? '';
    const paths = [
      status,
      url,
      `/$export-status/${'0'.repeat(32)}`,
      `/$export-file/${job}/${'0'.repeat(32)}.ndjson`,
      `/$export-file/${job}/..%2f..%2fkeys.ndjson`,
      `/$export-file/${job}/%2e%2e%252fkeys`,
      `${url}%00`,
    ];
    const bodies = new Set<string>();
    for (const path of paths) {
      const answer = await other.call(path);
      expect([path, answer.status]).toEqual([path, 404]);
      bodies.add(answer.bytes.toString());
    }
    expect(bodies.size).toBe(1);
    // nor does who guesses a tag, or asks for the head alone, learn that there is something
    const whole = await them.call(url, { headers: { 'accept-encoding': 'gzip' } });
    for (const headers of [
      { 'if-none-match': whole.header('etag') },
      { 'if-none-match': '*' },
      { 'if-match': '*' },
      { range: 'bytes=0-' },
    ])
      for (const method of ['GET', 'HEAD']) expect((await other.call(url, { method, headers })).status).toBe(404);
    const part = async (range: string) => {
      const answer = await them.call(url, { headers: { range, 'accept-encoding': 'gzip' } });
      return [answer.status, answer.bytes.length];
    };
    const { length } = whole.bytes;
    expect([
      await part('bytes=0-0'),
      await part('bytes=-1'),
      await part('bytes=0-99999999999999999999'),
      await part('bytes=-99999999'),
      await part('bytes=-0'),
      await part('bytes=99999999999999999999-'),
    ]).toEqual([
      [206, 1],
      [206, 1],
      [206, length],
      [206, length],
      [416, 0],
      [416, 0],
    ]);
    for (const header of ['bytes=0-,0-', `bytes=${Array(1000).fill('0-').join(',')}`, 'bytes=--1', 'bytes=9-1']) {
      const answer = await them.call(url, { headers: { range: header, 'accept-encoding': 'gzip' } });
      expect([answer.status, answer.header('vary')]).toEqual([200, 'Accept-Encoding, Authorization']);
    }
    // a part counts as its share of the records, the whole as all
    const told = await node.deps.database.sql<{ lines: number; records: number | null }[]>`
      select (detail->>'lines')::int as lines, (detail->>'records')::int as records from exchange.audit
      where action = 'file' and object like ${`export/${job}/%`} order by seq limit 5`;
    const lines = told[0]?.lines ?? 0;
    expect(lines).toBeGreaterThan(0);
    expect(told.map((t) => t.records)).toEqual([null, 1, 1, lines, lines]);
  });
});

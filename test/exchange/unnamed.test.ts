// An authorization that was denied stays, and nothing that leaves names it: a Provenance of several records, a document of two
// authorizations. The same by export, by reading, by search and by $everything.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { walkContent } from '../../exchange/compliance/export-check/check-files.ts';
import { withoutNames } from '../../exchange/records/facts/unnamed.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient, keysOf } from './export-client.ts';
import { BULK_MATCH, client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, planDay, US } from './plan-fixture.ts';

const { rivera, robert } = PEOPLE;
const ana = idOf(rivera);
const PDEX = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition';
const day = (days: number) => planDay(new Date(Date.now() + days * 86_400_000));

const authorization = (id: string, code: string, documents: string[], product = 'G0151', numbers: string[] = []) => ({
  resourceType: 'ExplanationOfBenefit',
  id,
  status: 'active',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
  use: 'preauthorization',
  patient: { reference: `Patient/${ana}` },
  created: day(-20),
  insurer: { display: 'us' },
  provider: { display: 'somebody' },
  outcome: 'complete',
  insurance: [{ focal: true, coverage: { reference: 'Coverage/c' } }],
  ...(numbers.length === 0 ? {} : { preAuthRef: numbers }),
  preAuthRefPeriod: [{ start: day(-20), end: day(60) }],
  supportingInfo: documents.map((d, i) => ({
    sequence: i + 1,
    category: { coding: [{ code: 'additionalInformation' }] },
    valueReference: { reference: `DocumentReference/${d}` },
  })),
  item: [
    {
      sequence: 1,
      productOrService: {
        coding: [{ system: 'http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets', code: product }],
      },
      adjudication: [
        {
          extension: [
            {
              url: `${PDEX}/extension-reviewAction`,
              extension: [
                {
                  url: `${PDEX}/extension-reviewActionCode`,
                  valueCodeableConcept: { coding: [{ system: 'https://codesystem.x12.org/005010/306', code }] },
                },
              ],
            },
            { url: `${PDEX}/base-ext-when-adjudicated`, valueDateTime: `${day(-10)}T00:00:00Z` },
          ],
          category: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adjudication', code: 'submitted' }] },
        },
      ],
    },
  ],
});
const document = (id: string, ...related: string[]) => ({
  resourceType: 'DocumentReference',
  id,
  status: 'current',
  subject: { reference: `Patient/${ana}` },
  content: [{ attachment: { contentType: 'text/plain', data: 'aGVsbG8=' } }],
  ...(related.length === 0
    ? {}
    : { context: { related: related.map((r) => ({ reference: `ExplanationOfBenefit/${r}` })) } }),
});
const lab = {
  resourceType: 'Observation',
  id: 'o1',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  subject: { reference: `Patient/${ana}` },
  effectiveDateTime: day(-30),
  derivedFrom: ['doc-whole', 'doc-denied-line', 'doc-statement'].map((d) => ({ reference: `DocumentReference/${d}` })),
};
const claim = {
  ...authorization('claim', 'A1', ['doc-both']),
  use: 'claim',
  billablePeriod: { start: day(-5), end: day(-5) },
  insurance: [{ focal: true, coverage: { reference: 'Coverage/c' }, preAuthRef: ['A-17', 'A-18'] }],
};
/** Of two lines the second is denied; each has a document and someone of the care team of its own. */
const twoLines = authorization('pa-partly', 'A1', ['doc-granted-line', 'doc-denied-line', 'doc-whole']);
const [granted] = twoLines.item;
const [denied] = authorization('x', 'A3', []).item;
const partly = {
  ...twoLines,
  outcome: 'partial',
  careTeam: ['dr-granted-line', 'dr-denied-line'].map((id, i) => ({
    sequence: i + 1,
    provider: { reference: `Practitioner/${id}` },
  })),
  item: [
    { ...granted, careTeamSequence: [1], informationSequence: [1] },
    { ...denied, sequence: 2, careTeamSequence: [2], informationSequence: [2] },
  ],
};
/** Names that must not leave. */
const HIDDEN = ['pa-denied', 'pa-drug', 'doc-denied', 'A-17', 'doc-denied-line'];
const provenance = {
  resourceType: 'Provenance',
  id: 'all',
  target: [
    'Observation/o1',
    ...HIDDEN.slice(0, 2).map((id) => `ExplanationOfBenefit/${id}`),
    'ExplanationOfBenefit/pa-good',
    'DocumentReference/doc-denied',
    'DocumentReference/doc-denied-line',
    'DocumentReference/doc-both',
  ].map((reference) => ({ reference })),
  recorded: `${day(-30)}T00:00:00Z`,
  agent: [{ who: { display: 'a clinic' } }],
  entity: [{ role: 'source', what: { reference: 'ExplanationOfBenefit/pa-denied', display: 'the request' } }],
};

let node: TestNode;
let them: ExportClient;
let group: string;
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  const one = 'http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match';
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi, scopes: [BULK_MATCH, one, 'system/*.rs'] }));
  await them.signIn();
  await enrol(
    node.deps,
    [rivera, robert],
    [
      lab,
      document('doc-both', 'pa-denied', 'pa-good'),
      document('doc-denied', 'pa-denied'),
      authorization('pa-denied', 'A3', ['doc-denied', 'doc-both'], undefined, ['A-17', 'A-18']),
      authorization('pa-drug', 'A1', ['doc-denied'], 'J1885'),
      // asked for again under the same number
      authorization('pa-good', 'A1', ['doc-both'], undefined, ['A-18']),
      claim,
      provenance,
      partly,
      document('doc-granted-line'),
      document('doc-denied-line'),
      document('doc-whole'),
      // a statement of payments stays, and may be named
      { ...document('doc-statement'), type: { coding: [{ system: 'http://loinc.org', code: '111479-2' }] } },
      { resourceType: 'Practitioner', id: 'dr-denied-line', active: true, name: [{ family: 'Denied' }] },
      { resourceType: 'Practitioner', id: 'dr-granted-line', active: true, name: [{ family: 'Granted' }] },
    ],
  );
  group = await them.group([card(rivera), card(robert)]);
});
afterAll(() => node.close());

// biome-ignore lint/suspicious/noExplicitAny: tests look into resources of any shape
function expectUnnamed(kept: any): void {
  expect(HIDDEN.filter((id) => JSON.stringify(kept).includes(id))).toEqual([]);
  expect(kept.target.map((t: { reference: string }) => t.reference)).toEqual([
    'Observation/o1',
    'ExplanationOfBenefit/pa-good',
    'DocumentReference/doc-both',
  ]);
  expect(kept.entity[0].what.extension[0].valueCode).toBe('masked');
}

test('of an authorization that was denied in part, who and what only the denied line names stays: by export, $everything, search and read', async () => {
  const { manifest } = await them.finished(await them.kick(`Group/${group}/$davinci-data-export`));
  const exported = keysOf(await them.output(manifest));
  const everything = (await them.call(`/Patient/${ana}/$everything?_count=200`)).json() as {
    entry: { resource: Resource }[];
  };
  for (const all of [exported, keysOf(everything.entry.map((e) => e.resource))])
    expect(all.filter((k) => k.includes('-line') || k.includes('doc-whole') || k.includes('pa-partly'))).toEqual([
      'DocumentReference/doc-granted-line',
      'DocumentReference/doc-whole',
      'ExplanationOfBenefit/pa-partly',
      'Practitioner/dr-granted-line',
    ]);
  const found = (await them.call(`/DocumentReference?patient=${ana}`)).json() as { entry: { resource: Resource }[] };
  expect(keysOf(found.entry.map((e) => e.resource)).filter((k) => k.includes('line'))).toEqual([
    'DocumentReference/doc-granted-line',
  ]);
  expect((await them.call('/DocumentReference/doc-denied-line')).status).toBe(404);
  const [left] = [(await them.call('/ExplanationOfBenefit/pa-partly')).json()];
  expect(left).toMatchObject({
    careTeam: [{ sequence: 1 }],
    supportingInfo: [{ sequence: 1 }, { sequence: 3 }],
    item: [{ sequence: 1 }],
  });
  expect(JSON.stringify(left)).not.toContain('denied-line');
});

test.each([
  ['output by type', ''],
  ['output by patient', '&organizeOutputBy=Patient'],
])('an export, %s', async (_, more) => {
  const kick = await them.get(
    `Group/${group}/$export`,
    `_type=${['Patient', 'Observation', 'ExplanationOfBenefit', 'DocumentReference', 'Provenance'].join()}${more}`,
  );
  const { status, manifest } = await them.finished(kick);
  const all = await them.output(manifest);
  expect(HIDDEN.filter((id) => JSON.stringify(all).includes(id))).toEqual([]);
  expectUnnamed(all.find((r) => r.resourceType === 'Provenance' && r['id'] === 'all'));
  const both = all.find((r) => r['id'] === 'doc-both');
  expect(all.find((r) => r['id'] === 'o1')?.['derivedFrom']).toEqual([
    { reference: 'DocumentReference/doc-whole' },
    { reference: 'DocumentReference/doc-statement' },
  ]);
  expect(keysOf(all)).not.toContain('DocumentReference/doc-statement');
  const claimed = all.find((r) => r['id'] === 'claim')?.['insurance'] as { preAuthRef: string[] }[];
  expect(claimed[0]?.preAuthRef).toEqual(['A-18']);
  expect(both?.['context']).toEqual({ related: [{ reference: 'ExplanationOfBenefit/pa-good' }] });
  const faults: unknown[] = [];
  await walkContent(node.deps, status.split('/').at(-1), (f) => void faults.push(f));
  expect(faults).toEqual([]);
});

test('reading, search and $everything', async () => {
  expectUnnamed((await them.call('/Provenance/all')).json());
  const found = (query: string) => them.call(`/Provenance?patient=Patient/${ana}&${query}`);
  expect((await found('target=ExplanationOfBenefit/pa-good')).json().total).toBe(1);
  expect((await found('target=ExplanationOfBenefit/pa-denied')).json().total).toBe(0);
  const everything = (await them.call(`/Patient/${ana}/$everything`)).bytes.toString();
  expect(everything).toContain('pa-good');
  expect(HIDDEN.filter((id) => everything.includes(id))).toEqual([]);
});

test('what a fault in the rule let out is found by the walk', async () => {
  const { sql } = node.deps.database;
  const { status } = await them.finished(await them.kick(`Group/${group}/$davinci-data-export`));
  await sql`update exchange.resource set pa_state = 'denied' where id = 'pa-good'`;
  const faults: { kind: string; type: string }[] = [];
  await walkContent(node.deps, status.split('/').at(-1), (f) => void faults.push(f));
  await sql`update exchange.resource set pa_state = 'approved' where id = 'pa-good'`;
  const named = faults.filter((f) => f.kind === 'named-authorization').map((f) => f.type);
  expect([...new Set(named)].sort()).toEqual(['DocumentReference', 'ExplanationOfBenefit', 'Provenance']);
});

const MASK = { url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' };

describe('a text', () => {
  const keys = ['ExplanationOfBenefit/x', 'DocumentReference/y'];
  const clean = withoutNames({ keys, identifiers: ['https://p.example/pa|7'], numbers: ['PA-2026/0815', '77'] });
  const told = (resource: object) => JSON.parse(clean(JSON.stringify(resource))) as object;
  test.each([
    [
      'of any spelling',
      {
        target: [
          'https://p.example/fhir/ExplanationOfBenefit/x',
          'ExplanationOfBenefit/x/_history/2',
          'urn:uuid:x',
          'DocumentReference/y',
          'Observation/x',
        ].map((reference) => ({ reference })),
      },
      { target: [{ reference: 'Observation/x' }] },
    ],
    ['a list without any left goes', { id: 'a', related: [{ reference: 'DocumentReference/y' }] }, { id: 'a' }],
    [
      // no JSON of FHIR has an empty object: https://hl7.org/fhir/R4/json.html
      'what held nothing else goes with it',
      {
        id: 'a',
        context: { related: [{ reference: 'DocumentReference/y' }] },
        entry: [{ author: [{ reference: 'ExplanationOfBenefit/x' }] }, { flag: 1 }],
      },
      { id: 'a', entry: [{ flag: 1 }] },
    ],
    [
      'with a mark of a place within it',
      {
        target: [
          { reference: 'ExplanationOfBenefit/x#part' },
          { reference: '/ExplanationOfBenefit/x' },
          { reference: '#x' },
        ],
      },
      { target: [{ reference: '#x' }] },
    ],
    [
      'deep within',
      { related: [{ claim: { reference: 'ExplanationOfBenefit/x' } }] },
      {
        related: [
          {
            claim: {
              extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }],
            },
          },
        ],
      },
    ],
    [
      'by its number where numbers stand, of whatever length',
      {
        insurance: [{ coverage: { display: 'c' }, preAuthRef: ['77', 'PA-2026/0815', '778'] }, { preAuthRef: ['77'] }],
      },
      { insurance: [{ coverage: { display: 'c' }, preAuthRef: ['778'] }] },
    ],
    [
      'by an identifier in the place of a reference, of a related claim, of a document',
      {
        basedOn: [{ identifier: { system: 'https://p.example/pa', value: '7' } }, { identifier: { value: '7' } }],
        claim: { type: 'ExplanationOfBenefit', identifier: { value: 'PA-2026/0815' } },
        related: [{ reference: { value: 'PA-2026/0815' } }],
        identifier: [
          { system: 'https://p.example/pa', value: '7' },
          { system: 'https://other.example', value: '7' },
        ],
        masterIdentifier: { system: 'urn:ietf:rfc:3986', value: 'urn:uuid:x' },
      },
      {
        basedOn: [{ identifier: { value: '7' } }],
        claim: { extension: [MASK] },
        related: [{ reference: { extension: [MASK] } }],
        identifier: [{ system: 'https://other.example', value: '7' }],
        masterIdentifier: { extension: [MASK] },
      },
    ],
    [
      'by an address, in an extension and as a document',
      {
        extension: [
          { url: 'https://e.example/of', valueUri: 'https://p.example/fhir/ExplanationOfBenefit/x' },
          { url: 'https://e.example/of', valueString: 'PA-2026/0815' },
          { url: 'https://e.example/of', valueString: '77' },
        ],
        instantiatesUri: ['ExplanationOfBenefit/x', 'https://p.example/fhir/ExplanationOfBenefit/xx'],
        content: [{ attachment: { contentType: 'a/b', url: 'https://p.example/ExplanationOfBenefit/x/$pdf?a=1' } }],
      },
      {
        extension: [{ url: 'https://e.example/of', valueString: '77' }],
        instantiatesUri: ['https://p.example/fhir/ExplanationOfBenefit/xx'],
        content: [{ attachment: { contentType: 'a/b' } }],
      },
    ],
    [
      'in words, by a number long enough to mean it',
      {
        text: { div: '<div>see PA-2026/0815, not PA-2026/08155 or 77</div>' },
        note: [{ text: 'about ExplanationOfBenefit/x' }],
        code: { text: '77', coding: [{ code: '77' }] },
      },
      {
        text: { div: '<div>see ***, not PA-2026/08155 or 77</div>' },
        note: [{ text: 'about ***' }],
        code: { text: '77', coding: [{ code: '77' }] },
      },
    ],
    [
      'but not that it has a number itself',
      {
        resourceType: 'ExplanationOfBenefit',
        id: 'x',
        identifier: [{ system: 'https://p.example/pa', value: '7' }],
        valueString: 'ExplanationOfBenefit/x',
      },
      { resourceType: 'ExplanationOfBenefit', id: 'x', identifier: [{ system: 'https://p.example/pa', value: '7' }] },
    ],
  ])('%s', (_, resource, expected) => expect(told(resource)).toEqual(expected));

  test('names it however it is escaped', () => {
    expect(clean(String.raw`{"a":1.50,"insurance":[{"preAuthRef":["PA-2026\/0815","\u00377"]}]}`)).toBe('{"a":1.50}');
  });

  test('that names one keeps its numbers as they are written', () => {
    const rest = '"value":1.50,"more":12345678901234567890.5';
    expect(clean(`{"id":"a",${rest},"basedOn":[{"reference":"DocumentReference/y"}]}`)).toBe(`{"id":"a",${rest}}`);
  });

  test('that names none stays as it is, letter by letter', () => {
    const json = '{"resourceType":"Observation","id":"x","valueQuantity":{"value":1.50}, "note":[]}';
    expect(clean(json)).toBe(json);
  });
});

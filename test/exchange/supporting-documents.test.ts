// Documents that support only what must not leave: authorizations and estimates that were denied, or lines of them. They stay, however they are
// asked for, nothing names them, and the walk over finished files finds one that a fault let out.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { walkContent } from '../../exchange/compliance/export-check/check-files.ts';
import { hiddenDocuments } from '../../exchange/compliance/export-check/supporting-documents.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient, keysOf } from './export-client.ts';
import { BULK_MATCH, client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, planDay, US } from './plan-fixture.ts';

const { rivera } = PEOPLE;
const ana = idOf(rivera);
const day = (days: number) => planDay(new Date(Date.now() + days * 86_400_000));
const PDEX = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition';
const subject = { reference: `Patient/${ana}` };

const decided = (code: string) => ({
  category: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adjudication', code: 'submitted' }] },
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
});
/** A line for each code, with the document beside it. */
const benefit = (id: string, use: string, lines: [string, string][]) => ({
  resourceType: 'ExplanationOfBenefit',
  id,
  status: 'active',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
  use,
  patient: subject,
  created: day(-20),
  insurer: { display: 'us' },
  provider: { display: 'somebody' },
  outcome: 'complete',
  insurance: [{ focal: true, coverage: { display: 'c' } }],
  ...(use === 'preauthorization' ? { preAuthRefPeriod: [{ start: day(-20), end: day(60) }] } : {}),
  supportingInfo: lines.map(([, reference], i) => ({
    sequence: i + 1,
    category: { coding: [{ code: 'additionalInformation' }] },
    valueReference: { reference },
  })),
  item: lines.map(([code], i) => ({
    sequence: i + 1,
    productOrService: { text: 'imaging' },
    informationSequence: [i + 1],
    adjudication: [decided(code)],
  })),
});
const letter = (id: string, ...related: string[]) => ({
  resourceType: 'DocumentReference',
  id,
  status: 'current',
  subject,
  content: [{ attachment: { contentType: 'text/plain', data: 'aGVsbG8=' } }],
  ...(related.length === 0 ? {} : { context: { related: related.map((reference) => ({ reference })) } }),
});
const answers = (id: string) => ({ resourceType: 'QuestionnaireResponse', id, status: 'completed', subject });

const STAY = [
  'DocumentReference/estimate-denied',
  'DocumentReference/of-denied',
  'DocumentReference/of-partly-denied-line',
  'QuestionnaireResponse/answers-denied',
  'QuestionnaireResponse/estimate-answers-denied',
];
const LEAVE = [
  'DocumentReference/estimate-granted',
  'DocumentReference/estimate-of-two',
  'DocumentReference/of-both',
  'DocumentReference/of-claim',
  'QuestionnaireResponse/answers-granted',
];

let node: TestNode;
let them: ExportClient;
let group: string;
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi, scopes: [BULK_MATCH, 'system/*.rs'] }));
  await them.signIn();
  await enrol(
    node.deps,
    [rivera],
    [
      ...[...STAY, ...LEAVE].flatMap((key) => {
        const [type, id = ''] = key.split('/');
        if (type === 'QuestionnaireResponse') return [answers(id)];
        return id.startsWith('of-') ? [] : [letter(id)];
      }),
      // these name what they support; only the third is named by it
      letter('of-denied', 'ExplanationOfBenefit/denied'),
      letter('of-both', 'ExplanationOfBenefit/denied', 'ExplanationOfBenefit/granted'),
      letter('of-partly-denied-line', 'ExplanationOfBenefit/partly'),
      letter('of-claim', 'ExplanationOfBenefit/claim'),
      benefit('estimate', 'predetermination', [
        ['A1', 'DocumentReference/estimate-granted'],
        ['A3', 'DocumentReference/estimate-denied'],
        ['A3', 'DocumentReference/estimate-of-two'],
        ['A3', 'QuestionnaireResponse/estimate-answers-denied'],
      ]),
      benefit('estimate-granted', 'predetermination', [['A1', 'DocumentReference/estimate-of-two']]),
      benefit('denied', 'preauthorization', [['A3', 'QuestionnaireResponse/answers-denied']]),
      benefit('granted', 'preauthorization', [['A1', 'QuestionnaireResponse/answers-granted']]),
      benefit('partly', 'preauthorization', [
        ['A1', 'QuestionnaireResponse/answers-granted'],
        ['A3', 'DocumentReference/of-partly-denied-line'],
      ]),
      benefit('claim', 'claim', [['A1', 'DocumentReference/of-claim']]),
      {
        resourceType: 'Observation',
        id: 'names-all',
        status: 'final',
        code: { text: 'x' },
        subject,
        derivedFrom: [...STAY, ...LEAVE].map((reference) => ({ reference })),
      },
    ],
  );
  group = await them.group([card(rivera)]);
});
afterAll(() => node.close());

const ofThem = (keys: readonly string[]) => keys.filter((k) => STAY.includes(k) || LEAVE.includes(k));
const exported = async (more = '_type=DocumentReference,QuestionnaireResponse,ExplanationOfBenefit,Observation') => {
  const { status, manifest } = await them.finished(await them.get(`Group/${group}/$export`, more));
  return { job: status.split('/').at(-1) ?? '', all: await them.output(manifest), manifest };
};
const faultsOf = async (job: string) => {
  const found: { kind: string; type: string }[] = [];
  await walkContent(node.deps, job, (f) => void found.push(f));
  return found.map((f) => `${f.kind} ${f.type}`).sort();
};

test('they stay, and nothing names them: by export, $everything, search and read', async () => {
  const { all, job } = await exported();
  expect(ofThem(keysOf(all))).toEqual(LEAVE);
  const everything = (await them.call(`/Patient/${ana}/$everything?_count=200`)).json() as {
    entry: { resource: Resource }[];
  };
  expect(ofThem(keysOf(everything.entry.map((e) => e.resource)))).toEqual(LEAVE);
  for (const told of [JSON.stringify(all), JSON.stringify(everything)])
    expect(STAY.filter((key) => told.includes(key))).toEqual([]);
  for (const type of ['DocumentReference', 'QuestionnaireResponse']) {
    const found = (await them.call(`/${type}?patient=${ana}`)).json() as { entry: { resource: Resource }[] };
    expect(keysOf(found.entry.map((e) => e.resource))).toEqual(LEAVE.filter((key) => key.startsWith(type)));
  }
  for (const key of STAY) expect((await them.call(`/${key}`)).status).toBe(404);
  for (const key of LEAVE) expect((await them.call(`/${key}`)).status).toBe(200);
  expect(await faultsOf(job)).toEqual([]);
});

test('a line that is denied later takes its document along, and its peer is informed', async () => {
  const before = await exported();
  const lines: [string, string][] = [
    ['A3', 'DocumentReference/estimate-granted'],
    ['A1', 'DocumentReference/estimate-of-two'],
  ];
  await enrol(node.deps, [], [benefit('estimate', 'predetermination', lines)]);
  const { manifest } = await them.finished(
    await them.get(`Group/${group}/$export`, `_since=${before.manifest.transactionTime}`),
  );
  expect(await them.deleted(manifest)).toEqual(['DocumentReference/estimate-granted']);
});

test('the walk over finished files finds those that a fault let out', async () => {
  const { sql } = node.deps.database;
  // as an older program decided it: estimates had no state, documents that name an authorization were not looked at
  await sql`update exchange.resource set pa_state = null where id in ('estimate', 'estimate-granted')`;
  await sql`update exchange.resource set refers = null where id in ('denied', 'of-denied')`;
  const { job } = await exported('_type=DocumentReference,QuestionnaireResponse');
  await sql`update exchange.resource set refers = array['QuestionnaireResponse/answers-denied'] where id = 'denied'`;
  await sql`update exchange.resource set refers = array['ExplanationOfBenefit/denied'] where id = 'of-denied'`;
  expect(await faultsOf(job)).toEqual([
    'pa-document DocumentReference',
    'pa-document DocumentReference',
    'pa-document QuestionnaireResponse',
  ]);
});

test('one that something names of which it is not known any more what it said, is no fault', () => {
  const read = (body: string) => JSON.parse(body) as Resource;
  const of = (id: string, body: object | null) => ({
    memberId: 'm',
    id,
    isHidden: false,
    refers: 'DocumentReference/d',
    body: body === null ? null : JSON.stringify(body),
  });
  const denied = of('a', benefit('a', 'preauthorization', [['A3', 'DocumentReference/d']]));
  expect(hiddenDocuments([denied], [], read)).toEqual(new Map([['m', new Set(['DocumentReference/d'])]]));
  expect(hiddenDocuments([denied, of('b', null)], [], read)).toEqual(new Map([['m', new Set()]]));
});

// Which version of a claim, and which copy of it, speaks does not depend on which payer was asked first.
import { expect, test } from 'vitest';
import { chainsOf } from '../../../exchange/records/chain.ts';
import { foldedOf } from '../../../exchange/records/view/folded.ts';
import { output, PEER, reconciler } from './reconcile-pull.ts';

const concept = (system: string, code: string) => ({ coding: [{ system, code }] });
const HL7 = 'http://terminology.hl7.org/CodeSystem';
const PDEX = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition';
const CPT = 'http://www.ama-assn.org/go/cpt';
const EOB = {
  resourceType: 'ExplanationOfBenefit',
  type: concept(`${HL7}/claim-type`, 'professional'),
  insurer: { identifier: { system: 'urn:oid:2.16.840.1.113883.6.300', value: '77777' } },
  provider: { display: 'x' },
  outcome: 'complete',
  patient: { reference: 'Patient/p1' },
  insurance: [{ focal: true, coverage: { display: 'c' } }],
};
const related = (code: 'prior' | 'replacedby', value: string) => ({
  relationship: concept(`${HL7}/ex-relatedclaimrelationship`, code),
  reference: { system: 'urn:claims', value },
});
/** @param changed day of March on which the copy was changed where it comes from */
const claim = (payer: string, number: string, status: string, changed: number, ...names: object[]) => ({
  ...EOB,
  id: `${payer}-${number}`,
  meta: { lastUpdated: `2025-03-0${changed}T00:00:00Z` },
  status,
  use: 'claim',
  created: `2025-03-0${number.slice(1)}`,
  identifier: [
    {
      type: concept('http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType', 'uc'),
      system: 'urn:claims',
      value: number,
    },
  ],
  billablePeriod: { start: '2025-03-01', end: '2025-03-01' },
  item: [{ sequence: 1, productOrService: concept(CPT, '99213'), servicedDate: '2025-03-01' }],
  ...(names.length > 0 ? { related: names } : {}),
});
const authorization = (payer: string, code: string, decided: number, changed: number) => ({
  ...EOB,
  id: `${payer}-pa`,
  meta: { lastUpdated: `2025-03-0${changed}T00:00:00Z` },
  status: 'active',
  use: 'preauthorization',
  created: '2025-03-01',
  preAuthRef: ['PA-1'],
  item: [
    {
      sequence: 1,
      productOrService: concept(CPT, '70551'),
      adjudication: [
        {
          category: concept(`${HL7}/adjudication`, 'submitted'),
          extension: [
            {
              url: `${PDEX}/extension-reviewAction`,
              extension: [
                {
                  url: `${PDEX}/extension-reviewActionCode`,
                  valueCodeableConcept: concept('https://codesystem.x12.org/005010/306', code),
                },
                { url: 'number', valueString: 'PA-1' },
              ],
            },
            { url: `${PDEX}/base-ext-when-adjudicated`, valueDateTime: `2025-03-0${decided}T00:00:00Z` },
          ],
        },
      ],
    },
  ],
});

type Said = { peer: string; records: { id: string }[] };

/** The chain and what stands for it, in the ids of the payers. */
async function after(pulls: readonly Said[]) {
  const node = await reconciler();
  try {
    await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
      values ('second', 'Second', null, 'active', 'https://second.example/fhir', array['https://second.example'], 'test')`;
    await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
    for (const { peer, records } of pulls) {
      const { state } = await node.pull([output('ExplanationOfBenefit', ...records)], { peer, since: new Date() });
      expect(state).toBe('done');
    }
    const rows = await node.sql<{ id: string; source: string }[]>`
      select id, source_id as source from exchange.resource where type = 'ExplanationOfBenefit'`;
    const sourceOf = new Map(rows.map((r) => [r.id, r.source]));
    const [chain] = await chainsOf(node.sql, ['m1']);
    const groups = (await foldedOf(node.deps, 'm1'))?.groups ?? new Map<string, string[]>();
    return {
      state: chain?.state,
      nodes: chain?.nodes.map((n) => n.ids.map((id) => sourceOf.get(id))),
      odd: chain?.anomalies.map((a) => a.code),
      told: chain?.facts['state'],
      shown: [...groups.keys()].flatMap((key) => sourceOf.get(key.split('/')[1] ?? '') ?? []),
    };
  } finally {
    await node.close();
  }
}

const THREE: Said[] = [
  { peer: PEER, records: [claim('a', 'C1', 'cancelled', 1, related('replacedby', 'C2'))] },
  { peer: PEER, records: [claim('a', 'C2', 'cancelled', 2, related('prior', 'C1'), related('replacedby', 'C3'))] },
  // does not say what came after the second one
  {
    peer: 'second',
    records: [
      claim('b', 'C2', 'cancelled', 2, related('prior', 'C1')),
      claim('b', 'C3', 'active', 5, related('prior', 'C2')),
    ],
  },
  { peer: PEER, records: [claim('a', 'C3', 'active', 3, related('prior', 'C2'))] },
];
const BACK: Said[] = [
  { peer: PEER, records: [claim('a', 'C1', 'active', 2)] },
  { peer: 'second', records: [claim('b', 'C1', 'cancelled', 1)] },
];
const DECIDED: Said[] = [
  { peer: PEER, records: [authorization('a', 'A4', 2, 2)] },
  { peer: PEER, records: [authorization('a', 'A1', 5, 5)] },
  // changed later, and knows of the first decision alone
  { peer: 'second', records: [authorization('b', 'A4', 2, 7)] },
];

test.each([
  [
    'three versions of two payers',
    THREE,
    {
      state: 'final',
      nodes: [['a-C1'], expect.arrayContaining(['a-C2', 'b-C2']), ['b-C3', 'a-C3']],
      odd: [],
      told: undefined,
      shown: ['b-C3'],
    },
  ],
  [
    'one that was taken back with one payer',
    BACK,
    { state: 'void', nodes: [['b-C1', 'a-C1']], odd: ['copies-differ'], told: undefined, shown: ['b-C1'] },
  ],
  [
    'an authorization of which one payer knows more',
    DECIDED,
    { state: 'final', nodes: [expect.anything(), expect.anything()], odd: [], told: 'approved', shown: ['a-pa'] },
  ],
])('%s', async (_name, pulls, expected) => {
  const turned = [...pulls.slice(1), ...pulls.slice(0, 1)];
  for (const order of [pulls, pulls.toReversed(), turned]) expect(await after(order)).toEqual(expected);
});

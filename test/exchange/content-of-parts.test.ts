// The walk over files for what must not leave, where a peer had only some elements of each record (`_elements`).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exported, walk } from './walked-export.ts';

const folder = mkdtempSync(join(tmpdir(), 'parts-'));
const PDEX = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/';
const decided = (code: string, when: string) => ({
  category: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adjudication', code: 'submitted' }] },
  extension: [
    {
      url: `${PDEX}extension-reviewAction`,
      extension: [
        {
          url: `${PDEX}extension-reviewActionCode`,
          valueCodeableConcept: { coding: [{ system: 'https://codesystem.x12.org/005010/306', code }] },
        },
      ],
    },
    { url: `${PDEX}base-ext-when-adjudicated`, valueDateTime: when },
  ],
});
const benefit = (id: string, use: string, more: object) => ({
  resourceType: 'ExplanationOfBenefit',
  id,
  use,
  status: 'active',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
  patient: { reference: 'Patient/p' },
  created: '2015-01-01',
  insurer: { display: 'us' },
  provider: { display: 'somebody' },
  outcome: 'complete',
  insurance: [{ focal: true, coverage: { display: 'c' } }],
  ...more,
});
const holds = { preAuthRefPeriod: [{ start: '2015-01-01' }] };
const line = (...adjudication: object[]) => [{ sequence: 1, productOrService: { text: 'imaging' }, adjudication }];
let at: Awaited<ReturnType<typeof exported>>;

beforeAll(async () => {
  const records = [
    { resourceType: 'Patient', id: 'p', name: [{ family: 'Rivera', given: ['Ana'] }], birthDate: '1974-12-25' },
    benefit('served', 'claim', {
      item: [{ sequence: 1, productOrService: { text: 'v' }, servicedDate: '2099-01-01' }],
    }),
    benefit('holds', 'preauthorization', { ...holds, item: line(decided('A1', '2015-01-01')) }),
    benefit('overturned', 'preauthorization', {
      ...holds,
      adjudication: [decided('A3', '2015-01-01')],
      item: line(decided('A1', '2015-02-01')),
    }),
    benefit('old', 'claim', { billablePeriod: { end: '2015-01-01' } }),
  ];
  writeFileSync(join(folder, 'a.ndjson'), records.map((r) => `${JSON.stringify(r)}\n`).join(''));
  at = await exported([folder]);
});
afterAll(async () => {
  await at.node.close();
  rmSync(folder, { recursive: true });
});

const part = async (elements: string) => {
  const asked = `_type=ExplanationOfBenefit&_elements=${elements}`;
  const { status, manifest } = await at.them.finished(await at.them.get('Group/g/$export', asked));
  const left = (await at.them.output(manifest)).map((r) => r['id']).toSorted();
  const { faults } = await walk(at.node, status.split('/').at(-1));
  return { left, faults: faults.map((f) => f.kind) };
};

test.each(['id', 'adjudication', 'item'])('what %s leaves open is judged by the whole record', async (elements) => {
  expect(await part(elements)).toEqual({ left: ['holds', 'overturned', 'served'], faults: [] });
});

test('a record that is too old is reported in part too', async () => {
  await at.node.deps.database.sql`update exchange.resource set service_end = '2099-01-01' where id = 'old'`;
  expect(await part('id')).toEqual({ left: ['holds', 'old', 'overturned', 'served'], faults: ['window'] });
});

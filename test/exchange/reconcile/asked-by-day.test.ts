// Answers are those of a day, anyone who tells the minute; a specimen is known by its accession.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokenLaws } from '../../journey/laws.ts';
import { output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
});
afterAll(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

const SNOMED = 'http://snomed.info/sct';
const answer = (id: string, patient: string, effectiveDateTime: string, category: string, code = '8517006') => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: category }] }],
  code: { coding: [{ system: 'http://loinc.org', code: '72166-2' }] },
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime,
  valueCodeableConcept: { coding: [{ system: SNOMED, code }] },
});

test('an answer with its minute and one of the day are one, and so are two of other minutes; another answer is not', async () => {
  await node.own(
    answer('a', 'm1', '2026-02-03T10:00:00Z', 'social-history'),
    answer('b', 'm1', '2026-02-04', 'survey'),
    answer('c', 'm1', '2026-02-05T10:00:00Z', 'vital-signs'),
  );
  const { id } = await node.pull([
    output(
      'Observation',
      answer('day', 'p1', '2026-02-03', 'social-history'),
      answer('minute', 'p1', '2026-02-04T09:30:00Z', 'survey'),
      answer('other', 'p1', '2026-02-04T09:30:00Z', 'survey', '266919005'),
      answer('measured', 'p1', '2026-02-05', 'vital-signs'),
    ),
  ]);
  expect(await node.ledger(id)).toEqual([
    'linked-duplicate Observation/day',
    'linked-duplicate Observation/minute',
    'created Observation/other',
    'created Observation/measured',
  ]);
});

test('specimens of one accession are one', async () => {
  const specimen = (id: string, patient: string, value: string) => ({
    resourceType: 'Specimen',
    id,
    accessionIdentifier: { system: 'https://lab.example/accession', value },
    type: { coding: [{ system: SNOMED, code: '119297000' }] },
    subject: { reference: `Patient/${patient}` },
  });
  await node.own(specimen('ours', 'm1', 'A-1'));
  const { id } = await node.pull([output('Specimen', specimen('s', 'p1', 'A-1'), specimen('t', 'p1', 'A-2'))]);
  expect(await node.ledger(id)).toEqual(['linked-duplicate Specimen/s', 'created Specimen/t']);
});

test('care teams whose members are named by their NPIs alone are one when these are the same', async () => {
  const team = (id: string, patient: string, ...npis: string[]) => ({
    resourceType: 'CareTeam',
    id,
    status: 'active',
    name: 'Diabetes',
    subject: { reference: `Patient/${patient}` },
    participant: npis.map((value) => ({ member: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value } } })),
  });
  await node.own(team('team', 'm1', '9000000012', '9000000020'));
  const { id } = await node.pull([
    output('CareTeam', team('same', 'p1', '9000000020', '9000000012'), team('other', 'p1', '9000000038', '9000000012')),
  ]);
  expect(await node.ledger(id)).toEqual(['linked-duplicate CareTeam/same', 'created CareTeam/other']);
});

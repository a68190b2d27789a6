// One clinician, organization, place or drug that a payer tells several times in one answer, under ids of its own: one entry, as when they come one after the other.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokenLaws } from '../../journey/laws.ts';
import { deletions, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
});
afterAll(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

const npi = (value: string) => ({ identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value }] });
const doctor = (id: string, at: string, more: object = {}) => ({
  resourceType: 'Practitioner',
  id,
  meta: { lastUpdated: `2026-01-0${at}T00:00:00Z` },
  name: [{ family: 'Doe', given: [id] }],
  ...more,
});
const drug = (id: string, code: string) => ({
  resourceType: 'Medication',
  id,
  code: { coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code }] },
});
const order = (id: string, medication: string, requester: string) => ({
  resourceType: 'MedicationRequest',
  id,
  status: 'active',
  intent: 'order',
  medicationReference: { reference: `Medication/${medication}` },
  requester: { reference: `Practitioner/${requester}` },
  subject: { reference: 'Patient/p1' },
  authoredOn: '2026-01-05',
});
const entries = async (type: string) => [
  ...(await node.sql<{ id: string; body: string }[]>`
    select id, body from exchange.shared_resource where type = ${type} and not deleted order by id`),
];
const namedBy = async (member: string) =>
  new Set(
    (
      await node.sql<
        { body: string }[]
      >`select body from exchange.resource where type = 'MedicationRequest' and not deleted`
    ).map((r) => (JSON.parse(r.body) as Record<string, { reference?: string }>)[member]?.reference),
  );

test('clinicians of one NPI and drugs of one code are one entry; what names them names that one', async () => {
  const first = await node.pull([
    output(
      'Practitioner',
      doctor('a', '1', npi('9000000205')),
      doctor('b', '2', npi('9000000205')),
      doctor('c', '3', npi('9000000213')),
    ),
    output('Medication', drug('x', '860975'), drug('y', '860975'), drug('z', '197361')),
    output('MedicationRequest', order('1', 'x', 'a'), order('2', 'y', 'b')),
  ]);
  expect((await node.ledger(first.id)).filter((l) => l.startsWith('shared'))).toHaveLength(2);
  const doctors = await entries('Practitioner');
  expect(doctors).toHaveLength(2);
  expect(await entries('Medication')).toHaveLength(2);
  expect([...(await namedBy('requester'))]).toEqual([expect.stringMatching(/^Practitioner\//)]);
  expect((await namedBy('medicationReference')).size).toBe(1);
  // the one that was changed last is shown
  expect(doctors.some((d) => d.body.includes('"given":["b"]'))).toBe(true);
  const again = await node.pull([
    output('Practitioner', doctor('a', '1', npi('9000000205')), doctor('b', '2', npi('9000000205'))),
  ]);
  expect(await node.ledger(again.id)).toEqual(['unchanged Practitioner/a', 'unchanged Practitioner/b']);
});

test('an entry stays while one of them is reported', async () => {
  await node.pull([deletions('Practitioner/b')], { since: new Date('2026-01-01') });
  expect((await entries('Practitioner')).filter((d) => d.body.includes('9000000205'))).toHaveLength(1);
  await node.pull([deletions('Practitioner/a')], { since: new Date('2026-01-01') });
  expect((await entries('Practitioner')).filter((d) => d.body.includes('9000000205'))).toEqual([]);
});

test('by another number too, no matter who has an NPI first; two NPIs are two', async () => {
  const license = (value: string) => ({ system: 'https://board.example', value });
  const name = [{ family: 'Roe', given: ['Kim', 'L.'] }];
  const one = { identifier: [license('7')], name };
  const both = { identifier: [license('7'), ...npi('9000000221').identifier], name };
  const other = { identifier: [license('7'), ...npi('9000000239').identifier] };
  await node.pull([
    output(
      'Practitioner',
      doctor('k', '3', one),
      doctor('l', '1', both),
      doctor('m', '2', { identifier: [license('8')] }),
    ),
  ]);
  const found = (await entries('Practitioner')).filter((d) => d.body.includes('board.example'));
  expect(found).toHaveLength(2);
  expect(found.some((d) => d.body.includes('9000000221'))).toBe(true);
  const { id } = await node.pull([
    output(
      'Practitioner',
      doctor('n', '1', other),
      doctor('o', '1', { ...other, identifier: [license('9'), ...npi('9000000247').identifier] }),
    ),
  ]);
  expect(await node.ledger(id)).toEqual(['created Practitioner/n', 'created Practitioner/o']);
});

const practice = { identifier: [{ system: 'urn:oid:2.16.840.1.113883.4.4', value: '12-3456789' }] };

test('the number of a practice that each of its clinicians has makes no two of them one, nor of a company two places or services', async () => {
  const place = (id: string, name: string, line: string) => ({
    resourceType: 'Location',
    id,
    name,
    address: { line: [line], postalCode: '12345' },
    ...npi('9000000254'),
  });
  const role = (id: string, location: string) => ({
    resourceType: 'PractitionerRole',
    id,
    practitioner: { reference: 'Practitioner/q1' },
    location: [{ reference: `Location/${location}` }],
    ...npi('9000000262'),
  });
  const company = (id: string, name: string) => ({ resourceType: 'Organization', id, name, ...practice });
  const { id } = await node.pull([
    output('Practitioner', doctor('q1', '1', practice), doctor('q2', '2', practice)),
    output(
      'Location',
      place('p1', 'East', '1 Main St'),
      place('p2', 'West', '2 Oak St'),
      place('p3', 'East', '1 Main St'),
    ),
    output('PractitionerRole', role('r1', 'p1'), role('r2', 'p2')),
    output('Organization', company('o1', 'Hearts'), company('o2', 'Bones'), company('o3', 'Bones')),
    output('MedicationRequest', order('q', 'z', 'q1')),
  ]);
  const led = (await node.ledger(id)).filter((l) => l.startsWith('shared')).map((l) => l.split('/')[0]);
  expect(led).toEqual(['shared Location', 'shared Organization']);
  const requester = [...(await namedBy('requester'))];
  const [q1] = (await entries('Practitioner')).filter((d) => d.body.includes('"given":["q1"]'));
  expect(requester).toContain(`Practitioner/${q1?.id}`);

  const later = await node.pull([output('Practitioner', doctor('q3', '3', practice))], {
    since: new Date('2026-01-01'),
  });
  expect(await node.ledger(later.id)).toEqual(['created Practitioner/q3']);
});

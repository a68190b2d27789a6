// Enrolment out of FHIR Coverage.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCoverage } from '../../exchange/members/enrolment/coverage.ts';
import { enrolFromCoverage } from '../../exchange/members/enrolment/enrol-from-coverage.ts';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { enrol } from './plan-fixture.ts';

let node: TestNode;
const NPI = 'http://hl7.org/fhir/sid/us-npi';
const patient = (id: string) => ({
  resourceType: 'Patient',
  id,
  name: [{ family: 'Marlowe', given: ['Ann'] }],
  birthDate: '1980-01-01',
  gender: 'female',
});
const coverage = (id: string, of: string, over: object) => ({
  resourceType: 'Coverage',
  id,
  status: 'active',
  beneficiary: { reference: `Patient/${of}` },
  period: { start: '2027-01-01' },
  payor: [{ identifier: { system: NPI, value: '9000000012' } }],
  subscriberId: `S-${of}`,
  ...over,
});
const MB = [
  { type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MB' }] }, value: 'CARD1' },
];

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: '9000000012', PLAN_NAME: 'Our Plan' });
  await enrol(
    node.deps,
    [],
    [
      patient('p1'),
      patient('p2'),
      {
        resourceType: 'Organization',
        id: 'other',
        active: true,
        name: 'Old Plan',
        identifier: [{ system: NPI, value: '9000000004' }],
      },
      coverage('c1', 'p1', { identifier: MB, class: [{ type: { coding: [{ code: 'plan' }] }, value: 'GOLD' }] }),
      coverage('c2', 'p1', {
        payor: [{ reference: 'Organization/other' }],
        period: { start: '2020-01-01', end: '2026-12-31' },
      }),
      coverage('c3', 'p2', { payor: [{ display: 'OUR PLAN' }] }),
      coverage('c4', 'p2', { status: 'entered-in-error' }),
      coverage('c5', 'p2', { period: { end: '2027-12-31' } }),
    ],
  );
});
afterAll(() => node.close());

describe('one Coverage', () => {
  const us = { npi: '9000000012', name: 'Our Plan' };
  const read = (over: object) => readCoverage(coverage('c', 'p', over) as Resource, 'p', us, 'ma', new Map());
  const old = { payor: [{ display: 'Old Plan' }] };
  const start = '2027-01-01';
  test.each([
    ['no start', { period: { end: '2027-12-31' } }, 'its period has no start'],
    ['a month', { period: { start: '2027-01' } }, 'its period starts at 2027-01, which is no day'],
    ['ends in a month', { period: { start, end: '2027-12' } }, 'its period ends at 2027-12, which is no day'],
    ['backwards', { period: { start, end: '2026-12-31' } }, 'its period ends before it starts'],
    ['backwards elsewhere', { ...old, period: { start, end: '2026-12-31' } }, 'its period ends before it starts'],
    ['cancelled', { status: 'cancelled' }, 'it is cancelled, and its period has no end'],
    ['a draft', { status: 'draft' }, 'its status is draft'],
    ['for teeth', { type: { coding: [{ code: 'DENTAL' }] } }, 'its type is no health coverage'],
    ['of a life elsewhere', { ...old, type: { coding: [{ code: 'LIFE' }] } }, 'its type is no coverage of care'],
    ['self-pay', { payor: [{ reference: 'Patient/p' }] }, 'its payor has neither NPI nor name'],
  ])('%s is not enrolment', (_, over, fault) => expect(read(over)).toEqual({ fault }));

  test.each([
    ['we stand behind the member', { payor: [{ reference: 'Patient/p' }, { display: 'our plan' }] }],
    [
      'we stand behind another payer',
      { payor: [{ display: 'Old Plan' }, { identifier: { system: NPI, value: us.npi } }] },
    ],
    ['cancelled at a day', { status: 'cancelled', period: { start, end: '2027-06-30' } }],
    ['with times', { period: { start: '2027-01-01T00:00:00-05:00' } }],
  ])('ours: %s', (_, over) => expect(read(over)).toMatchObject({ ours: { memberNumber: 'S-p', starts: start } }));

  test.each([
    ['no period', { period: undefined }],
    ['a year', { period: { start: '2020' } }],
    ['cancelled', { status: 'cancelled', period: {} }],
    ['who pays for teeth', { period: {}, type: { coding: [{ code: 'DENTAL' }] } }],
  ])('of another payer the days need not be known: %s', (_, over) =>
    expect(read({ ...old, ...over })).toEqual({
      other: { memberId: 'p', payer: 'Old Plan', memberNumber: 'S-p', starts: undefined, ends: undefined },
    }),
  );
});

test('ours, others, and what cannot be used; again nothing changes', async () => {
  const { sql } = node.deps.database;
  const refused: string[] = [];
  const run = () => enrolFromCoverage(node.deps, 'qhp', (id) => void refused.push(id));
  expect(await run()).toMatchObject({ enrolments: 2, otherCoverages: 1, read: { ours: 2, others: 1 } });
  expect(refused).toEqual(['c4', 'c5']);
  expect([
    ...(await sql`select member_id, member_number, subscriber_id, plan, starts::text, lob from exchange.enrolment order by 1`),
  ]).toEqual([
    { member_id: 'p1', member_number: 'CARD1', subscriber_id: 'S-p1', plan: 'GOLD', starts: '2027-01-01', lob: 'qhp' },
    {
      member_id: 'p2',
      member_number: 'S-p2',
      subscriber_id: 'S-p2',
      plan: 'unspecified',
      starts: '2027-01-01',
      lob: 'qhp',
    },
  ]);
  expect([...(await sql`select member_id, payer, member_number, ends::text from exchange.other_coverage`)]).toEqual([
    { member_id: 'p1', payer: '9000000004', member_number: 'S-p1', ends: '2026-12-31' },
  ]);
  // also by the transaction that wrote each row
  const rows = () => sql`select xmin::text, * from exchange.other_coverage`;
  const before = [...(await rows())];
  expect(await run()).toMatchObject({ enrolments: 0, otherCoverages: 0, read: { ours: 2, others: 1 } });
  expect([...(await rows())]).toEqual(before);
  const [profile] = await sql<{ mb: string[] }[]>`select mb from exchange.member_profile where member_id = 'p1'`;
  expect(profile?.mb).toContain('CARD1');
});

test('a gap that Coverage alone tells begins an offer, and a coverage that ended before the offer was due ends it', async () => {
  const { sql } = node.deps.database;
  const told = async (id: string, start: string, end: string | undefined) => {
    const period = { start, ...(end === undefined ? {} : { end }) };
    const c = {
      resourceType: 'Coverage',
      id,
      status: 'active',
      subscriberId: 'S-gap',
      beneficiary: { reference: 'Patient/gap' },
      payor: [{ display: node.deps.config.planName }],
      period,
    };
    const entries = [{ resourceType: 'Patient', id: 'gap', name: [{ family: 'Gap' }], birthDate: '1980-01-01' }, c];
    const records = async function* () {
      for (const [i, resource] of entries.entries())
        yield { source: 'x', line: i + 1, text: JSON.stringify(resource), resource };
    };
    await importMembers(node.deps, {
      records: records(),
      validate: () => [],
      reject: (r) => expect(r).toBeUndefined(),
    });
    await enrolFromCoverage(node.deps, 'qhp', () => {});
    await keepClocks(node.deps);
    return (
      await sql<
        { k: string }[]
      >`select split_part(subject, '/', 2) || ' ' || state || ' ' || coalesce(reason, start_event) as k from exchange.deadline where member_id = 'gap' and kind = 'C1-offer' order by 1`
    ).map((r) => r.k);
  };
  const year = new Date().getUTCFullYear();
  expect(await told('g1', `${year - 1}-01-01`, undefined)).toHaveLength(1);
  // a second one, within the first as far as is known
  expect(await told('g2', `${year}-01-01`, undefined)).toHaveLength(1);
  const gap = await told('g1', `${year - 1}-01-01`, `${year - 1}-06-30`);
  expect(gap).toHaveLength(2);
  expect(gap[1]).toContain(`${year}-01-01 open coverage-anew`);
});

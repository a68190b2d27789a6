// Two members are one person, by the word of a reviewer; and two again.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { cardHolders } from '../../exchange/members/enrolment/write-enrolment.ts';
import { finishComparing } from '../../exchange/members/merge/compare-moved.ts';
import { idsOfPerson } from '../../exchange/members/merge/member-merge.ts';
import { stricterOf } from '../../exchange/members/merge/merge-choices.ts';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { brokenLaws } from '../journey/laws.ts';
import { lab, output, reconciler } from './reconcile/reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-one-'));
beforeAll(async () => {
  node = await reconciler();
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});

const HEAD =
  'patient_id,member_number,family,given,birth_date,coverage_start,prior_payer,prior_member_number,opt_in,opt_in_date';
async function enrol(...rows: string[]) {
  const path = join(folder, `${Math.random()}`);
  writeFileSync(path, `${HEAD}\n${rows.join('\n')}\n`);
  const refused: string[] = [];
  const none = async function* () {};
  const r = await importMembers(node.deps, {
    records: none(),
    enrolment: path,
    validate: () => [],
    reject: (x) => void refused.push(x.reason),
  });
  expect(refused).toEqual([]);
  return r;
}
const patient = (id: string, given: string, more: object = {}) => ({
  resourceType: 'Patient',
  id,
  name: [{ family: 'Rivera', given: [given] }],
  gender: 'female',
  birthDate: '1980-02-29',
  ...more,
});
const own = (id: string, member: string, value: number, day = '2026-01-01') =>
  lab(id, {
    subject: { reference: `Patient/${member}` },
    identifier: [{ system: 'http://lab.example', value: `acc-${id}` }],
    effectiveDateTime: `${day}T08:00:00Z`,
    valueQuantity: { value, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
  });
const there = (id: string, patientId: string, more: object = {}) =>
  lab(id, { subject: { reference: `Patient/${patientId}` }, ...more });

const who = { kind: 'staff', subject: 'ada', requestId: 'r1' } as const;
const shown = async () =>
  (
    await node.sql<{ k: string }[]>`
      select member_id || ' ' || type || ' ' || coalesce(source_id, id) as k from exchange.resource
      where not deleted and type not in ('Provenance') order by 1`
  ).map((r) => r.k);
const clocks = async () =>
  (
    await node.sql<{ k: string }[]>`
      select concat_ws(' ', member_id, kind, state, reason) as k from exchange.deadline order by 1`
  ).map((r) => r.k);
const linked = async () =>
  (
    await node.sql<{ k: string }[]>`
      select l.member_id || ' ' || (select string_agg(x, ' = ' order by x) from (
        select coalesce(r.source_id, r.id) as x from exchange.resource r where r.member_id = l.member_id and r.type = l.type and r.id in (l.a_id, l.b_id)) y) as k
      from exchange.link l where l.type <> 'Patient' and l.state = 'confirmed' order by 1`
  ).map((r) => r.k);
const choice = async (member: string) =>
  (
    await node.sql<{ k: string }[]>`
      select choice || ' ' || policy as k from exchange.consent where member_id = ${member} order by recorded_on desc, created_at desc limit 1`
  )[0]?.k;
const text = async (member: string, type: string, id: string) =>
  JSON.parse(
    (
      await node.sql<
        { body: string }[]
      >`select body from exchange.resource where member_id = ${member} and type = ${type} and id = ${id}`
    )[0]?.body ?? 'null',
  );
const OWN = [own('o1', 'm1', 13), own('o2', 'm2', 14, '2026-01-05')];
const ROWS = [
  'm1,N1,Rivera,Ana,1980-02-29,2026-01-01,prior,X,yes,2026-02-01',
  'm2,N2,Rivera,Ana,1980-02-29,2026-03-01,prior,X,,',
  'm2,N2,Rivera,Ana,1980-02-29,2026-03-01,elsewhere,,,',
];
const THERE = () => [
  output('Patient', { ...patient('p1', 'Ana') }, { ...patient('p2', 'Ana') }),
  output(
    'Observation',
    there('a', 'p1', { effectiveDateTime: '2026-01-02T08:00:00Z' }),
    there('b', 'p2', { effectiveDateTime: '2026-01-03T08:00:00Z' }),
    // our own result of the one, as the payer has it of the other
    there('c', 'p2', {
      identifier: [{ system: 'http://lab.example', value: 'acc-o1' }],
      valueQuantity: { value: 13, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
    }),
  ),
];
let before: { shown: string[]; linked: string[]; clocks: string[] };

test('what allows both holds of two choices; nothing new where they agree', () => {
  const c = (
    choice: 'opt-in' | 'decline',
    policy: 'regular' | 'sensitive' = 'regular',
    payers: 'both' | 'previous' | 'concurrent' = 'both',
  ) => ({ choice, policy, payers });
  expect(stricterOf(c('opt-in'), undefined)).toBeUndefined();
  expect(stricterOf(c('opt-in'), c('opt-in'))).toBeUndefined();
  expect(stricterOf(c('decline'), c('decline'))).toBeUndefined();
  expect(stricterOf(c('opt-in'), c('decline'))?.choice).toBe('withdraw');
  expect(stricterOf(c('decline'), c('opt-in'))?.choice).toBe('withdraw');
  expect(stricterOf(c('opt-in', 'sensitive'), c('opt-in'))).toEqual(c('opt-in'));
  expect(stricterOf(c('opt-in', 'regular', 'previous'), c('opt-in', 'sensitive'))).toEqual(
    c('opt-in', 'regular', 'previous'),
  );
  expect(stricterOf(c('opt-in', 'regular', 'previous'), c('opt-in', 'regular', 'concurrent'))?.choice).toBe('withdraw');
});

test('one person: cards, choices, duties, records and matching are those of the member that stays', async () => {
  await node.own(patient('m1', 'Ana'), patient('m2', 'Ana', { active: true }), ...OWN);
  await enrol(...ROWS);
  await node.pull(THERE());
  await keepClocks(node.deps);
  before = { shown: await shown(), linked: await linked(), clocks: await clocks() };
  expect(before.linked).toEqual([]);

  // what speaks against it has to be confirmed
  const asked = { memberId: 'm1', formerId: 'm2', reason: 'called, one card was a mistake', seen: [] };
  const refused = await makeOne(node.deps, asked, who);
  expect('refused' in refused && refused.refused === 'doubts' && refused.doubts.map((d) => d.code)).toEqual([
    'two-there',
    'overlap',
  ]);
  const done = await makeOne(node.deps, { ...asked, seen: ['two-there', 'overlap'] }, who);
  expect(done).toHaveProperty('id');

  expect(await shown()).toEqual(before.shown.map((k) => (k === 'm2 Patient m2' ? k : k.replace(/^m2/, 'm1'))).sort());
  // the result that came for the other is the one that we have
  expect(await linked()).toEqual(['m1 c = o1']);
  expect((await text('m1', 'Observation', 'o2')).subject.reference).toBe('Patient/m1');
  expect(
    await node.sql`select from exchange.resource where member_id = 'm1' and body like '%"Patient/m2"%' and type <> 'Patient'`,
  ).toHaveLength(0);
  expect(await text('m2', 'Patient', 'm2')).toMatchObject({
    active: false,
    link: [{ other: { reference: 'Patient/m1' }, type: 'replaced-by' }],
  });
  expect(await text('m1', 'Patient', 'm1')).toMatchObject({
    link: [{ other: { reference: 'Patient/m2' }, type: 'replaces' }],
  });
  expect(await brokenLaws(node.sql)).toEqual({});

  const holders = await cardHolders(node.sql, ['N1', 'N2']);
  expect([...holders.values()].map((h) => h.memberId)).toEqual(['m1', 'm1']);
  const [profile] = await node.sql`select member_id, mb, umb from exchange.member_profile`;
  expect([profile?.['member_id'], profile?.['mb'], profile?.['umb']]).toEqual(['m1', ['N1', 'N2'], ['UM1', 'UM2']]);
  expect(await node.sql`select from exchange.member_token where member_id = 'm2'`).toHaveLength(0);
  expect([await idsOfPerson(node.sql, 'm1'), await idsOfPerson(node.sql, 'm2')]).toEqual([
    ['m1', 'm2'],
    ['m1', 'm2'],
  ]);

  // the duty that both had is one; nothing begins for the former one
  const now = await clocks();
  expect(now.filter((k) => k.startsWith('m2'))).toEqual(['m2 C2 not-applicable one-person']);
  expect(now).toHaveLength(before.clocks.length);
  await keepClocks(node.deps);
  expect(await clocks()).toEqual(now);
  expect(await node.sql`select from exchange.audit where action = 'members-one'`).toHaveLength(2);
});

test('what our sources and payers go on to say of the former one is the other’s', async () => {
  const held = await shown();
  await node.own(patient('m1', 'Ana'), patient('m2', 'Ana', { active: true }), ...OWN);
  const again = await enrol(...ROWS);
  expect([again.counts.created, again.counts.updated, again.enrolment]).toEqual([
    0,
    0,
    { enrolments: 0, otherCoverages: 0, choices: 0 },
  ]);
  expect(await shown()).toEqual(held);
  expect((await text('m2', 'Patient', 'm2')).active).toBe(false);
  const pulled = await node.pull(THERE(), {
    members: [
      ['p1', 'm1'],
      ['p2', 'm1'],
    ],
  });
  expect((await node.ledger(pulled.id)).filter((l) => !l.startsWith('unchanged'))).toEqual([]);
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.own(own('o3', 'm2', 15, '2026-04-01'));
  expect(await shown()).toContain('m1 Observation o3');
});

test('no one stands for a member that goes on as another, or for one that others go on as', async () => {
  await node.sql`insert into exchange.member (id, umb) values ('m3', 'U-m3')`;
  for (const [memberId, formerId] of [
    ['m2', 'm3'],
    ['m3', 'm1'],
    ['m3', 'm2'],
  ] as const)
    expect(await makeOne(node.deps, { memberId, formerId, reason: 'no reason', seen: [] }, who)).toEqual({
      refused: 'former',
    });
  expect(await makeOne(node.deps, { memberId: 'm1', formerId: 'm1', reason: 'no reason', seen: [] }, who)).toEqual({
    refused: 'same',
  });
  expect(await makeOne(node.deps, { memberId: 'm1', formerId: 'nobody', reason: 'no reason', seen: [] }, who)).toEqual({
    refused: 'member',
  });
});

test('two again: what moved goes back, what came since stays', async () => {
  expect(await makeTwo(node.deps, { formerId: 'm1', reason: 'other one' }, who)).toEqual({ refused: 'not-one' });
  await makeTwo(node.deps, { formerId: 'm2', reason: 'they are twins' }, who);
  expect((await shown()).filter((k) => k !== 'm1 Observation o3')).toEqual(before.shown);
  expect(await linked()).toEqual(before.linked);
  expect((await text('m2', 'Observation', 'o2')).subject.reference).toBe('Patient/m2');
  const [m1, m2] = [await text('m1', 'Patient', 'm1'), await text('m2', 'Patient', 'm2')];
  expect([m1.link, m2.link, m2.active]).toEqual([undefined, undefined, true]);
  expect([...(await cardHolders(node.sql, ['N1', 'N2'])).values()].map((h) => h.memberId)).toEqual(['m1', 'm2']);
  expect(await clocks()).toEqual(before.clocks);
  expect(await node.sql`select from exchange.member_profile`).toHaveLength(2);
  expect(await brokenLaws(node.sql)).toEqual({});
  const pulled = await node.pull(THERE());
  expect((await node.ledger(pulled.id)).filter((l) => !l.startsWith('unchanged'))).toEqual([]);
});

test('of choices that contradict the stricter holds, and what was chosen before holds again when they are two', async () => {
  await node.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values ('c2', 'm2', 'decline', 'regular', '2026-02-02', 'test')`;
  expect(await choice('m1')).toBe('opt-in regular');
  const refused = await makeOne(
    node.deps,
    { memberId: 'm1', formerId: 'm2', reason: 'one person', seen: ['overlap'] },
    who,
  );
  expect('refused' in refused && refused.refused === 'doubts' && refused.doubts.map((d) => d.code)).toEqual([
    'overlap',
    'choices',
  ]);
  await makeOne(node.deps, { memberId: 'm1', formerId: 'm2', reason: 'one person', seen: ['overlap', 'choices'] }, who);
  expect(await choice('m1')).toBe('withdraw regular');
  await makeTwo(node.deps, { formerId: 'm2', reason: 'they are twins' }, who);
  expect([await choice('m1'), await choice('m2')]).toEqual(['opt-in regular', 'decline regular']);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('a process that dies before records were compared leaves it to the next tick', async () => {
  const dying = {
    ...node.deps,
    database: { ...node.deps.database, lend: () => Promise.reject(new Error('killed')) },
  } as typeof node.deps;
  await expect(
    makeOne(dying, { memberId: 'm1', formerId: 'm2', reason: 'one person', seen: ['overlap', 'choices'] }, who),
  ).rejects.toThrow('killed');
  expect(await linked()).toEqual([]);
  const later = { ...node.deps, clock: () => new Date(Date.now() + 3_600_000) };
  await finishComparing(node.deps);
  expect(await linked()).toEqual([]);
  await finishComparing(later);
  expect(await linked()).toEqual(['m1 c = o1']);
  expect(await node.sql`select from exchange.member_merge where compare_at is not null`).toHaveLength(0);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('no one is merged with another while our own records are being imported: they would stay under the number that no one asks for', async () => {
  await node.own(patient('twin-a', 'Eva'), patient('twin-b', 'Eva'));
  const done: unknown[] = [];
  const merge = () =>
    makeOne(node.deps, { memberId: 'twin-a', formerId: 'twin-b', reason: 'one person', seen: [] }, who);
  const records = async function* () {
    const resource = own('late', 'twin-b', 12.1) as Resource;
    yield { source: 'own', line: 1, text: JSON.stringify(resource), resource };
    // a reviewer decides while the file is being read
    done.push(await merge());
  };
  await importMembers(node.deps, { records: records(), validate: () => [], reject: () => {} });
  expect(done).toEqual([{ refused: 'busy', payers: [] }]);
  expect(await merge()).toHaveProperty('id');
  const [late] = await node.sql`select member_id from exchange.resource where id = 'late' and not deleted`;
  expect(late?.['member_id']).toBe('twin-a');
});

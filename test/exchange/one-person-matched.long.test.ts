// A payer matches a member by the card of one that goes on as that member. When the two are two again, no one knows whom it meant.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { disclosuresOf } from '../../exchange/compliance/disclosures/disclosures.ts';
import { patientIdFor } from '../../exchange/members/enrolment/enrolment.ts';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { DOUBTS } from '../../exchange/members/merge/merge-report.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { withdrawnMembers } from '../../exchange/responder/export/withdrawn-since.ts';
import { grantedMembers, grantedWindow, stillGranted } from '../../exchange/responder/grant.ts';
import {
  groupCode,
  type MatchMember,
  writeMatchGroup,
  writeMatchMembers,
} from '../../exchange/responder/match/match-group.ts';
import { asksOf, enrolled, loadPlan } from '../simulation/load-plan.ts';
import { type TestNode, twoPlans } from '../support/node.ts';
import { planDay } from './plan-fixture.ts';

const BEN = { family: 'Lopez', given: 'Ben', born: '1980-02-02' };
const ANA = { family: 'Rivera', given: 'Ana', born: '1974-12-25' };
const WHO = { kind: 'staff', subject: 'ada', requestId: 'r' } as const;
const [STAYS, FORMER, OTHER] = [patientIdFor('B1'), patientIdFor('B2'), patientIdFor('B9')];
let ours: TestNode;
let prior: TestNode;
beforeAll(async () => {
  ({ ours, prior } = await twoPlans());
});
afterAll(async () => {
  await ours?.close();
  await prior?.close();
});

const result = (id: string, patient: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  subject: { reference: `Patient/${patient}` },
  code: { coding: [{ system: 'http://loinc.org', code: '2345-7' }] },
  effectiveDateTime: `2026-05-05T08:0${id.slice(1)}:00Z`,
});
/** Asks, by the Group that there is; returns what is here then. */
async function asked(cause: Parameters<typeof planPulls>[1]): Promise<string[]> {
  const working = setInterval(() => void prior.work(), 20);
  try {
    for (const id of await planPulls(ours.deps, cause)) await ours.worker.finish(id);
  } finally {
    clearInterval(working);
  }
  const rows = await ours.deps.database.sql<{ id: string }[]>`
    select source_id as id from exchange.resource where type = 'Observation' and not deleted order by 1`;
  return rows.map((r) => r.id);
}
const granted = async () => {
  const { sql } = prior.deps.database;
  const [peer] = await sql<{ id: string }[]>`select id from exchange.peer`;
  const [peerId, today] = [peer?.id ?? '', planDay(prior.deps.clock())];
  const scope = { peerId, groupId: null };
  const all = (await grantedMembers(sql, scope, today)).map((g) => g.memberId);
  expect((await grantedWindow(sql, peerId, today, '', 10)).map((g) => g.memberId)).toEqual(all);
  expect([...(await stillGranted(sql, scope, today, [STAYS, FORMER, OTHER])).keys()].sort()).toEqual(all);
  return all;
};

test('two again: what was matched while they were one counts no more, and by a new match comes what is of the card', async () => {
  await loadPlan(
    prior,
    [enrolled({ ...ANA, number: 'B1' }), enrolled({ ...ANA, number: 'B2' }), enrolled({ ...BEN, number: 'B9' })],
    [result('o1', STAYS), result('o2', FORMER), result('o9', OTHER)],
  );
  const seen = Object.keys(DOUBTS);
  const one = await makeOne(prior.deps, { memberId: STAYS, formerId: FORMER, reason: 'one person', seen }, WHO);
  expect(one).toHaveProperty('id');
  await loadPlan(
    ours,
    [asksOf({ ...ANA, number: 'A2' }, 'Old Plan', 'B2'), asksOf({ ...BEN, number: 'A9' }, 'Old Plan', 'B9')],
    [],
  );
  expect(await asked({ cause: 'opt-in' })).toEqual(['o1', 'o2', 'o9']);
  expect(await granted()).toEqual([STAYS, OTHER].sort());
  // the question was on its way when they were merged: by the times it came before
  await prior.deps.database.sql`update exchange.member_merge set at = at + interval '1 day'`;
  expect(await makeTwo(prior.deps, { formerId: FORMER, reason: 'two persons' }, WHO)).toHaveProperty('id');
  expect(await granted()).toEqual([OTHER]);
  await loadPlan(prior, [], [result('o3', STAYS), result('o4', FORMER)]);
  const now = await asked({ cause: 'command', again: true });
  // it asked for everything, of which nothing is reported as deleted; who asks for what changed is reported whom it had
  expect(now).toEqual(['o1', 'o2', 'o4', 'o9']);
  const { sql } = prior.deps.database;
  const [last] = await sql<{ peer: string; groupId: string; before: string }[]>`
    select e.peer_id as peer, e.group_id as "groupId", (select to_json(min(transaction_time))#>>'{}' from exchange.bulk_job where kind = 'export') as before
    from exchange.bulk_job e where e.kind = 'export' order by e.transaction_time desc limit 1`;
  const told = (groupId: string | null, since: string) =>
    withdrawnMembers(sql, { peerId: last?.peer ?? '', groupId }, planDay(prior.deps.clock()), since);
  expect(await told(last?.groupId ?? '', last?.before ?? '')).toEqual([STAYS]);
  expect(await told(null, last?.before ?? '')).toEqual([STAYS]);
  expect(await told(null, '2100-01-01T00:00:00Z')).toEqual([]);
  expect(await granted()).toEqual([FORMER, OTHER].sort());
});

test('a Group that is written when those in it are two again already is over', async () => {
  const { sql } = prior.deps.database;
  const [one] = await sql<{ id: string; jobId: string; peerId: string; memberId: string }[]>`
    select o.id, j.id as "jobId", j.peer_id as "peerId", o.member_id as "memberId" from exchange.member_merge o cross join exchange.bulk_job j where j.kind = 'match' limit 1`;
  if (one === undefined) throw new Error('no merge');
  const written = async (id: string, asOne: string[]) => {
    const member: Omit<MatchMember, 'position' | 'memberId' | 'groupId' | 'asOne'> = {
      submittedId: 'x',
      outcome: 'match',
      reason: 'matched',
      rule: 27,
      fuzzy: null,
      persons: 1,
      attestation: null,
      coverageToLink: null,
      consent: null,
      policy: 'regular',
      from: '2026-01-01',
      to: '2100-01-01',
    };
    const position = asOne.length + 100;
    await writeMatchMembers(sql, one.jobId, [{ ...member, position, memberId: one.memberId, groupId: id, asOne }]);
    const job = { id: one.jobId, peerId: one.peerId, at: prior.deps.clock() };
    await writeMatchGroup(sql, job, { id, code: 'match', resource: '{}', lastConsent: '2100-01-01' });
    return await groupCode(sql, id, one.peerId, planDay(prior.deps.clock()));
  };
  expect(await written('g-two', [one.id])).toBe('over');
  expect(await granted()).not.toContain(STAYS);
  expect(await written('g-one', [])).toBe('match');
  expect(await granted()).toContain(STAYS);
});

test('two again: who asks for changes by the card of the one that stayed is reported that the other one’s records are gone, and the account tells what left', async () => {
  const CLEO = { family: 'Okafor', given: 'Cleo', born: '1966-06-06' };
  const [stays, former] = [patientIdFor('C1'), patientIdFor('C2')];
  await loadPlan(
    prior,
    [enrolled({ ...CLEO, number: 'C1' }), enrolled({ ...CLEO, number: 'C2' })],
    [result('c1', stays), result('c2', former)],
  );
  const seen = Object.keys(DOUBTS);
  const say = { memberId: stays, formerId: former, reason: 'one person', seen };
  expect(await makeOne(prior.deps, say, WHO)).toHaveProperty('id');
  await loadPlan(ours, [asksOf({ ...CLEO, number: 'A7' }, 'Old Plan', 'C1')], []);
  expect(await asked({ cause: 'opt-in' })).toEqual(expect.arrayContaining(['c1', 'c2']));
  const before = await prior.deps.database.sql<
    { n: string }[]
  >`select coalesce(max(seq), 0)::text as n from exchange.audit`;
  expect(await makeTwo(prior.deps, { formerId: former, reason: 'two persons' }, WHO)).toHaveProperty('id');
  const now = await asked({ cause: 'command', again: true });
  expect(now).toContain('c1');
  expect(now).not.toContain('c2');
  const { sql } = prior.deps.database;
  const told = await sql`
    select member_id as "memberId", reason from exchange.audit where action = 'export-withdrawn' and seq > ${before[0]?.n ?? '0'} and member_id in (${stays}, ${former})`;
  expect([...told]).toEqual([{ memberId: former, reason: 'two-persons' }]);
  // the account of either tells what left while they were one, the former one's as what it left as
  const account = async (id: string) =>
    ((await disclosuresOf(prior.deps, id)) ?? [])
      .filter((d) => d.at !== null && d.types['Observation'])
      .map((d) => [d.asMember, d.types['Observation']]);
  expect((await account(former)).at(-1)).toEqual([stays, 2]);
  expect((await account(stays)).at(-1)).toEqual([null, 2]);
});

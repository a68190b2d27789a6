// Two members are merged or unmerged, and of one of them it is in doubt whether a payer means them: what that payer sent does not leave
// meanwhile, also when the process dies before the records are compared.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { finishComparing } from '../../exchange/members/merge/compare-moved.ts';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { localId } from '../../exchange/reconcile/local-id.ts';
import { doubtsOf } from '../../exchange/records/doubt.ts';
import { memberRows } from '../../exchange/responder/search/member-read-rows.ts';
import { decideItem } from '../../exchange/review/decide.ts';
import type { PersonDecision } from '../../exchange/review/kinds.ts';
import { findItem } from '../../exchange/review/review-rows.ts';
import type { Deps } from '../../src/deps.ts';
import { lab, output, PEER, reconciler } from './reconcile/reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
let dying: Deps;
beforeAll(async () => {
  node = await reconciler();
  const { database } = node.deps;
  dying = { ...node.deps, database: { ...database, lend: () => Promise.reject(new Error('killed')) } };
});
afterAll(() => node.close());

const ADA = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
const who = { kind: 'staff', subject: 'ada', requestId: 'r1' } as const;
const [A, B] = [localId(PEER, 'Observation', 'a'), localId(PEER, 'Observation', 'b')];
const DAYS = { windowStart: '2016-01-01', yearAgo: '2025-11-28', today: '2026-11-28' };
const patient = (id: string, birthDate: string) => ({
  resourceType: 'Patient',
  id,
  name: [{ family: 'Rivera', given: ['Ana'] }],
  birthDate,
});
const of = (id: string, patientId: string, day: string) =>
  lab(id, { subject: { reference: `Patient/${patientId}` }, effectiveDateTime: `${day}T08:00:00Z` });
/** What may leave of a member to a peer that knows everything up to a time. */
const leaving = async (memberId: string, since: Date) => {
  const grants = [{ memberId, policy: 'regular', policyThen: 'regular' }] as const;
  const rows = await memberRows(node.sql, grants, DAYS, { types: ['Observation'], since, limit: 9 });
  return rows.map((r) => r.id);
};
const FIRST = new Date(0);
const soon = async () => {
  const [row] = await node.sql<{ at: Date }[]>`select clock_timestamp() as at`;
  await new Promise((r) => setTimeout(r, 5));
  return row?.at ?? FIRST;
};
const told = async (memberId: string, since: Date) =>
  (
    await node.sql<{ id: string }[]>`
      select id from exchange.resource where member_id = ${memberId} and type = 'Observation' and coalesce(moved_at, last_updated) > ${since} order by id`
  ).map((r) => r.id);
const compare = () => finishComparing({ ...node.deps, clock: () => new Date(Date.now() + 3_600_000) });

test('a doubt goes with the records, and comes back with them', async () => {
  await node.own(patient('m1', '1980-02-29'), patient('m2', '1980-02-29'));
  await node.pull([
    output('Patient', patient('p1', '1980-02-29'), patient('p2', '1981-01-01')),
    output('Observation', of('a', 'p1', '2026-01-01'), of('b', 'p2', '2026-01-03')),
  ]);
  expect([await leaving('m1', FIRST), await leaving('m2', FIRST)]).toEqual([[A], []]);

  const one = await soon();
  const m = { memberId: 'm1', formerId: 'm2', reason: 'one person', seen: ['two-there'] };
  await expect(makeOne(dying, m, who)).rejects.toThrow('killed');
  expect(await leaving('m1', FIRST)).toEqual([]);
  expect(await told('m1', one)).toEqual([A, B].sort());
  await compare();
  expect(await leaving('m1', FIRST)).toEqual([]);
  const [item] =
    await node.sql`select state, decision from exchange.review_item where kind = 'identity-doubt' and member_id = 'm1'`;
  expect(item).toEqual({ state: 'open', decision: null });

  const two = await soon();
  await expect(makeTwo(dying, { formerId: 'm2', reason: 'two persons' }, who)).rejects.toThrow('killed');
  expect([await leaving('m1', two), await leaving('m2', FIRST)]).toEqual([[A], []]);
  await compare();
  expect([await leaving('m1', two), await leaving('m2', FIRST)]).toEqual([[A], []]);
});

test.each(['discard', 'report-to-peer', 'keep-both'] as const)(
  'what a person said of a doubt (%s) is asked again of the one that they go on as, and until then nothing leaves that did not',
  async (said) => {
    const { sql, deps, own, pull, close } = await reconciler();
    const told = (birthDate: string, day: number) =>
      pull(
        [
          output('Patient', { ...patient('p1', birthDate), meta: { lastUpdated: `2026-01-0${day}T00:00:00Z` } }),
          output('Observation', of('a', 'p1', '2026-01-01')),
        ],
        { since: new Date(), members: [['p1', 'm1']] },
      );
    const stands = async (memberId: string) => (await doubtsOf(sql, [memberId])).length > 0;
    const decide = async (memberId: string, decision: PersonDecision) => {
      const [row] = await sql<{ id: string }[]>`
      select id from exchange.review_item where kind = 'identity-doubt' and state = 'open' and member_id = ${memberId}`;
      const mark = (await findItem(sql, row?.id ?? ''))?.mark ?? '';
      const d = { itemId: row?.id ?? '', decision, reason: 'looked at it', mark };
      expect(await decideItem(deps, ADA, d, 'r')).toBeUndefined();
    };
    await own(patient('m1', '1980-02-29'), patient('m2', '1980-02-29'));
    await told('1981-01-01', 2);
    await decide('m1', said);
    // another person stays another person, whatever the payer says then
    if (said === 'discard') await told('1980-02-29', 3);
    expect(await stands('m1')).toBe(said !== 'keep-both');
    const m = { memberId: 'm2', formerId: 'm1', reason: 'one person', seen: [] };
    expect(await makeOne(deps, m, who)).not.toHaveProperty('refused');
    expect([await stands('m1'), await stands('m2')]).toEqual([false, true]);
    expect(await makeTwo(deps, { formerId: 'm1', reason: 'two persons' }, who)).not.toHaveProperty('refused');
    expect([await stands('m1'), await stands('m2')]).toEqual([true, false]);
    if (said === 'discard') {
      const [row] = await sql<{ id: string }[]>`
      select id from exchange.review_item where state = 'decided' and member_id = 'm1' and kind = 'identity-doubt'`;
      const mark = (await findItem(sql, row?.id ?? ''))?.mark ?? '';
      const d = { itemId: row?.id ?? '', decision: 'undo', reason: 'it is the member', mark } as const;
      expect(await decideItem(deps, ADA, d, 'r')).toBeUndefined();
      await decide('m1', 'dismiss');
      expect(await stands('m1')).toBe(false);
    }
    await close();
  },
);

// A member who says no while an answer is on its way, and yes again later: what was held for the no is asked for anew and taken in. Real HTTP, two databases.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordChoice } from '../../exchange/members/consent/record-choice.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { findPull } from '../../exchange/requester/pull.ts';
import { idOf, type Person } from '../exchange/plan-fixture.ts';
import { lab } from '../exchange/reconcile/reconcile-pull.ts';
import { introduce, startNode, type TestNode } from '../support/node.ts';
import { asksOf, enrolled, loadPlan } from './load-plan.ts';

const DAY = 86_400_000;
let skew = 0;
const clock = () => new Date(Date.now() + skew);
const ANA: Person = { number: 'B731', family: 'Rivera', given: 'Ana', born: '1974-12-25' };
let a: TestNode;
let b: TestNode;

/** Ana with us says so now. */
async function says(choice: 'opt-in' | 'withdraw'): Promise<void> {
  const [m] = await a.deps.database.sql<{ id: string }[]>`select id from exchange.member`;
  const told = {
    choice,
    policy: 'regular',
    payers: 'both',
    channel: 'phone',
    verification: 'call',
    language: 'en',
  } as const;
  const actor = { subject: 'ada', kind: 'staff', requestId: 'r1' } as const;
  expect(await recordChoice(a.deps, m?.id ?? '', told, actor)).toBeDefined();
}
const result = (id: string): object =>
  lab(id, { subject: { reference: `Patient/${idOf(ANA)}` }, effectiveDateTime: '2026-02-05T07:00:00Z' });

/** What is due is asked for. @param meanwhile what happens when the answer is here and not yet taken in */
async function ask(meanwhile?: () => Promise<void>): Promise<Date | null> {
  const working = setInterval(() => void b.work(), 20);
  try {
    const [id = ''] = await planPulls(a.deps, { cause: 'opt-in' });
    if (meanwhile) {
      const stop = new AbortController();
      await a.worker.finish(id, (pull) => pull.state === 'reconciling' && stop.abort(), stop.signal);
      expect((await findPull(a.deps.database.sql, id))?.state).toBe('reconciling');
      await meanwhile();
    }
    const done = await a.worker.finish(id);
    expect([done?.state, done?.reason]).toEqual(['done', null]);
    return done?.since ?? null;
  } finally {
    clearInterval(working);
  }
}
/** Of the records of Plan B: which are here, and which wait for what. */
async function here(): Promise<[string, string][]> {
  const rows = await a.deps.database.sql<{ id: string; is: string }[]>`
    select i.source_id as id, concat_ws(', ', v.kind, case when r.deleted then 'hidden' when r.id is not null and i.state = 'visible' then 'here' end) as is
    from exchange.identity i
    left join exchange.review_item v on v.id = md5(concat_ws('|', 'held', i.peer_id, i.type, i.source_id)) and v.state = 'open'
    left join exchange.resource r on r.type = i.type and r.source_id = i.source_id and r.origin = i.peer_id
    where i.type = 'Observation' order by 1`;
  return rows.map((r) => [r.id, r.is]);
}

beforeAll(async () => {
  a = await startNode({ PLAN_NAME: 'Plan A', PLAN_NPI: '9000000020' }, { clock });
  b = await startNode({ PLAN_NAME: 'Plan B', PLAN_NPI: '9000000004' }, { clock });
  await introduce(a, b, { asker: 'plan-a', responder: 'plan-b' });
  await loadPlan(b, [enrolled(ANA)], [result('first')]);
  await loadPlan(a, [asksOf({ ...ANA, number: 'A100' }, 'Plan B', ANA.number)], []);
});
afterAll(async () => {
  await a?.close();
  await b?.close();
});

test('what was held for a no is asked for again after the next yes', { timeout: 120_000 }, async () => {
  expect(await ask()).toBeNull();
  expect(await here()).toEqual([['first', 'here']]);

  await loadPlan(b, [], [result('second')]);
  skew += 91 * DAY;
  const since = await ask(() => says('withdraw'));
  expect(since).not.toBeNull();
  expect(await here()).toEqual([
    ['first', 'here'],
    ['second', 'consent-withdrawn'],
  ]);

  skew += DAY;
  await says('opt-in');
  // since before the answer that was held
  expect(await ask()).toEqual(since);
  expect(await here()).toEqual([
    ['first', 'here'],
    ['second', 'here'],
  ]);
  skew += 91 * DAY;
  expect((await ask())?.getTime()).toBeGreaterThan(Number(since));
});

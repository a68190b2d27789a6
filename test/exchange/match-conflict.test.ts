// Two of our members for whom a payer finds one person: no one can tell which of them that is. Anyone who was asked for with them is asked for apart, so that nothing comes of that person.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planPulls } from '../../exchange/requester/plan.ts';
import { asksOf, enrolled, loadPlan } from '../simulation/load-plan.ts';
import { type TestNode, twoPlans } from '../support/node.ts';
import { idOf, type Person } from './plan-fixture.ts';

const ANA: Person = { number: '', family: 'Rivera', given: 'Ana', born: '1974-12-25' };
const BOB: Person = { number: '', family: 'Johnson', given: 'Robert', born: '1960-02-03' };
let ours: TestNode;
let prior: TestNode;
beforeAll(async () => {
  ({ ours, prior } = await twoPlans());
});
afterAll(async () => {
  await ours?.close();
  await prior?.close();
});

const result = (id: string, of: Person) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  subject: { reference: `Patient/${idOf(of)}` },
  code: { coding: [{ system: 'http://loinc.org', code: '2345-7' }] },
  effectiveDateTime: '2026-05-05T08:10:00Z',
});

test('of whom two are one person there nothing is fetched, and the others come, also of a pull that was divided', async () => {
  const { sql } = ours.deps.database;
  const there = [
    { ...ANA, number: 'B1' },
    { ...BOB, number: 'B2' },
  ] as const;
  await loadPlan(
    prior,
    there.map((p) => enrolled(p)),
    [result('of-ana', there[0]), result('of-bob', there[1])],
  );
  // two numbers here, of one person, with the one card there
  const [first, second, bob] = [
    { ...ANA, number: 'A1' },
    { ...ANA, number: 'A9' },
    { ...BOB, number: 'A2' },
  ] as const;
  const rows = [asksOf(first, 'Old Plan', 'B1'), asksOf(second, 'Old Plan', 'B1'), asksOf(bob, 'Old Plan', 'B2')];
  await loadPlan(ours, rows, []);
  const working = setInterval(() => void prior.work(), 20);
  try {
    const [id = ''] = await planPulls(ours.deps, { cause: 'opt-in' });
    // as if the payer had taken fewer members at once: what stayed of the pull has ended
    await sql`
      insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, finished_at)
      select 'stayed', peer_id, 'done', cause, created_at, due_at, next_at, created_at from exchange.pull where id = ${id}`;
    await sql`update exchange.pull set part_of = 'stayed' where id = ${id}`;
    await ours.worker.drain();
    for (let n = 0; n < 200; n++) {
      const open = await sql<
        { id: string }[]
      >`select id from exchange.pull where finished_at is null order by created_at, id`;
      if (open.length === 0) break;
      for (const { id } of open) await ours.worker.finish(id);
    }
  } finally {
    clearInterval(working);
  }
  const pulls = await sql<{ state: string; said: string[] }[]>`
    select p.state, array_agg(m.member_id || ' ' || m.outcome order by 1) as said from exchange.pull p join exchange.pull_member m on m.pull_id = p.id group by p.id, p.state order by 1`;
  expect(pulls.map((p) => [p.state, [...p.said].sort()])).toEqual([
    ['done', [`${idOf(bob)} matched`]],
    ['failed', [first, second].map((p) => `${idOf(p)} conflict`).sort()],
  ]);
  const came = await sql<{ outcome: string; id: string }[]>`
    select outcome, source_id as id from exchange.ledger where type in ('Observation', 'Patient') and outcome <> 'updated' order by 2`;
  expect(came.filter((c) => c.id.startsWith('of-'))).toEqual([{ outcome: 'created', id: 'of-bob' }]);
  expect([...(await sql`select kind from exchange.review_item`)]).toEqual([]);
  const asked = await prior.deps.database.sql<{ members: number }[]>`
    select count(*)::int as members from exchange.delivered`;
  // nothing of her left either
  expect(asked).toEqual([{ members: 1 }]);
});

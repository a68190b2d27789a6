// A payer that has no such member is asked again when what the member is known by is corrected here: the week begins with that (spec: a later correction begins a new duty).
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planPulls } from '../../exchange/requester/plan.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { asksOf, enrolled, loadPlan } from '../simulation/load-plan.ts';
import { type TestNode, twoPlans } from '../support/node.ts';
import type { Person } from './plan-fixture.ts';

const ANN: Person = { number: 'A1', family: 'Rivera', given: 'Ana', born: '1974-12-25' };
const BOB: Person = { number: 'A2', family: 'Johnson', given: 'Robert', born: '1960-02-03' };
let ours: TestNode;
let prior: TestNode;

beforeAll(async () => {
  ({ ours, prior } = await twoPlans());
  await loadPlan(prior, [enrolled({ ...ANN, number: 'B1' })], []);
});
afterAll(async () => {
  await ours?.close();
  await prior?.close();
});

/** Who is due is asked for. Returns how each was answered for. */
async function asked(): Promise<(string | null)[]> {
  const working = setInterval(() => void prior.work(), 20);
  try {
    const found: (string | null)[] = [];
    for (const id of await planPulls(ours.deps, { cause: 'opt-in' })) {
      await ours.worker.finish(id);
      const rows = await ours.deps.database.sql<{ outcome: string | null }[]>`
        select outcome from exchange.pull_member where pull_id = ${id} order by submitted_id`;
      found.push(...rows.map((r) => r.outcome));
    }
    return found;
  } finally {
    clearInterval(working);
  }
}

test('who was not known under a wrong birth date is asked for under the right one, and no one else', async () => {
  const { sql } = ours.deps.database;
  const load = (...people: Person[]) =>
    loadPlan(
      ours,
      people.map((p) => asksOf(p, 'Old Plan', p.number === BOB.number ? 'B2' : 'B1')),
      [],
    );
  await load({ ...ANN, born: '1974-12-05' }, BOB);
  expect(await asked()).toEqual(['not-matched', 'not-matched']);
  await keepClocks(ours.deps);
  // the same file again corrects nothing
  await load({ ...ANN, born: '1974-12-05' }, BOB);
  expect(await asked()).toEqual([]);
  await load(ANN, BOB);
  expect(await asked()).toEqual(['matched']);
  const duties = await sql<{ start_event: string; state: string; reason: string | null }[]>`
    select start_event, state, reason from exchange.deadline where kind = 'C2' and member_id = (select member_id from exchange.enrolment where member_number = 'A1') order by starts_at`;
  expect(duties.map((d) => ({ ...d }))).toEqual([
    { start_event: 'opt-in-and-payer-known', state: 'met', reason: 'no-unique-match' },
    { start_event: 'identity-corrected', state: 'met', reason: null },
  ]);
  // what is corrected before it is asked for is asked for once, as it is by then
  await load(ANN, { ...BOB, born: '1960-03-02' });
  const [id = ''] = await planPulls(ours.deps, { cause: 'opt-in' });
  const worker = setInterval(() => void prior.work(), 20);
  await load(ANN, { ...BOB, born: '1960-03-03' });
  await ours.worker.finish(id);
  clearInterval(worker);
  expect(await sql`select outcome from exchange.pull_member where pull_id = ${id}`).toMatchObject([
    { outcome: 'not-matched' },
  ]);
  expect(await asked()).toEqual([]);
  // by what was asked in vain no one is asked once more, also when another feed has reported something else in between
  await load({ ...BOB, born: '1960-03-02' });
  expect(await asked()).toEqual(['not-matched']);
  await load({ ...BOB, born: '1960-03-03' });
  expect(await asked()).toEqual([]);
  await load({ ...BOB, born: '1960-03-02' });
  expect(await asked()).toEqual([]);
  // nor does it count as asked for by who asked, by the other name, while it was being written
  await load({ ...BOB, born: '1961-01-01' });
  await sql`update exchange.member set identity_corrected_at = now() - interval '1 hour' where identity_corrected_at is not null`;
  expect(await asked()).toEqual(['not-matched']);
  expect(await asked()).toEqual([]);
  // who is known there is not asked for once more when a name changes
  await load({ ...ANN, family: 'Rivera-Stone' }, { ...BOB, born: '1961-01-01' });
  expect(await asked()).toEqual([]);
});

test('who was not known is matched again, apart from who is known and was asked for together with that one', async () => {
  const { sql } = ours.deps.database;
  const [cat, dan]: [Person, Person] = [
    { number: 'A3', family: 'Stone', given: 'Cat', born: '1980-01-01' },
    { number: 'A4', family: 'Woods', given: 'Dan', born: '1981-01-01' },
  ];
  await loadPlan(prior, [enrolled({ ...cat, number: 'B3' }), enrolled({ ...dan, number: 'B4' })], []);
  const load = (born: string) =>
    loadPlan(ours, [asksOf(cat, 'Old Plan', 'B3'), asksOf({ ...dan, born }, 'Old Plan', 'B4')], []);
  await load('1981-10-10');
  expect((await asked()).sort()).toEqual(['matched', 'not-matched']);
  await load(dan.born);
  // both at once, as in the next quarter
  const both = await sql<
    { id: string }[]
  >`select member_id as id from exchange.enrolment where member_number in ('A3', 'A4')`;
  const ids = await planPulls(ours.deps, { cause: 'command', again: true, memberIds: both.map((m) => m.id) });
  const worker = setInterval(() => void prior.work(), 20);
  for (const id of ids) await ours.worker.finish(id);
  clearInterval(worker);
  const outcomes = await sql<{ outcome: string; isChanges: boolean }[]>`
    select m.outcome, p.since is not null as "isChanges" from exchange.pull_member m join exchange.pull p on p.id = m.pull_id where p.id = any(${ids}::text[]) order by 2`;
  expect(outcomes).toEqual([
    { outcome: 'matched', isChanges: false },
    { outcome: 'matched', isChanges: true },
  ]);
});

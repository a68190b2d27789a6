// Members whose records are asked for again and again, for longer than what was said of them once holds: another choice is told to the payer, a Group that is
// over is made anew, and what is gone there goes here, whoever is asked for together. Real HTTP, two databases.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planPulls } from '../../exchange/requester/plan.ts';
import { idOf, type Person, planDay } from '../exchange/plan-fixture.ts';
import { lab } from '../exchange/reconcile/reconcile-pull.ts';
import { introduce, startNode, type TestNode } from '../support/node.ts';
import { asksOf, enrolled, loadPlan } from './load-plan.ts';

const DAY = 86_400_000;
/** A dozen pulls, each of which waits for its answer. */
const SLOWLY = 600_000;
const QUARTER = 91 * DAY;
let skew = 0;
const clock = () => new Date(Date.now() + skew);
const there = (number: string, family: string, given: string, born: string): Person => ({
  number,
  family,
  given,
  born,
});
const ANA = there('B731', 'Rivera', 'Ana', '1974-12-25');
const ROB = there('B942', 'Johnson', 'Robert', '1960-02-03');
let a: TestNode;
let b: TestNode;

const today = () => planDay(clock());
/** Ana or Robert with us, who has had records asked for under a policy since today. */
const ours = (p: Person, policy: string) =>
  asksOf({ ...p, number: `A-${p.number}` }, 'Plan B', p.number, policy, today());
const result = (id: string, p: Person, month: number, label?: string): object =>
  lab(id, {
    subject: { reference: `Patient/${idOf(p)}` },
    effectiveDateTime: `2026-0${month}-05T07:00:00Z`,
    ...(label === undefined
      ? {}
      : { meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: label }] } }),
  });

/** What the schedule finds due is asked for, or, by a command, everything. Returns of each pull how it was asked. */
async function tick(full = false): Promise<{ since: boolean; group: string | null; policies: string[] }[]> {
  const working = setInterval(() => void b.work(), 20);
  try {
    const found = [];
    for (const id of await planPulls(a.deps, full ? { cause: 'command', again: true, full } : { cause: 'opt-in' })) {
      const done = await a.worker.finish(id);
      expect([done?.state, done?.reason]).toEqual(['done', null]);
      const rows = await a.deps.database.sql<{ policy: string; outcome: string }[]>`
        select policy, outcome from exchange.pull_member where pull_id = ${id} order by submitted_id`;
      expect(rows.map((r) => r.outcome)).toEqual(rows.map(() => 'matched'));
      found.push({
        since: done?.since !== null,
        group: done?.groupId ?? null,
        policies: rows.map((r) => r.policy).sort(),
      });
    }
    return found;
  } finally {
    clearInterval(working);
  }
}
const held = async (): Promise<string[]> =>
  (
    await a.deps.database.sql<{ id: string }[]>`
      select source_id as id from exchange.resource where type = 'Observation' and origin <> 'own' and not deleted order by 1`
  ).map((r) => r.id);

beforeAll(async () => {
  a = await startNode({ PLAN_NAME: 'Plan A', PLAN_NPI: '9000000020' }, { clock });
  b = await startNode({ PLAN_NAME: 'Plan B', PLAN_NPI: '9000000004' }, { clock });
  await introduce(a, b, { asker: 'plan-a', responder: 'plan-b' });
  await loadPlan(
    b,
    [enrolled(ANA), enrolled(ROB)],
    [result('a-open', ANA, 1), result('a-kept', ANA, 2, 'R'), result('r-open', ROB, 3)],
  );
  await loadPlan(a, [ours(ANA, 'regular')], []);
});
afterAll(async () => {
  await a?.close();
  await b?.close();
});

test(
  'another choice is told at once, a Group that is over is made anew, and what is gone goes with whomever is asked for',
  async () => {
    const [first] = await tick();
    expect(first).toMatchObject({ since: false, policies: ['regular'] });
    expect(await held()).toEqual(['a-open']);

    // the member takes everything now: nobody else would tell the payer
    skew += DAY;
    await loadPlan(a, [ours(ANA, 'sensitive')], []);
    const [wider] = await tick();
    expect(wider).toMatchObject({ since: false, policies: ['sensitive'] });
    expect(wider?.group).not.toBe(first?.group);
    expect(await held()).toEqual(['a-kept', 'a-open']);
    skew += DAY;
    expect(await tick()).toEqual([]);

    // with one more, who is new: of the two everything is asked for once
    await loadPlan(a, [ours(ROB, 'regular')], []);
    expect(await tick()).toMatchObject([{ since: false, policies: ['regular'] }]);
    skew += QUARTER;
    const both = await tick();
    expect(both).toMatchObject([{ since: true, policies: ['regular', 'sensitive'] }]);
    // everything once a quarter, beside what is owed: what does not come any more is told, and stays
    await b.deps.database.sql`delete from exchange.resource where id = 'r-open'`;
    const duties = async () =>
      [...(await a.deps.database.sql`select id, state, closed_at from exchange.deadline order by id`)].map((k) => ({
        ...k,
      }));
    const before = await duties();
    skew += DAY;
    expect(await tick()).toMatchObject([{ since: false, policies: ['regular', 'sensitive'] }]);
    expect(await duties()).toEqual(before);
    const noted = await a.deps.database.sql`
      select p.cause from exchange.finding f join exchange.pull p on p.id = f.pull_id where f.kind = 'missing-at-source' and f.type = 'Observation'`;
    expect([...noted]).toEqual([{ cause: 'comparison' }]);
    expect(await held()).toContain('r-open');
    skew += DAY;
    expect(await tick()).toEqual([]);

    // apart again: another Group, and still only what changed, with what is gone
    await loadPlan(
      b,
      [],
      [
        {
          resourceType: 'Bundle',
          type: 'transaction',
          entry: [{ request: { method: 'DELETE', url: 'Observation/a-open' } }],
        },
      ],
    );
    await loadPlan(a, [{ ...ours(ROB, 'regular'), opt_in: 'no' }], []);
    skew += QUARTER;
    expect(await tick()).toMatchObject([{ since: true, policies: ['sensitive'] }]);
    expect((await held()).filter((id) => id.startsWith('a'))).toEqual(['a-kept']);

    // longer than a consent that is sent holds
    const groups = new Set<string | null>();
    for (let n = 0; n < 5; n++) {
      skew += QUARTER;
      const [pull] = await tick();
      expect(pull).toMatchObject({ since: true });
      groups.add(pull?.group ?? null);
    }
    expect(groups.size).toBe(2);
    // an answer with everything does not tell what is gone: the next one is asked for it
    await loadPlan(b, [], [result('a-new', ANA, 4)]);
    skew += QUARTER;
    await tick();
    const url = 'Observation/a-new';
    await loadPlan(
      b,
      [],
      [{ resourceType: 'Bundle', type: 'transaction', entry: [{ request: { method: 'DELETE', url } }] }],
    );
    skew += DAY;
    expect(await tick(true)).toMatchObject([{ since: false }]);
    expect((await held()).filter((id) => id.startsWith('a'))).toEqual(['a-kept', 'a-new']);
    skew += QUARTER;
    expect(await tick()).toMatchObject([{ since: true }]);
    expect((await held()).filter((id) => id.startsWith('a'))).toEqual(['a-kept']);
  },
  SLOWLY,
);

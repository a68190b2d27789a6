// What a person says of two records another time, after one of them has changed, takes the place of what was said before.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeOne, makeTwo } from '../../../exchange/members/merge/merge-members.ts';
import { foldedOf } from '../../../exchange/records/view/folded.ts';
import { decideItem } from '../../../exchange/review/decide.ts';
import type { PersonDecision } from '../../../exchange/review/kinds.ts';
import { findItem, type Item, undoLinks, unlinkByPerson } from '../../../exchange/review/review-rows.ts';
import { databaseOf } from '../../support/db.ts';
import { deletions, lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
});
afterAll(() => node.close());

const PERSON = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
const result = (id: string, patient: string, value: number, more: object = {}) =>
  lab(id, {
    subject: { reference: `Patient/${patient}` },
    identifier: [{ system: 'https://lab.example', value: `N-${patient}` }],
    valueQuantity: { value, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
    ...more,
  });
async function decide(memberId: string, decision: PersonDecision | 'undo'): Promise<void> {
  const [row] = await node.sql<{ id: string; state: string }[]>`
    select id, state from exchange.review_item where member_id = ${memberId} and kind = 'value-mismatch'`;
  expect(row?.state).toBe(decision === 'undo' ? 'decided' : 'open');
  const item = await findItem(node.sql, row?.id ?? '');
  const said = { itemId: row?.id ?? '', decision, reason: 'looked at it', mark: item?.mark ?? '' };
  expect(await decideItem(node.deps, PERSON, said, 'r')).toBeUndefined();
}
/** How many of the two stand for themselves. */
async function entries(memberId: string): Promise<number> {
  const merged = await foldedOf(node.deps, memberId);
  const rows = await node.sql<{ type: string; id: string; origin: string }[]>`
    select type, id, origin from exchange.resource where member_id = ${memberId} and type = 'Observation' and not deleted`;
  return rows.filter((r) => merged?.standsFor(r) !== undefined).length;
}
let times = 0;
const changed = (patient: string, value: number) =>
  node.pull(
    [
      output(
        'Observation',
        result(`t-${patient}`, patient, value, { meta: { lastUpdated: `2026-02-0${++times}T00:00:00Z` } }),
      ),
    ],
    { since: new Date() },
  );

test.each([
  ['m1', 'p1', 'same-event', 1, 'keep-both', 2],
  ['m2', 'p2', 'different-events', 2, 'same-event', 1],
] as const)('%s: %s %s, then %s', async (member, patient, first, one, second, two) => {
  await node.own(
    result(`o-${patient}`, member, 10, { identifier: [{ system: 'https://lab.example', value: `N-${patient}` }] }),
  );
  await changed(patient, 20);
  expect(await entries(member)).toBe(2);
  await decide(member, first);
  expect(await entries(member)).toBe(one);
  await changed(patient, 30);
  expect(await entries(member)).toBe(one);
  await decide(member, second);
  expect(await entries(member)).toBe(two);
  await changed(patient, 40);
  expect(await entries(member)).toBe(two);
  await decide(member, first);
  expect(await entries(member)).toBe(one);
  await decide(member, 'undo');
  expect(await entries(member)).toBe(two);
});

test('what was decided of ours and theirs holds when the member goes on as another one, and when they are two again; no one is asked of what is gone', async () => {
  const one = await reconciler();
  const open = async () =>
    (
      await one.sql<{ k: string }[]>`
        select i.member_id || ' ' || r.source_id || ' ' || i.state || coalesce(' ' || i.decision, '') as k from exchange.review_item i
        join exchange.resource r on r.member_id = i.member_id and r.id = i.b_id where i.state <> 'gone' order by 1`
    ).map((r) => r.k);
  const N = (value: string) => ({ identifier: [{ system: 'https://lab.example', value }] });
  try {
    await one.own(result('o-1', 'm1', 10, N('1')), result('o-2', 'm1', 10, N('2')));
    await one.pull([output('Observation', result('t-1', 'p1', 20, N('1')), result('t-2', 'p1', 20, N('2')))], {
      since: new Date(),
    });
    const [item] = await one.sql<{ id: string }[]>`
      select i.id from exchange.review_item i join exchange.resource r on r.id = i.b_id where r.source_id = 't-1'`;
    const mark = (await findItem(one.sql, item?.id ?? ''))?.mark ?? '';
    const said = { itemId: item?.id ?? '', decision: 'prefer-ours' as const, reason: 'looked at it', mark };
    expect(await decideItem(one.deps, PERSON, said, 'r')).toBeUndefined();
    await one.pull([deletions('Observation/t-2')], { since: new Date() });
    expect(await open()).toEqual(['m1 t-1 decided prefer-ours']);
    const who = { kind: 'staff', subject: 'ada', requestId: 'r' } as const;
    await makeOne(one.deps, { memberId: 'm2', formerId: 'm1', reason: 'one person', seen: ['two-there'] }, who);
    expect(await open()).toEqual(['m2 t-1 decided prefer-ours']);
    await makeTwo(one.deps, { formerId: 'm1', reason: 'they are two' }, who);
    expect(await open()).toEqual(['m1 t-1 decided prefer-ours']);
  } finally {
    await one.close();
  }
});

test('what a person says of two records is said of the link that the rules made, in whatever order the database has their ids', async () => {
  const database = await databaseOf("encoding 'UTF8' locale_provider icu icu_locale 'en-US' locale 'C'");
  try {
    const { sql } = database;
    await sql`insert into exchange.member (id, umb) values ('m1', 'U')`;
    await sql`
      insert into exchange.link (member_id, type, a_id, b_id, kind, score, state, rule)
      values ('m1', 'Observation', least('a', 'B'), greatest('a', 'B'), 'same-event', 0.9, 'confirmed', 'result')`;
    const item = { memberId: 'm1', type: 'Observation', aId: 'a', bId: 'B', pullId: null } as Item;
    const links = () => sql`select a_id, state, rule from exchange.link`;
    await unlinkByPerson(sql, item);
    expect(await links()).toEqual([{ a_id: 'a', state: 'rejected', rule: 'decision' }]);
    expect(await undoLinks(sql, item)).toBe(true);
    expect(await links()).toEqual([{ a_id: 'a', state: 'confirmed', rule: 'undone' }]);
  } finally {
    await database.close();
  }
});

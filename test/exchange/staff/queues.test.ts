// What waits for people stands on the overview by queue, with how much of it waits longer than it should.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ITEM_KINDS } from '../../../exchange/review/kinds.ts';
import { lastPast, QUEUES } from '../../../exchange/review/queues.ts';
import { type StaffNode, startStaff, Visitor } from './support.ts';

const NO_MORE = { extraHolidays: [] };

test('every kind of item is in one queue', () => {
  const kinds = Object.values(QUEUES).flatMap((q) => q.kinds as readonly string[]);
  expect([...kinds].sort()).toEqual(Object.keys(ITEM_KINDS).sort());
});

// 2026-11-26 and 27: Thanksgiving, and the day after, which is no federal holiday
test.each([
  ['persons', '2026-12-01', '2026-11-30'],
  ['pulls', '2026-11-30', '2026-11-26'],
  ['pulls', '2026-12-01', '2026-11-29'],
  ['safety', '2026-12-01', '2026-11-22'],
  ['quarantine', '2026-12-01', '2026-11-15'],
  ['chains', '2026-12-01', '2026-10-31'],
] as const)('%s: on %s what came on %s or before is late', (name, today, day) => {
  expect(lastPast(QUEUES[name], today, NO_MORE)).toBe(day);
});

test('a further holiday gives a day more, and where nothing is wanted nothing is late', () => {
  expect(lastPast(QUEUES.pulls, '2026-12-01', { extraHolidays: ['2026-11-30'] })).toBe('2026-11-26');
  expect(lastPast(QUEUES.others, '2026-12-01', NO_MORE)).toBeUndefined();
});

let node: StaffNode;
beforeAll(async () => {
  node = await startStaff({ clock: () => new Date('2026-12-01T18:00:00Z') });
});
afterAll(() => node?.close());

test('the overview counts them, and leads to where they are decided', async () => {
  const { sql } = node.ours.deps.database;
  await sql`delete from exchange.review_item`;
  const item = (id: string, kind: string, opened: string) => sql`
    insert into exchange.review_item (id, member_id, kind, weight, type, peer_id, rule, opened_at)
    select ${id}, ${node.memberId}, ${kind}, 1, 'Observation', peer_id, 'test', ${opened}::text::timestamptz from exchange.pull limit 1`;
  await item('a', 'identity-doubt', '2026-12-01T05:00:00Z'); // midnight of the plan
  await item('b', 'wrong-patient', '2026-12-01T04:59:59Z');
  await item('c', 'value-mismatch', '2026-11-23T12:00:00Z');
  await item('d', 'value-mismatch', '2026-11-22T12:00:00Z');
  await item('e', 'possible-duplicate', '2020-01-01T00:00:00Z');
  await sql`update exchange.deadline set state = 'met' where state in ('open', 'attempted')`;
  const viewer = new Visitor(node.app, node.ours.base);
  await viewer.signIn('dev-viewer', node.account.password);
  const { tables } = (await (await viewer.get('/staff?format=json')).json()) as {
    tables: { queues: { queue: string; open: number; oldest: string | null; past: number | null }[] };
  };
  const of = (name: keyof typeof QUEUES) => {
    const line = tables.queues.find((q) => q.queue === QUEUES[name].label);
    return [line?.open, line?.past, line?.oldest];
  };
  expect(of('persons')).toEqual([2, 1, '2026-12-01T04:59:59.000Z']);
  expect(of('safety')).toEqual([2, 1, '2026-11-22T12:00:00.000Z']);
  expect(of('others')).toEqual([1, null, '2020-01-01T00:00:00.000Z']);
  expect(of('quarantine')).toEqual([0, 0, null]);
  expect(of('clocks')).toEqual([0, 0, null]);
  // the one that does not balance came to rest in May
  expect(of('pulls').slice(0, 1)).toEqual([1]);
  const page = async (user: string) => {
    const visitor = new Visitor(node.app, node.ours.base);
    await visitor.signIn(user, node.account.password);
    return (await visitor.get('/staff')).text();
  };
  const queuesOf = (html: string) => html.slice(html.indexOf('What waits for people'), html.indexOf('Newest pulls'));
  expect(queuesOf(await page('dev-reviewer'))).toContain('href="/staff/conflicts"');
  expect(queuesOf(await page('dev-viewer'))).not.toContain('/staff/conflicts');
});

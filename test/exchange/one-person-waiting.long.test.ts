// Records that wait as no one can tell which of two members they are of: who says that the two are one person has answered it.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { DOUBTS } from '../../exchange/members/merge/merge-report.ts';
import { mergedBundle } from '../../exchange/records/view/everything.ts';
import { finishReleases } from '../../exchange/review/release.ts';
import { lab, output, reconciler } from './reconcile/reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
const WHO = { kind: 'staff', subject: 'ada', requestId: 'r1' } as const;

const result = (id: string, value: number, patient = 'p1') =>
  lab(id, {
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: `2026-01-01T08:00:${value}Z`,
    valueQuantity: { value, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
  });
const patient = (id: string) => ({ resourceType: 'Patient', id, birthDate: '1974-12-25' });
async function shown(memberId: string): Promise<number[]> {
  let text = '';
  for await (const piece of (await mergedBundle(node.deps, memberId, true)) ?? []) text += piece;
  const { entry } = JSON.parse(text) as { entry: { resource: { valueQuantity?: { value: number } } }[] };
  return entry.flatMap(({ resource: r }) => r.valueQuantity?.value ?? []).sort((a, b) => a - b);
}
const open = async () => {
  const rows = await node.sql<{ of: string }[]>`
    select i.member_id || ' ' || l.source_id as of from exchange.review_item i
    join exchange.ledger l on l.pull_id = i.pull_id and l.file = i.file and l.line = i.line where i.state = 'open' order by 1`;
  return rows.map((r) => r.of);
};
async function one(memberId: string, formerId: string): Promise<void> {
  const seen = Object.keys(DOUBTS);
  expect(await makeOne(node.deps, { memberId, formerId, reason: 'one person', seen }, WHO)).toHaveProperty('id');
  await finishReleases(node.deps);
}
async function two(formerId: string): Promise<void> {
  expect(await makeTwo(node.deps, { formerId, reason: 'two persons' }, WHO)).toHaveProperty('id');
  await finishReleases(node.deps);
}

beforeEach(async () => {
  node = await reconciler('sensitive');
  await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
  await node.sql`insert into exchange.member (id, umb) values ('m3', 'U-m3')`;
  await node.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values ('c-m3', 'm3', 'opt-in', 'sensitive', '2026-01-01', 'test')`;
  const files = (p: string, ...results: object[]) => [output('Patient', patient(p)), output('Observation', ...results)];
  await node.pull(files('p1', result('a', 10)), { members: [['p1', 'm1']] });
  await node.pull(files('p3', result('c', 30, 'p3')), { members: [['p3', 'm3']] });
  // the person there is the other member now, of whom one record was another person’s
  await node.pull(files('p1', result('a', 10), result('b', 20), result('c', 31)), {
    members: [['p1', 'm2']],
    since: new Date(),
  });
  expect([await shown('m1'), await shown('m2'), await shown('m3')]).toEqual([[10], [], [30]]);
});
afterEach(() => node.close());

test.each([
  ['m1', 'm2'],
  ['m2', 'm1'],
])('%s stays: they are taken in, and wait again when the two are two', async (stays, former) => {
  const before = await open();
  expect(before).toContain('m2 b');
  await one(stays, former);
  expect(await shown(stays)).toEqual([10, 20]);
  // a third person's is asked on
  expect(await open()).toEqual([`${stays} c`]);
  await two(former);
  expect([await shown('m1'), await shown('m2'), await shown('m3')]).toEqual([[10], [], [30]]);
  expect(await open()).toEqual(before);
});

test('two again before anything was taken in: it waits as before', async () => {
  const before = await open();
  const seen = Object.keys(DOUBTS);
  await makeOne(node.deps, { memberId: 'm1', formerId: 'm2', reason: 'one person', seen }, WHO);
  await two('m2');
  expect([await shown('m1'), await shown('m2')]).toEqual([[10], []]);
  expect(await open()).toEqual(before);
});

test('what comes again while they are one is there once, and asked about no more', async () => {
  await one('m1', 'm2');
  await node.pull([output('Patient', patient('p1')), output('Observation', result('a', 10), result('b', 20))], {
    members: [['p1', 'm1']],
  });
  expect(await shown('m1')).toEqual([10, 20]);
  expect(await open()).toEqual(['m1 c']);
});

// Several values of one minute, reported by two payers: only what one of them does not tell is a contradiction.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokenLaws } from '../../journey/laws.ts';
import { deletions, lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
});
afterAll(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

const at = (id: string, minute: string, value: number, of = 'p1') =>
  lab(id, {
    subject: { reference: `Patient/${of}` },
    effectiveDateTime: `2026-02-03T10:${minute}:00Z`,
    valueQuantity: { value, code: 'g/dL' },
  });
const open = async () =>
  (
    await node.sql<{ detail: string }[]>`
      select a.source_id || '-' || b.source_id as detail from exchange.review_item i
      join exchange.resource a on a.member_id = i.member_id and a.type = 'Observation' and a.id = i.a_id
      join exchange.resource b on b.member_id = i.member_id and b.type = 'Observation' and b.id = i.b_id
      where i.kind = 'value-mismatch' and i.state = 'open' order by 1`
  ).map((r) => r.detail);

test('the same two of one minute contradict each other in nothing; one more, or another one, does', async () => {
  await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
  await node.own(at('a', '01', 1, 'm1'), at('b', '01', 2, 'm1'), at('c', '02', 3, 'm1'), at('d', '02', 4, 'm1'));
  const { id } = await node.pull([output('Observation', at('x', '01', 1), at('y', '01', 2))]);
  expect(await node.ledger(id)).toEqual(['linked-duplicate Observation/x', 'linked-duplicate Observation/y']);
  expect(await open()).toEqual([]);
  // of the second minute they tell one that we tell, and one that we do not
  await node.pull([output('Observation', at('v', '02', 3), at('w', '02', 9))]);
  expect(await open()).toEqual(['c-w', 'd-v', 'd-w']);
  // one that agreed is corrected: it contradicts now, whatever it was linked with
  await node.pull([output('Observation', { ...at('y', '01', 8), meta: { lastUpdated: '2026-05-01T00:00:00Z' } })]);
  expect(await open()).toEqual(['a-y', 'b-x', 'b-y', 'c-w', 'd-v', 'd-w']);
  // and tells what it reported before once more
  await node.pull([output('Observation', { ...at('y', '01', 2), meta: { lastUpdated: '2026-06-01T00:00:00Z' } })]);
  expect(await open()).toEqual(['c-w', 'd-v', 'd-w']);
  // what agreed is taken back: the other one is informed by us alone
  await node.pull([deletions('Observation/y')], { since: new Date() });
  expect(await open()).toEqual(['b-x', 'c-w', 'd-v', 'd-w']);
});

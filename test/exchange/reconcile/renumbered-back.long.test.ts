import { afterEach, beforeEach, expect, test } from 'vitest';
import { recordsToTell } from '../../../exchange/requester/report/peer-message-rows.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { deletions, lab, output, PEER, type RawFile, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeEach(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1', name: [{ family: 'Rivera' }] });
});
afterEach(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

const DAYS = [1, 2, 3];
const told = (by: string, more: object = {}) =>
  output(
    'Observation',
    ...DAYS.map((n) => lab(`${by}${n}`, { effectiveDateTime: `2026-01-0${n}T08:00:00Z`, ...more })),
  );
const gone = (by: string) => deletions(...DAYS.map((n) => `Observation/${by}${n}`));
const shown = async () =>
  [
    ...(await node.sql<{ s: string }[]>`
      select body::jsonb ->> 'effectiveDateTime' || ' ' || (body::jsonb ->> 'status') as s from exchange.resource where origin = ${PEER} and type = 'Observation' and not deleted order by 1`),
  ].map((r) => r.s);
const ALL = DAYS.map((n) => `2026-01-0${n}T08:00:00Z final`);
let days = 0;
/** An answer, and what it comes to. `isFull`: everything was asked for. */
async function tell(isFull: boolean, ...files: RawFile[]): Promise<string> {
  const madeAt = new Date(Date.UTC(2026, 1, ++days));
  const { id } = await node.pull(files, { madeAt, ...(isFull ? {} : { since: new Date() }) });
  return [...new Set((await node.ledger(id)).map((line) => line.replace(/ Observation.*/, '')))].join();
}

test.each([
  ['later', false],
  ['in the answer that goes back', true],
])('back to the first numbers: that the others are gone hides nothing, reported %s', async (_, isAtOnce) => {
  await tell(true, told('a'));
  expect(await tell(true, told('b'))).toBe('unchanged');
  await tell(true, told('a'), ...(isAtOnce ? [gone('b')] : []));
  if (!isAtOnce) expect(await tell(false, gone('b'))).toBe('retracted deleted-at-source');
  expect(await shown()).toEqual(ALL);
  expect(await tell(true, told('a'))).toBe('unchanged');
  // by the number that they have now
  await tell(false, gone('a'));
  expect(await shown()).toEqual([]);
});

test('back to numbers that were reported as deleted', async () => {
  await tell(true, told('a'));
  await tell(true, told('b'));
  await tell(false, gone('a'));
  await tell(true, told('a'));
  await tell(false, gone('b'));
  expect(await shown()).toEqual(ALL);
});

test('what is gone by its newest number is there again when it is reported by a former one', async () => {
  await tell(true, told('a'));
  await tell(true, told('b'));
  await tell(false, gone('b'));
  expect(await shown()).toEqual([]);
  expect(await brokenLaws(node.sql)).toEqual({});
  expect(await tell(true, told('a'))).toBe('updated reinstated');
  expect(await shown()).toEqual(ALL);
});

test('what was changed under one number is changed under all', async () => {
  const v2 = { meta: { lastUpdated: '2026-03-02T03:04:05Z' }, status: 'amended' };
  const v3 = { meta: { lastUpdated: '2026-04-02T03:04:05Z' } };
  await tell(true, told('a'));
  await tell(true, told('b'));
  await tell(false, told('b', v2));
  // what it had before, by the number that it had before
  expect(await tell(false, told('a'))).toBe('unchanged stale-version');
  expect(await tell(true, told('a', v2))).toBe('unchanged');
  expect(await shown()).toEqual(ALL.map((s) => s.replace('final', 'amended')));
  // back to the first content, by one number and then by the other
  expect(await tell(true, told('a', v3))).toBe('updated');
  expect(await tell(true, told('b', v3))).toBe('unchanged');
  expect(await shown()).toEqual(ALL);
});

test('a former number that stands for another record now', async () => {
  const other = output(
    'Observation',
    lab('a1', { effectiveDateTime: '2025-07-01T09:00:00Z', meta: { lastUpdated: '2026-03-02T03:04:05Z' } }),
  );
  await tell(true, told('a'));
  await tell(true, told('b'));
  expect(await tell(true, told('b'), other)).toBe('unchanged,created');
  const both = ['2025-07-01T09:00:00Z final', ...ALL];
  expect(await shown()).toEqual(both);
  expect(await tell(true, told('b'), other)).toBe('unchanged');
  expect(await shown()).toEqual(both);
  await tell(false, deletions('Observation/a1'));
  expect(await shown()).toEqual(ALL);
  await tell(false, gone('b'));
  expect(await shown()).toEqual([]);
});

test('a payer is informed of a record by the number that it has now', async () => {
  await tell(true, told('a'));
  const [row] = await node.sql<
    { id: string; pull: string }[]
  >`select local_id as id, pull_id as pull from exchange.ledger where source_id = 'a1'`;
  await node.sql`
    insert into exchange.review_item (id, member_id, kind, weight, type, peer_id, pull_id, file, line, entry, b_type, b_id, rule, state, decision, opened_at)
    values ('i', 'm1', 'value-mismatch', 2, 'Observation', ${PEER}, ${row?.pull ?? ''}, 0, 1, 0, 'Observation', ${row?.id ?? ''}, 'value', 'decided', 'report-to-peer', now())`;
  await node.sql`
    insert into exchange.review_decision (item_id, at, by_subject, by_name, role, decision, reason, rules)
    values ('i', now(), 'ada', 'Ada', 'reviewer', 'report-to-peer', 'another value', 1)`;
  const span = { from: new Date(0), to: new Date('2999-01-01') };
  const ids = async () => (await recordsToTell(node.sql, PEER, span)).map((r) => r.sourceId);
  expect(await ids()).toEqual(['a1']);
  await tell(true, told('b'));
  expect(await ids()).toEqual(['b1']);
  await tell(true, told('a'));
  expect(await ids()).toEqual(['a1']);
});

// From when on a payer is asked for what changed: an answer that left a member out tells neither what there is of that member nor what is gone.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { knownSince } from '../../exchange/requester/known-since.ts';
import { PEER, reconciler } from './reconcile/reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
});
afterEach(async () => {
  await node.sql`delete from exchange.pull_member`;
  await node.sql`delete from exchange.pull`;
});
afterAll(() => node.close());

const day = (n: number): Date => new Date(Date.UTC(2026, 0, n));

/** A pull that asked for m1: its day, from when on, and whether it left m1 out. */
async function pull(id: string, at: number | null, since: number | null, isLeftOut = false): Promise<void> {
  await node.sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, transaction_time, since)
    values (${id}, ${PEER}, ${at === null ? 'matched' : 'done'}, 'test', now(), now(), now(), ${at === null ? null : day(at)}, ${since === null ? null : day(since)})`;
  await node.sql`insert into exchange.pull_member (pull_id, submitted_id, member_id, consent_id, policy, outcome, peer_patient_id, left_out)
    values (${id}, 's', 'm1', 'c-m1', 'regular', 'matched', 'p1', ${isLeftOut})`;
}
const since = async () => {
  await pull('next', null, null);
  return knownSince(node.sql, { id: 'next', peerId: PEER });
};

test('what was gone before an answer with everything, and would have been reported by the one that left the member out, is asked for', async () => {
  await pull('first', 1, null);
  await pull('everything', 5, null);
  await pull('left-out', 9, 1, true);
  expect(await since()).toEqual(day(1));
});

test('once it was reported, not again', async () => {
  await pull('first', 1, null);
  await pull('left-out', 5, 1, true);
  await pull('after', 9, 1);
  expect(await since()).toEqual(day(9));
});

test('who was left out of the only answer is not known', async () => {
  await pull('left-out', 1, null, true);
  expect(await since()).toBeUndefined();
});

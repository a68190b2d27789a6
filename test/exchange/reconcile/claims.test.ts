// Who may be reconciled beside whom: processes share the pulls, and two that concern one member wait for each other.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claimPull } from '../../../exchange/requester/pull-claim.ts';
import { freshDb } from '../../support/db.ts';

let db: Awaited<ReturnType<typeof freshDb>>;
beforeAll(async () => {
  db = await freshDb();
  for (const peer of ['a', 'b', 'c'])
    await db.sql`insert into exchange.peer (id, name, state, added_by) values (${peer}, ${peer}, 'active', 'test')`;
  for (const member of ['m1', 'm2', 'm3']) {
    await db.sql`insert into exchange.member (id, umb) values (${member}, ${member})`;
    await db.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values (${member}, ${member}, 'opt-in', 'regular', '2026-01-01', 'test')`;
  }
  const pulls: [id: string, peer: string, due: string, members: [string, string][]][] = [
    [
      'of-both',
      'a',
      '2026-01-01',
      [
        ['m1', 'matched'],
        ['m2', 'matched'],
      ],
    ],
    ['of-one', 'b', '2026-01-02', [['m2', 'matched']]],
    // asked for, not found there: nothing of the member comes with it
    [
      'of-another',
      'c',
      '2026-01-03',
      [
        ['m3', 'matched'],
        ['m1', 'not-matched'],
      ],
    ],
    ['of-the-same-payer', 'a', '2026-01-04', [['m3', 'not-matched']]],
  ];
  for (const [id, peer, due, members] of pulls) {
    await db.sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at) values (${id}, ${peer}, 'reconciling', 'test', now(), now(), ${due})`;
    for (const [member, outcome] of members)
      await db.sql`insert into exchange.pull_member (pull_id, submitted_id, member_id, consent_id, policy, outcome) values (${id}, ${member}, ${member}, ${member}, 'regular', ${outcome})`;
  }
});
afterAll(() => db.close());

const now = new Date();
const claim = (owner: string) => claimPull(db.sql, { owner, now, leaseSeconds: 60 });
const done = (id: string) => db.sql`update exchange.pull set state = 'done', lease_until = null where id = ${id}`;

test('never two of one payer, or about one member; others beside them', async () => {
  // both ask at the same time: each gets what the other leaves
  const first = await Promise.all([claim('x'), claim('y'), claim('z')]);
  expect(first.map((p) => p?.id).sort()).toEqual(['of-another', 'of-both', undefined]);
  expect(await claim('z')).toBeUndefined();
  await db.sql`alter table exchange.pull disable trigger user`;
  await done('of-both');
  const next = await Promise.all([claim('x'), claim('y'), claim('z')]);
  expect(next.map((p) => p?.id).sort()).toEqual(['of-one', 'of-the-same-payer', undefined]);
});

test('a process that died holds no one up once its lease has ended', async () => {
  await db.sql`update exchange.pull set state = 'reconciling', lease_until = ${now} where id in ('of-both', 'of-one')`;
  const later = new Date(now.getTime() + 1000);
  expect((await claimPull(db.sql, { owner: 'x', now: later, leaseSeconds: 60, only: 'of-one' }))?.id).toBe('of-one');
  expect(await claimPull(db.sql, { owner: 'y', now: later, leaseSeconds: 60, only: 'of-both' })).toBeUndefined();
});

test('a lease whose owner has left holds nothing, neither its pull nor others of the payer', async () => {
  await db.sql`update exchange.pull set state = 'reconciling', lease_owner = null, lease_until = null`;
  expect((await claim('x'))?.id).toBe('of-both');
  const left = (owner: string, only: string) => claimPull(db.sql, { owner, now, leaseSeconds: 60, only, left: ['x'] });
  expect(await claimPull(db.sql, { owner: 'y', now, leaseSeconds: 60, only: 'of-both' })).toBeUndefined();
  expect((await left('y', 'of-the-same-payer'))?.id).toBe('of-the-same-payer');
  expect(await left('z', 'of-both')).toBeUndefined();
  await db.sql`update exchange.pull set lease_until = ${now} where id = 'of-the-same-payer'`;
  expect(await claimPull(db.sql, { owner: 'z', now, leaseSeconds: 60, only: 'of-the-same-payer' })).toBeUndefined();
  expect(
    (
      await claimPull(db.sql, {
        owner: 'z',
        now: new Date(now.getTime() + 1),
        leaseSeconds: 60,
        only: 'of-both',
        left: ['x'],
      })
    )?.id,
  ).toBe('of-both');
});

// Withdrawals that were obeyed (F16), of members who are one person since: what was asked by the choice of the other one, before they were, is no disobedience.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complianceReport } from '../../../exchange/compliance/report/compliance.ts';
import { readPeriod } from '../../../exchange/compliance/report/period.ts';
import { startNode, type TestNode } from '../../support/node.ts';

const DAY = 86_400_000;
const START = Date.parse('2026-03-01T12:00:00Z');
const at = (days: number) => new Date(START + days * DAY);
let node: TestNode;
beforeAll(async () => {
  node = await startNode({ PLAN_TIME_ZONE: 'Etc/UTC' });
  await node.deps.database
    .sql`insert into exchange.peer (id, name, state, added_by, added_at, scopes, origins) values ('a', 'A', 'active', 'x', now(), '{}', '{}')`;
});
afterAll(() => node.close());

/** Two members of whom the former one goes on as the one that stays from day 22 on. `asked`: by whose choice, when, under whom it stands. */
async function world(
  name: string,
  no: 'stays' | 'former',
  asked: readonly { by: 'stays' | 'former' | 'again'; day: number }[],
  undone: number | null = null,
) {
  const { sql } = node.deps.database;
  const [stays, former] = [`${name}-stays`, `${name}-former`];
  await sql`insert into exchange.member ${sql([stays, former].map((id) => ({ id, umb: id })))}`;
  await sql`insert into exchange.member_merge (id, member_id, former_id, at, by_kind, by_subject, reason, undone_at)
    values (${name}, ${stays}, ${former}, ${at(22)}, 'staff', 'x', 'x', ${undone === null ? null : at(undone)})`;
  const say = (id: string, member: string, choice: string, day: number, source: string) => sql`
    insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, created_at, given_at)
    values (${id}, ${member}, ${choice}, 'regular', ${at(day).toISOString().slice(0, 10)}, ${source}, ${at(day)}, ${at(day)})`;
  for (const [who, member] of [
    ['stays', stays],
    ['former', former],
  ] as const) {
    const choices = [
      [`${member}-yes`, 'opt-in', 10] as const,
      ...(who === no ? [[`${member}-no`, 'withdraw', 18] as const] : []),
    ];
    for (const [id, choice, day] of choices) {
      await say(id, member, choice, day, 'staff');
      if (who === 'former') {
        const [again] = await sql<{ id: string }[]>`select md5(${name}::text || ${id}) as id`;
        await say(again?.id ?? '', stays, choice, day, 'staff, as another member');
      }
    }
  }
  for (const [i, { by, day }] of asked.entries()) {
    const id = `${name}-${i}`;
    const [again] = await sql<{ id: string }[]>`select md5(${name}::text || ${`${former}-yes`}) as id`;
    const consent = by === 'again' ? (again?.id ?? '') : `${by === 'stays' ? stays : former}-yes`;
    const member = undone !== null && by === 'former' ? former : stays;
    await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, kicked_off_at) values (${id}, 'a', 'done', 'opt-in', ${at(day)}, ${at(day)}, ${at(day)}, ${at(day)})`;
    await sql`insert into exchange.pull_event (pull_id, at, state) values (${id}, ${at(day)}, 'matching')`;
    await sql`insert into exchange.pull_member (pull_id, submitted_id, member_id, consent_id, policy, outcome) values (${id}, 's', ${member}, ${consent}, 'regular', 'matched')`;
  }
}
const obeyed = async () => {
  const period = readPeriod('2026-03-01/2026-04-30');
  if (!period) throw new Error('no period');
  const { figures } = await complianceReport(node.deps, { period });
  const { numerator, denominator } = figures.find((f) => f.id === 'F16') ?? {};
  return [numerator ?? 0, denominator ?? 0] as const;
};

test.each([
  ['no-of-stays', 'stays', [{ by: 'former', day: 20 }], null, true],
  ['no-of-former', 'former', [{ by: 'stays', day: 20 }], null, true],
  ['own', 'stays', [{ by: 'stays', day: 20 }], null, false],
  ['own-former', 'former', [{ by: 'former', day: 20 }], null, false],
  ['as-one', 'former', [{ by: 'stays', day: 23 }], null, false],
  ['again', 'stays', [{ by: 'again', day: 23 }], null, false],
  ['two-again', 'former', [{ by: 'stays', day: 25 }], 24, true],
  ['two-again-own', 'former', [{ by: 'former', day: 25 }], 24, false],
] as const)('%s', async (name, no, asked, undone, isObeyed) => {
  const [obeyedBefore, allBefore] = await obeyed();
  await world(name, no, asked, undone);
  const [obeyedNow, allNow] = await obeyed();
  expect([allNow - allBefore, obeyedNow - obeyedBefore]).toEqual([1, isObeyed ? 1 : 0]);
});

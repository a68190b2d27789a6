// The compliance report of members who turn out to be one person: what came and left before stays in it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complianceReport } from '../../../exchange/compliance/report/compliance.ts';
import { readPeriod } from '../../../exchange/compliance/report/period.ts';
import { addChoice } from '../../../exchange/members/consent/choice-rows.ts';
import { NOBODY_SAID } from '../../../exchange/members/merge/member-merge.ts';
import { planDay } from '../plan-fixture.ts';
import { type StaffNode, startStaff } from './support.ts';

let s: StaffNode;
beforeAll(async () => {
  s = await startStaff();
});
afterAll(() => s.close());

const year = new Date().getUTCFullYear();
const period = readPeriod(`${year}-01-01/${year + 1}-12-31`);

async function told({ deps }: StaffNode['ours'], lob?: string) {
  if (!period) throw new Error('no period');
  const { tables } = await complianceReport(deps, lob === undefined ? { period } : { period, lob });
  const rows = (name: string) => tables.find((t) => t.name === name)?.rows.map((r) => r.map((c) => c.value)) ?? [];
  return {
    lines: [...rows('figures').filter(([id]) => id === 'F12'), ...rows('reconciliation')],
    left: rows('disclosures').map(([payer, how, people, n]) => ({ payer, how, n, people: Number(people) })),
  };
}

test.each([
  ['ours', `select member_id as id from exchange.ledger where member_id is not null`],
  ['prior', `select member_id as id from exchange.audit where action = 'export-member' and outcome = 'ok'`],
] as const)('what came and left stays, of a line of business too, and the two count as one: %s', async (side, of) => {
  const node = s[side];
  const { sql } = node.deps.database;
  const [stays, former] = (
    await sql.unsafe<{ id: string }[]>(`select distinct id from (${of}) m where id is not null order by 1`)
  ).map((m) => m.id);
  if (stays === undefined || former === undefined) throw new Error('too few members');
  await sql`update exchange.enrolment set lob = 'ma'`;
  const both = async () => [await told(node), await told(node, 'ma')];
  const shared = side === 'prior' ? 'export-member' : undefined;
  const before = await both();
  await sql`insert into exchange.member_merge (id, member_id, former_id, at, by_kind, by_subject, reason)
    values ('as-one', ${stays}, ${former}, now(), 'staff', 'test', 'test')`;
  await sql`update exchange.enrolment set member_id = ${stays} where member_id = ${former}`;
  const after = await both();
  expect(after.map((t) => t.lines)).toEqual(before.map((t) => t.lines));
  expect(after.map((t) => t.left)).toEqual(
    before.map((t) => t.left.map((l) => (l.how === shared ? { ...l, people: l.people - 1 } : l))),
  );
  expect(before[0]?.[side === 'prior' ? 'left' : 'lines'].length).toBeGreaterThan(0);
});

test('what holds because two members are one was chosen by no one, and is counted as no choice', async () => {
  const { deps } = s.ours;
  const today = readPeriod(planDay(deps.clock()));
  if (!today) throw new Error('no period');
  const counted = async () =>
    (await complianceReport(deps, { period: today })).tables
      .filter((t) => t.name === 'opt-in' || t.name === 'figures')
      .map((t) => t.rows.filter((r) => t.name === 'opt-in' || r[0]?.value === 'F16').map((r) => r.map((c) => c.value)));
  const [member] = await deps.database.sql<{ id: string }[]>`
    select e.member_id as id from exchange.enrolment e where not exists (select from exchange.member_merge g where g.former_id = e.member_id)
      and not exists (select from exchange.consent c where c.member_id = e.member_id and c.recorded_on >= ${today.first}::date) limit 1`;
  const memberId = member?.id ?? 'nobody-yet';
  const choose = (choice: 'opt-in' | 'withdraw', source: string) =>
    deps.database.sql.begin((tx) =>
      addChoice(tx, {
        memberId,
        choice,
        source,
        policy: 'regular',
        payers: 'both',
        recordedOn: planDay(deps.clock()),
        givenAt: deps.clock(),
        givenBy: 'member',
        representative: null,
        authority: null,
        channel: null,
        textSha256: null,
        document: null,
        verification: null,
        recordedBy: 'test',
      }),
    );
  const before = await counted();
  await choose('opt-in', `${NOBODY_SAID}merged: what both choices allow`);
  await choose('withdraw', `${NOBODY_SAID}again: as before they were one`);
  expect(await counted()).toEqual(before);
  await choose('opt-in', 'staff');
  expect(await counted()).not.toEqual(before);
});

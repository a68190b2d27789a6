// The questions that auditors ask after things have turned: a payer is suspended, two members are one person, a member changes what is shared of
// sensitive records. What is expected is written down from the rule (docs/compliance.md), and not from what the pages say.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordChoice } from '../../../exchange/members/consent/record-choice.ts';
import { type Answered, answered, packOf, Q1, type Rows } from './question-answers.ts';
import { FORMULA, id, type Name } from './question-people.ts';
import { fieldOf } from './support.ts';

let a: Answered;
const APRIL = 'period=2027-04';
const april = (table: string) => a.answer(`/staff/compliance?${APRIL}`, table);
/** A table of one row, which its page shows as facts. */
const single = async (period: string, table: string): Promise<Rows> =>
  (await (await a.reviewer.get(`/staff/compliance?${period}&format=json`)).json()).tables[table];
const packed = async (period: string) =>
  packOf(a.plan.peer.node.deps, period, a.zip.replace('q1.zip', `${Math.random()}.zip`));
beforeAll(async () => {
  a = await answered();
}, 60_000);
afterAll(() => a.close());

test('6: what is refused to a payer that people suspended names who did, and why; the report of before stays', async () => {
  const before = await a.compliance('refusals');
  const admin = await a.plan.as('dev-admin');
  const csrf = fieldOf(await (await admin.get('/staff/peers/asker')).text(), 'csrf');
  const done = await admin.post('/staff/peers/asker/suspend', { csrf, reason: 'keys lie open in its repository' });
  expect(done.status).toBe(303);
  for (const _ of [1, 2]) expect(await a.plan.again()).toBeUndefined();
  const expected = [[FORMULA, 'token', 'client-suspended', 'dev|dev-admin', 'keys lie open in its repository', 2]];
  const told = (rows: Rows | undefined) =>
    rows?.map((r) => [r['payer'], r['action'], r['reason'], r['by'], r['criterion'], r['n']]);
  expect(told(await april('refusals'))).toEqual(expected);
  const { pack, tables } = await packed('2027-04');
  expect(told(tables['refusals'])).toEqual(expected);
  expect(pack['payer-changes.jsonl']?.at(-1)).toMatchObject({
    peer_id: 'asker',
    by: 'dev|dev-admin',
    state_after: 'suspended',
    reason: 'keys lie open in its repository',
  });
  const refused = pack['audit-rows.jsonl']?.filter((r) => r['outcome'] === 'refused' && r['actorKind'] === 'peer');
  expect(refused?.map((r) => r['reason'])).toEqual(['client-suspended', 'client-suspended']);
  // of the quarter before nothing is another, and what a rule refused has no member's name
  expect(await a.compliance('refusals')).toEqual(before);
  expect(before.map((r) => r['by'])).toEqual([null, null]);
  // what it was owed and got before stands: the three requests and the two members asked for one by one
  expect(await a.answer('/staff/peers/asker/statement?period=2027-Q1', 'statement')).toHaveLength(4);
});

test('2, 13: what is shared of sensitive records is changed, and changed back: two choices more, and no withdrawal', async () => {
  const { deps } = a.plan.peer.node;
  const choose = (policy: 'sensitive' | 'regular') =>
    recordChoice(
      deps,
      id('ben'),
      { choice: 'opt-in', policy, payers: 'both', channel: 'phone', language: 'en', verification: 'birth date' },
      { kind: 'staff', subject: 'dev|dev-reviewer', requestId: 'r' },
    );
  await choose('sensitive');
  await choose('regular');
  const rows = await a.member('ben', 'choices');
  expect(rows.map((r) => [r['choice'], r['policy']])).toEqual([
    ['opt-in', 'regular'],
    ['opt-in', 'sensitive'],
    ['opt-in', 'regular'],
  ]);
  const [choices] = await single(APRIL, 'opt-in');
  expect(choices).toMatchObject({ optedIn: 1, afterOffer: 0, withdrew: 0, declined: 0 });
  const { pack, tables } = await packed('2027-04');
  expect(tables['figures']?.find((f) => f['figure'] === 'F16')).toMatchObject({ value: 'n/a', denominator: 0 });
  const own = pack['consents.jsonl']?.filter((c) => c['member_id'] === id('ben')).map((c) => c['policy']);
  expect(own?.sort()).toEqual(['regular', 'sensitive']);
  // what was asked in January was under the choice of then
  expect((await a.compliance('consents')).map((r) => [r['direction'], r['n'], r['held']])).toEqual([
    ['request', 4, 3],
    ['disclosure', 3, 3],
  ]);
});

test('4, 13: who goes to another line of business stays in the reports of the line of before, and is in none of the new one before', async () => {
  const of = async (lob: string, period: string) => {
    const { tables } = (await (await a.reviewer.get(`/staff/compliance?${period}&lob=${lob}&format=json`)).json()) as {
      tables: Record<string, Rows>;
    };
    return { disclosures: tables['disclosures'], consents: tables['consents'], choices: tables['opt-in'] };
  };
  const [ma, qhp] = [await of('ma', Q1), await of('qhp', Q1)];
  expect(ma.disclosures?.length).toBeGreaterThan(0);
  expect(qhp.disclosures).toEqual([]);
  await a.sql`update exchange.enrolment set ends = '2027-03-31' where member_id in (${id('ana')}, ${id('ben')})`;
  await a.sql`
    insert into exchange.enrolment (member_id, member_number, plan, starts, lob, deadlines_opened_at)
    select member_id, member_number || '-Q', 'QHP', '2027-04-01', 'qhp', now() from exchange.enrolment where member_id in (${id('ana')}, ${id('ben')})`;
  expect([await of('ma', Q1), await of('qhp', Q1)]).toEqual([ma, qhp]);
  // two choices of one of them were recorded in April
  expect((await of('qhp', APRIL)).choices).toMatchObject([{ optedIn: 1 }]);
  expect((await of('ma', APRIL)).choices).toMatchObject([{ optedIn: 0 }]);
  // of who has no coverage any more the last one tells
  await a.sql`update exchange.enrolment set ends = '2027-04-10' where lob = 'qhp'`;
  expect((await of('qhp', 'period=2027-05')).consents).toEqual([]);
  await a.sql`delete from exchange.enrolment where lob = 'qhp'`;
  await a.sql`update exchange.enrolment set ends = null where member_id in (${id('ana')}, ${id('ben')})`;
});

test('2, 3, 4, 7, 13: two members turn out to be one person: what was done stays, and is informed of one person', async () => {
  const figures = async () => new Map((await a.compliance('figures')).map((f) => [f['figure'], f['value']]));
  const before = await figures();
  const path = `/staff/members/${id('ana')}/one/${id('ana2')}`;
  const page = await (await a.reviewer.get(path)).text();
  const seen = [...page.matchAll(/name="seen" value="([^"]*)"/g)].map((m): [string, string] => ['seen', m[1] ?? '']);
  const done = await a.reviewer.post(path, [['csrf', fieldOf(page, 'csrf')], ['reason', 'enrolled twice'], ...seen]);
  expect([done.status, await done.text()]).toEqual([303, '']);
  const one = (rows: Rows) => rows.map((r) => [r['action'], r['members'], r['rows'], r['ready']]);
  // both were in both exports; of the second nothing was fetched
  const gave = [
    ['export-member', 1, 2, 2],
    ['search', 1, 1, 0],
  ];
  expect(one(await a.compliance('disclosures'))).toEqual(gave);
  expect((await single(Q1, 'metrics'))[0]).toMatchObject({ disclosed: 1 });
  const account = await a.answer(`/staff/disclosures/${id('ana')}`, 'disclosures');
  expect(account.map((r) => [r['what'], r['when'] !== null]).sort()).toEqual([
    ['1 Patient', false],
    ['1 Patient', false],
    ['2 Observation', true],
    ['4 Observation, 1 ExplanationOfBenefit', true],
    ['4 Observation', true],
  ]);
  expect((await a.answer(`/staff/disclosures/${id('ana2')}`, 'disclosures')).length).toBe(account.length);
  // four were asked for under four ids, each under the choice of then; one person is asked again
  expect((await a.compliance('consents')).map((r) => [r['direction'], r['n'], r['held']])).toEqual([
    ['request', 4, 3],
    ['disclosure', 3, 3],
  ]);
  expect((await a.member('ana', 'requests')).map((r) => r['answer'])).toEqual(['matched', 'matched']);
  const again = (await a.answer('/staff/clocks/concurrent', 'concurrent')).map((r) => r['member']);
  expect([...again].sort()).toEqual(a.keys('ana', 'ben'));
  const days = (await a.member('ana', 'choices')).map((r) => String(r['when']).slice(0, 10));
  for (const day of ['2026-12-20', '2027-01-05', '2027-02-01', '2027-02-08']) expect(days).toContain(day);
  // duties were those of two members then, and stay; who is counted once now: three were asked for, of whom two were found, and one of five who
  // were offered the choice had opted in under the other number
  expect(Object.fromEntries(await figures())).toEqual({ ...Object.fromEntries(before), F3: '20.0 %', F9: '66.7 %' });
  // she had said no and yes again under the other number: to ask under this one is a duty from the day on which that is known
  const [duty] = await a.sql`
    select to_char(due_at at time zone zone, 'MM-DD') as due from exchange.deadline where kind = 'C2' and member_id = ${id('ana')} and state = 'open' order by starts_at desc limit 1`;
  expect(duty).toEqual({ due: '04-27' });
  for (const period of ['2027-Q1', '2027-04']) {
    const { pack, tables } = await packed(period);
    expect(pack['persons.jsonl']).toMatchObject([
      {
        member_id: id('ana'),
        former_id: id('ana2'),
        reason: 'enrolled twice',
        by_subject: 'dev|dev-reviewer',
        undone_at: null,
      },
    ]);
    if (period === '2027-04') continue;
    expect(one(tables['disclosures'] ?? [])).toEqual(gave);
    const of = (name: Name) =>
      pack['audit-rows.jsonl']?.filter((r) => r['action'] === 'export-member' && r['memberId'] === id(name)).length;
    // the trail stays as it was written
    expect([of('ana'), of('ana2')]).toEqual([2, 2]);
  }
});

test('8, 12: rules of another version let in what was kept out: the report of before says what was so then, the next one what is so since', async () => {
  const { sql } = a;
  const kept = async (period: string) =>
    (await a.answer(`/staff/compliance?${period}`, 'quarantine')).map((r) => r['reason']);
  const of = async (period: string) => JSON.stringify(await a.answer(`/staff/compliance?${period}`, 'figures'));
  const [before, quarter] = [await kept(Q1), await of(Q1)];
  expect(before).toContain('unsupported-subject');
  const now = a.plan.peer.node.deps.clock();
  // what a replay writes of a line that the newer rules take in
  await sql`
    insert into exchange.unit_revision (pull_id, file, line, entry, outcome_before, reason_before, outcome, cause, rules, by, at)
    select pull_id, file, line, entry, outcome, reason, 'created', 'replay', 99, 'dev|dev-reviewer', ${now} from exchange.ledger_unit where source_id = 'g' and type = 'Goal'`;
  await sql`update exchange.identity set state = 'visible' where source_id = 'g' and type = 'Goal'`;
  expect(await kept(Q1)).toEqual(before);
  expect(await of(Q1)).toBe(quarter);
  expect(await kept(APRIL)).toEqual(before.filter((r) => r !== 'unsupported-subject'));
  const { pack } = await packed('2027-Q1');
  expect(pack['quarantine.jsonl']?.map((r) => r['reason'])).toContain('unsupported-subject');
  // the ledger has the outcome of then
  expect(pack['ledger.jsonl']?.find((l) => l['source_id'] === 'g')).toMatchObject({ outcome: 'quarantined' });
});

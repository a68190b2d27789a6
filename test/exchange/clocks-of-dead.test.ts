// Duties of someone of whom an enrolment file tells a death: all end, whenever they are due, and run again when it is taken back.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordChoice, recordPayer } from '../../exchange/members/consent/record-choice.ts';
import { calendarOf } from '../../exchange/members/deadlines/business-day.ts';
import { openRefreshClocks } from '../../exchange/members/deadlines/member-deadlines.ts';
import { patientIdFor } from '../../exchange/members/enrolment/enrolment.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { keepClocks, openRequestsDue } from '../../exchange/schedule.ts';
import { cardFiles, ending, interchange, person, X12 } from '../support/card-files.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
let now = new Date();
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-dead-'));
beforeAll(async () => {
  node = await startNode({}, { clock: () => now });
  await node.deps.database
    .sql`insert into exchange.peer (id, name, state, fhir_base, client_id_there, origins, added_by)
    values ('old-plan', 'Old Plan', 'active', 'https://old.example/fhir', 'us', array['https://old.example'], 'test')`;
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});
const { load, csv } = cardFiles(() => node, folder);
const ACTOR = { kind: 'staff', subject: 'dev|someone', requestId: 'r' } as const;
const at = async (day: string) => {
  now = new Date(`${day}T17:00:00Z`);
  await keepClocks(node.deps);
};
/** Each duty as kind, state, why, and whether it is late; what runs with its last day. */
const duties = async (number: string) =>
  (
    await node.deps.database.sql<{ duty: string }[]>`
      select concat_ws(' ', kind, state, reason, case when state = 'open' then to_char(due_at at time zone zone, 'YYYY-MM-DD') end, case when closed_at > due_at then 'late' end) as duty
      from exchange.deadline where member_id = ${patientIdFor(number)} order by kind, starts_at`
  ).map((r) => r.duty);
const says = async (number: string, died: string, day: string, more: Parameters<typeof person>[1] = {}) => {
  now = new Date(`${day}T16:00:00Z`);
  await csv([person(number, { died, ...more })]);
  await at(day);
  return duties(number);
};
/** Asked on 6 January 2027, which the payer took at once. */
async function asked(number: string): Promise<string> {
  const { sql } = node.deps.database;
  const id = patientIdFor(number);
  await says(number, '', '2027-01-05', { starts: '2027-01-01' });
  await recordPayer(node.deps, id, { payer: 'Old Plan', memberNumber: number, starts: null, ends: null }, ACTOR);
  const yes = { choice: 'opt-in', policy: 'regular', payers: 'both', channel: 'phone', language: 'en' } as const;
  await recordChoice(node.deps, id, { ...yes, verification: 'birth date' }, ACTOR);
  await at('2027-01-06');
  const [pull = ''] = await planPulls(node.deps, { cause: 'opt-in', memberIds: [id] });
  await sql`update exchange.pull_member set outcome = 'matched' where pull_id = ${pull}`;
  return pull;
}
async function accepted(pull: string): Promise<void> {
  const { sql } = node.deps.database;
  await sql`update exchange.deadline set state = 'met', closed_at = ${now} where kind = 'C2' and member_id in (select member_id from exchange.pull_member where pull_id = ${pull})`;
  await sql.begin((tx) => openRefreshClocks(tx, calendarOf(node.deps.config), now, { pullId: pull, at: now }));
  await sql`update exchange.pull set state = 'done' where id = ${pull}`;
}

const START = { starts: '2027-01-01' };
const offers = ['C1-offer met', 'C1b-identify met', 'C2 met'];
const dead = 'not-applicable member-deceased';

test('a duty that is due in months ends with the death and runs on when it is taken back', async () => {
  await accepted(await asked('A1'));
  expect(await duties('A1')).toEqual([...offers, 'C4 open 2027-04-06']);
  expect(await says('A1', '2027-01-20', '2027-01-25', START)).toEqual([...offers, `C4 ${dead}`]);
  const [clock] = await node.deps.database
    .sql`select closed_at, stop_event from exchange.deadline where kind = 'C4' and member_id = ${patientIdFor('A1')}`;
  expect(clock).toEqual({
    closed_at: new Date('2027-01-21T05:00:00Z'),
    stop_event: `Patient/${patientIdFor('A1')}`,
  });
  expect(await says('A1', 'no', '2027-02-05', START)).toEqual([...offers, 'C4 open 2027-04-06']);
  // once more, and taken back when its day had passed: there is a week
  expect(await says('A1', '2027-02-06', '2027-02-07', START)).toEqual([...offers, `C4 ${dead}`]);
  expect(await says('A1', 'no', '2027-06-01', START)).toEqual([...offers, 'C4 open 2027-06-08']);
  // it was overdue when the person died: it was late, and is
  expect(await says('A1', '2027-06-20', '2027-06-25', START)).toEqual([...offers, `C4 ${dead} late`]);
  expect(await says('A1', '2027-06-05', '2027-06-26', START)).toEqual([...offers, `C4 ${dead}`]);
  expect(await says('A1', '2027-06-20', '2027-06-27', START)).toEqual([...offers, `C4 ${dead} late`]);
  expect(await says('A1', 'no', '2027-06-28', START)).toEqual([...offers, 'C4 open 2027-06-08']);
});

test('an 834 that tells it with an end ends them as well; what was opened meanwhile ends with the next tick', async () => {
  const pull = await asked('A2');
  await load(interchange(ending('A2', '20270430', '20270101', '20270105')), X12);
  await accepted(pull);
  expect((await duties('A2')).at(-1)).toBe('C4 open 2027-04-06');
  await at('2027-01-07');
  expect(await duties('A2')).toEqual([...offers, `C4 ${dead}`]);
});

test('offer, question and request run again, for a week at least; not what was answered, withdrawn or over meanwhile', async () => {
  const ran = ['C1-offer', 'C1b-identify'];
  const over = ran.map((k) => `${k} ${dead}`);
  for (const [number, ends, wanted] of [
    ['B1', '', ran.map((k) => `${k} open 2027-03-08`)],
    ['B2', '2027-02-15', ran.map((k) => `${k} not-applicable coverage-ended`)],
  ] as const) {
    await says(number, '', '2027-01-05', START);
    expect(await says(number, '2027-01-06', '2027-01-07', START)).toEqual(over);
    expect(await says(number, 'no', '2027-03-01', { ...START, ends })).toEqual(wanted);
  }
  await asked('B3');
  expect((await says('B3', '2027-01-07', '2027-01-08', START)).at(-1)).toBe(`C2 ${dead}`);
  // long after the coverage began, and with no file after the one that takes it back
  expect((await says('B3', 'no', '2027-08-02', START)).filter((d) => d.startsWith('C2'))).toEqual([
    'C2 open 2027-08-09',
  ]);
  expect((await says('B3', '2027-08-03', '2027-08-04', START)).at(-1)).toBe(`C2 ${dead}`);
  await recordChoice(
    node.deps,
    patientIdFor('B3'),
    { choice: 'withdraw', policy: 'regular', payers: 'both', channel: 'phone', language: 'en', verification: 'x' },
    ACTOR,
  );
  expect((await says('B3', 'no', '2027-08-05', START)).filter((d) => d.startsWith('C2'))).toEqual([
    'C2 withdrawn member-withdrew',
  ]);
});

test('a request runs again as the one that it was, also where payers are looked at before the next tick', async () => {
  await asked('C1');
  expect((await says('C1', '2027-01-07', '2027-01-08', START)).at(-1)).toBe(`C2 ${dead}`);
  now = new Date('2027-01-10T16:00:00Z');
  await csv([person('C1', { died: 'no', ...START })]);
  await openRequestsDue(node.deps.database.sql, calendarOf(node.deps.config), now);
  await at('2027-01-10');
  expect((await duties('C1')).filter((d) => d.startsWith('C2'))).toEqual(['C2 open 2027-01-17']);
});

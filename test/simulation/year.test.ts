// A year of enrolment, day by day under a clock that is moved: a full 834 file each month, choices and contacts between them, payers that
// answer or do not. What is asked of whom, and how every duty ends, is what the rule wants (docs/deadlines.md).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordChoice, recordContacts, recordPayer } from '../../exchange/members/consent/record-choice.ts';
import { addDays } from '../../exchange/members/deadlines/business-day.ts';
import { closeClock } from '../../exchange/members/deadlines/deadline.ts';
import { patientIdFor } from '../../exchange/members/enrolment/enrolment.ts';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { pagePulls } from '../../exchange/staff/data/list-rows.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { startNode, type TestNode } from '../support/node.ts';

type Spell = { from: string; to?: string };
type Person = {
  name: string;
  /** coverage with us, as the files of each month tell it */
  with: Spell[];
  /** from when on the files tell all of that, where that is earlier than a month before */
  told?: string;
  /** at the other payer, as the files tell it (COB) */
  other?: Spell & { payer: string };
  /** what the member says, on which day */
  says?: [day: string, what: 'both' | 'previous' | 'concurrent' | 'no'][];
  /** names the payer by a page, on which day */
  names?: [day: string, other: Spell & { payer: string }];
  /** the offer reaches the member */
  offered?: string;
};

const OLD = { payer: 'old-plan', from: '2020-01-01', to: '2026-12-31' };
const BESIDE = { payer: 'old-plan', from: '2024-01-01' };
const JANUARY = [{ from: '2027-01-01' }];
const PEOPLE: Person[] = [
  { name: 'silent', with: JANUARY, other: OLD, offered: '2027-01-04' },
  { name: 'before', with: JANUARY, other: OLD, says: [['2027-01-05', 'both']] },
  { name: 'beside', with: JANUARY, other: BESIDE, says: [['2027-01-05', 'both']] },
  { name: 'no', with: JANUARY, other: BESIDE, says: [['2027-01-05', 'no']] },
  // leaves and comes back
  {
    name: 'back',
    with: [{ from: '2027-01-01', to: '2027-03-31' }, { from: '2027-07-01' }],
    other: BESIDE,
    says: [['2027-01-05', 'both']],
  },
  {
    name: 'ahead',
    with: [{ from: '2027-01-01', to: '2027-05-31' }, { from: '2027-12-02' }],
    told: '2027-06-01',
    other: OLD,
    says: [['2027-01-05', 'both']],
  },
  {
    name: 'on',
    with: [{ from: '2027-01-01', to: '2027-06-30' }, { from: '2027-07-01' }],
    other: BESIDE,
    says: [['2027-01-05', 'both']],
  },
  // takes the choice back and makes it again
  {
    name: 'again',
    with: JANUARY,
    other: BESIDE,
    says: [
      ['2027-01-05', 'both'],
      ['2027-02-15', 'no'],
      ['2027-02-25', 'both'],
    ],
  },
  // dies
  { name: 'died', with: [{ from: '2027-01-01', to: '2027-04-10' }], other: BESIDE, says: [['2027-01-05', 'both']] },
  // the other coverage ends within the year
  { name: 'ends', with: JANUARY, other: { ...BESIDE, to: '2027-06-30' }, says: [['2027-01-05', 'both']] },
  { name: 'later', with: JANUARY, other: { ...BESIDE, to: '2027-06-30' }, says: [['2027-01-05', 'previous']] },
  { name: 'only', with: JANUARY, other: { ...BESIDE, to: '2027-06-30' }, says: [['2027-01-05', 'concurrent']] },
  // narrows the choice to payers that it is none of
  {
    name: 'narrow',
    with: JANUARY,
    other: BESIDE,
    says: [
      ['2027-01-05', 'both'],
      ['2027-02-15', 'previous'],
    ],
  },
  // joins later, chooses before
  { name: 'june', with: [{ from: '2027-06-01' }], other: { ...OLD, to: '2027-05-31' }, says: [['2027-05-10', 'both']] },
  { name: 'named', with: JANUARY, says: [['2027-01-05', 'both']], names: ['2027-03-10', OLD] },
  // its payer never answers: leaves before it was asked, comes back when it does
  {
    name: 'deaf',
    with: [{ from: '2027-01-01', to: '2027-01-31' }, { from: '2027-09-01' }],
    other: { ...BESIDE, payer: 'deaf-plan' },
    says: [['2027-01-28', 'both']],
  },
];

const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-year-'));
let node: TestNode;
/** Of the first file. */
const FIRST = '2026-12-15';
let today = FIRST;
const noon = () => new Date(`${today}T17:00:00Z`);
const idOf = (name: string) => patientIdFor(`N-${name}`);
const ACTOR = { kind: 'staff', subject: 'dev|someone', requestId: 'r' } as const;
/** Nobody answers there until then. */
const DEAF_UNTIL = '2027-08-15';

beforeAll(async () => {
  node = await startNode({}, { clock: noon });
  for (const id of ['old-plan', 'deaf-plan'])
    await node.deps.database
      .sql`insert into exchange.peer (id, name, state, fhir_base, client_id_there, origins, added_by)
      values (${id}, ${id}, 'active', 'https://old.example/fhir', 'us', array['https://old.example'], 'test')`;
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});

const d8 = (day: string) => day.replaceAll('-', '');

/** The full file of a month: whoever is, was or will soon be covered, with what is known then of ends. */
async function monthlyFile(): Promise<void> {
  const isTold = (day: string | undefined) => day !== undefined && day <= addDays(today, 31);
  const body = PEOPLE.flatMap((p) =>
    p.with
      .filter((s) => isTold(s.from) || (p.told !== undefined && today >= p.told))
      .flatMap((s) => [
        `INS*Y*18*030*XN*A***FT`,
        `REF*0F*N-${p.name}`,
        `REF*23*N-${p.name}`,
        `NM1*IL*1*${p.name.toUpperCase()}*ANN`,
        'DMG*D8*19800229*F',
        'HD*030**HLT*PLAN',
        `DTP*348*D8*${d8(s.from)}`,
        ...(s.to !== undefined && isTold(s.to) ? [`DTP*349*D8*${d8(s.to)}`] : []),
        ...(p.other === undefined
          ? []
          : [
              `COB*P*X-${p.name}*1`,
              `DTP*344*D8*${d8(p.other.from)}`,
              ...(isTold(p.other.to) ? [`DTP*345*D8*${d8(p.other.to ?? '')}`] : []),
              `NM1*IN*2*${p.other.payer}`,
            ]),
      ]),
  );
  const st = ['ST*834*0001*005010X220A1', 'BGN*00*1*20270101*1200****4', 'N1*IN*Plan*FI*900000001', ...body];
  const isa =
    'ISA*00*          *00*          *ZZ*SPONSOR        *ZZ*PLAN           *270101*1200*^*00501*000000001*0*P*:';
  const all = [
    isa,
    'GS*BE*S*P*20270101*1200*1*X*005010X220A1',
    ...st,
    `SE*${st.length + 1}*0001`,
    'GE*1*1',
    'IEA*1*000000001',
  ];
  const file = join(folder, `${today}.834`);
  writeFileSync(file, `${all.join('~\n')}~\n`);
  const result = await importMembers(node.deps, {
    records: (async function* () {})(),
    enrolment: file,
    x12: { memberRef: '23', lob: 'ma' },
    validate,
    reject: (r) => {
      throw new Error(`${today} ${r.line} ${r.reason}`);
    },
  });
  expect(result.refused).toBe(0);
  // the database wrote its own time
  const { sql } = node.deps.database;
  const fresh = (await sql<{ id: string }[]>`select id from exchange.other_coverage`).flatMap((o) =>
    known.has(o.id) ? [] : o.id,
  );
  for (const id of fresh) known.add(id);
  await sql`update exchange.other_coverage set known_at = ${noon()} where id = any(${fresh}::text[])`;
}
/** Other coverage that was there with an earlier file. */
const known = new Set<string>();

async function whatPeopleDo(): Promise<void> {
  for (const p of PEOPLE) {
    const [says] = (p.says ?? []).filter(([day]) => day === today);
    if (says)
      await recordChoice(
        node.deps,
        idOf(p.name),
        {
          choice: says[1] === 'no' ? 'decline' : 'opt-in',
          policy: 'regular',
          payers: says[1] === 'no' ? 'both' : says[1],
          channel: 'phone',
          language: 'en',
          verification: 'birth date',
        },
        ACTOR,
      );
    if (p.names?.[0] === today)
      await recordPayer(
        node.deps,
        idOf(p.name),
        { payer: p.names[1].payer, memberNumber: 'X', starts: p.names[1].from, ends: p.names[1].to ?? null },
        ACTOR,
      );
    if (p.offered === today)
      await recordContacts(
        node.deps,
        (['offer', 'identify'] as const).map((kind) => ({
          memberId: idOf(p.name),
          kind,
          at: noon(),
          channel: 'mail',
          result: 'delivered',
        })),
        ACTOR,
      );
  }
}

const asked = new Map<string, string[]>();
const wasAsked = new Set<string>();

/** How the question for everything, once a quarter to compare, ends: of who is asked for alone, and on a day. Else it is answered. */
const ENDS: Record<string, [state: string, outcome: string]> = {
  again: ['failed', 'matched'],
  back: ['done', 'not-matched'],
  '06-26': ['partial', 'matched'],
  '09-21': ['refused', 'matched'],
};
/** Days on which everything was asked for of each, to compare. */
const comparedOn = new Map<string, string[]>();

/** All is asked for of members, beside what is owed: the payer answers as it does. */
async function compared(id: string, members: readonly { id: string }[]): Promise<void> {
  const { sql } = node.deps.database;
  const names = members.map((m) => PEOPLE.find((p) => idOf(p.name) === m.id)?.name ?? m.id);
  const [state, outcome] = ENDS[names.length === 1 ? (names[0] ?? '') : today.slice(5)] ?? ['done', 'matched'];
  await sql`update exchange.pull set state = ${state}, kicked_off_at = ${noon()}, finished_at = ${noon()} where id = ${id}`;
  await sql`update exchange.pull_member set outcome = ${outcome} where pull_id = ${id}`;
  for (const name of names) comparedOn.set(name, [...(comparedOn.get(name) ?? []), today.slice(5)]);
}

/** Whoever is due is asked; payers answer at once, or not at all. */
async function pulls(): Promise<void> {
  const { sql } = node.deps.database;
  for (const id of await planPulls(node.deps, { cause: 'opt-in' })) {
    const [pull] = await sql<
      { peer: string; cause: string }[]
    >`select peer_id as peer, cause from exchange.pull where id = ${id}`;
    const isDeaf = pull?.peer === 'deaf-plan' && today < DEAF_UNTIL;
    const members = await sql<{ id: string; coverage: string }[]>`
      select member_id as id, other_coverage_id as coverage from exchange.pull_member where pull_id = ${id}`;
    if (isDeaf) {
      await sql`update exchange.pull set state = 'failed', finished_at = ${noon()} where id = ${id}`;
      continue;
    }
    if (pull?.cause === 'comparison') {
      await compared(id, members);
      continue;
    }
    // who was asked before is asked for what changed
    const isKnown = members.every((m) => wasAsked.has(m.coverage));
    await sql`update exchange.pull set state = 'done', kicked_off_at = ${noon()}, finished_at = ${noon()}, since = ${isKnown ? noon() : null} where id = ${id}`;
    await sql`update exchange.pull_member set outcome = 'matched' where pull_id = ${id}`;
    for (const m of members) {
      wasAsked.add(m.coverage);
      await closeClock(sql, 'C2', m.coverage, noon());
      const name = PEOPLE.find((p) => idOf(p.name) === m.id)?.name ?? m.id;
      asked.set(name, [...(asked.get(name) ?? []), today.slice(5)]);
    }
  }
}

/** Days on which each was asked for, and each duty: its kind, when it began, when it was due, how it stood at the end of the year. */
const WANTED: Record<string, [asked: string, duties: string]> = {
  silent: ['', 'C1 01-01>01-08 met, C1b 01-01>01-08 met'],
  before: [
    '01-05 01-31 02-23 03-18',
    'C1 01-01>01-08 met, C1b 01-01>01-08 met, C2 01-05>01-12 met, C5 01-05>02-05 met, C5 01-31>02-28 met, C5 02-23>03-23 met, C5 03-18>04-18 not-applicable',
  ],
  beside: [
    '01-05 03-31 06-25 09-20 12-15',
    'C1 01-01>01-08 met, C1b 01-01>01-08 met, C2 01-05>01-12 met, C4 01-05>04-05 met, C4 03-31>06-30 met, C4 06-25>09-25 met, C4 09-20>12-20 met, C4 12-15>03-15 open',
  ],
  no: ['', 'C1 01-01>01-08 met, C1b 01-01>01-08 met'],
  // a new coverage after a gap is offered anew and asked for anew, as soon as it is known and begins within 90 days
  back: [
    '01-05 03-31 06-01 08-27 11-22',
    'C1 01-01>01-08 met, C1 07-01>07-08 open, C1b 01-01>01-08 met, C1b 07-01>07-08 open, C2 01-05>01-12 met, C2 06-01>06-08 met, C4 01-05>04-05 met, C4 03-31>06-30 met, C4 06-01>09-01 met, C4 08-27>11-27 met, C4 11-22>02-22 open',
  ],
  // told half a year before: asked for from 90 days before it begins, of a payer whose late claims are over too
  ahead: [
    '01-05 01-31 02-23 03-18 09-03',
    'C1 01-01>01-08 met, C1 12-02>12-09 open, C1b 01-01>01-08 met, C1b 12-02>12-09 open, C2 01-05>01-12 met, C2 09-03>09-10 met, C5 01-05>02-05 met, C5 01-31>02-28 met, C5 02-23>03-23 met, C5 03-18>04-18 not-applicable',
  ],
  on: [
    '01-05 03-31 06-25 09-20 12-15',
    'C1 01-01>01-08 met, C1b 01-01>01-08 met, C2 01-05>01-12 met, C4 01-05>04-05 met, C4 03-31>06-30 met, C4 06-25>09-25 met, C4 09-20>12-20 met, C4 12-15>03-15 open',
  ],
  // the choice that was made again has a week of its own
  again: [
    '01-05 02-25 05-20 08-15 11-10',
    'C1 01-01>01-08 met, C1b 01-01>01-08 met, C2 01-05>01-12 met, C2 02-25>03-04 met, C4 01-05>04-05 withdrawn, C4 02-25>05-25 met, C4 05-20>08-20 met, C4 08-15>11-15 met, C4 11-10>02-10 open',
  ],
  died: [
    '01-05 03-31',
    'C1 01-01>01-08 met, C1b 01-01>01-08 met, C2 01-05>01-12 met, C4 01-05>04-05 met, C4 03-31>06-30 not-applicable',
  ],
  ends: [
    '01-05 03-31 06-25 07-20 08-15 09-10',
    'C1 01-01>01-08 met, C1b 01-01>01-08 met, C2 01-05>01-12 met, C4 01-05>04-05 met, C4 03-31>06-30 met, C4 06-25>09-25 met, C5 07-20>08-20 met, C5 08-15>09-15 met, C5 09-10>10-10 not-applicable',
  ],
  // the week begins when the other coverage has ended
  later: [
    '07-01 07-27 08-22 09-17',
    'C1 01-01>01-08 met, C1b 01-01>01-08 met, C2 07-01>07-08 met, C5 07-01>08-01 met, C5 07-27>08-27 met, C5 08-22>09-22 met, C5 09-17>10-17 not-applicable',
  ],
  only: [
    '01-05 03-31 06-25',
    'C1 01-01>01-08 met, C1b 01-01>01-08 met, C2 01-05>01-12 met, C4 01-05>04-05 met, C4 03-31>06-30 met, C4 06-25>09-25 not-applicable',
  ],
  narrow: ['01-05', 'C1 01-01>01-08 met, C1b 01-01>01-08 met, C2 01-05>01-12 met, C4 01-05>04-05 withdrawn'],
  june: [
    '05-10 06-05 06-30 07-25 08-20',
    'C1 06-01>06-08 met, C1b 06-01>06-08 met, C2 05-10>05-17 met, C4 05-10>08-10 met, C5 06-05>07-05 met, C5 06-30>07-30 met, C5 07-25>08-25 met, C5 08-20>09-20 not-applicable',
  ],
  named: ['03-10', 'C1 01-01>01-08 met, C1b 01-01>01-08 met-late, C2 03-10>03-17 met, C5 03-10>04-10 not-applicable'],
  // who comes back has a duty again: a payer that does not answer then is told as late
  deaf: [
    '08-15 11-10',
    'C1 01-01>01-08 met-late, C1 09-01>09-08 open, C1b 01-01>01-08 met, C1b 09-01>09-08 open, C2 01-28>02-04 not-applicable, C2 08-01>08-08 met-late, C4 08-15>11-15 met, C4 11-10>02-10 open',
  ],
};
/** Days on which everything was asked for of each, to compare: after what changed, once more a week later when that was in vain, and not while a person has to look. */
const COMPARED: Record<string, string> = {
  beside: '04-01 06-26 09-21 09-28 12-23',
  on: '04-01 06-26 09-21 09-28 12-23',
  again: '03-31 04-07 05-21 05-28 08-16 08-23 11-11 11-18',
  back: '06-02 08-28 11-23',
  ends: '04-01 06-26',
  only: '04-01 06-26',
  died: '04-01',
  deaf: '11-11',
};
/** Whose duty was overdue on some day: of who was offered or asked nothing, and whose payer did not answer. */
const OVERDUE = ['ahead C1', 'ahead C1b', 'back C1', 'back C1b', 'deaf C1', 'deaf C1b', 'deaf C2', 'named C1b'];

test('a year', { timeout: 240_000 }, async () => {
  const { sql } = node.deps.database;
  const nameOf = new Map(PEOPLE.map((p) => [idOf(p.name), p.name]));
  const overdue = new Set<string>();
  for (; today <= '2027-12-31'; today = addDays(today, 1)) {
    if (today.endsWith('-01') || today === FIRST) await monthlyFile();
    await whatPeopleDo();
    await pulls();
    await keepClocks(node.deps);
    const late = await sql<{ id: string; kind: string }[]>`
      select member_id as id, split_part(kind, '-', 1) as kind from exchange.deadline where state = 'open' and due_at < ${noon()}`;
    for (const l of late) overdue.add(`${nameOf.get(l.id)} ${l.kind}`);
  }
  const rows = await sql<{ id: string; duty: string }[]>`
    select member_id as id, split_part(kind, '-', 1) || ' ' || to_char(starts_at at time zone zone, 'MM-DD') || '>' || to_char(due_at at time zone zone, 'MM-DD') || ' ' || state as duty
    from exchange.deadline order by member_id, kind, starts_at, due_at`;
  const found = PEOPLE.map(({ name }): [string, [string, string]] => [
    name,
    [
      (asked.get(name) ?? []).join(' '),
      rows
        .filter((r) => r.id === idOf(name))
        .map((r) => r.duty)
        .join(', '),
    ],
  ]);
  expect(Object.fromEntries(found)).toEqual(WANTED);
  expect([...overdue].sort()).toEqual(OVERDUE);
  const days = [...comparedOn].map(([name, on]): [string, string] => [name, on.join(' ')]);
  expect(Object.fromEntries(days)).toEqual(COMPARED);
  // which is beside what is owed, on the list of pulls too
  const lines = await pagePulls(sql, {}, noon(), 1000);
  const toStop = (l: (typeof lines)[number]) => l.clocksOpen + l.clocksLate + l.clocksMet > 0;
  expect(lines.filter((l) => l.cause === 'comparison' && toStop(l))).toEqual([]);
  expect(lines.some((l) => l.cause !== 'comparison' && toStop(l))).toBe(true);
  const ended =
    await sql`select k.kind, k.reason from exchange.deadline k join exchange.pull p on k.stop_event = 'pull/' || p.id where p.cause = 'comparison'`;
  expect([...ended]).toEqual([]);
});

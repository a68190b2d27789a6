// A full enrolment file: who is covered here and absent from it is reported, and ended only when that is asked for and safe.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type AbsentOptions, checkAbsentOptions, tellAbsent } from '../../exchange/commands/absent.ts';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { type NamedInFile, newNamed } from '../../exchange/members/enrolment/named-in-file.ts';
import { makeOne } from '../../exchange/members/merge/merge-members.ts';
import type { Sql } from '../../src/db/database.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { startNode, type TestNode } from '../support/node.ts';

const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-absent-'));
const list = join(folder, 'absent.csv');
let node: TestNode;
let sql: Sql;
beforeAll(async () => {
  node = await startNode();
  sql = node.deps.database.sql;
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => {
  process.exitCode = undefined;
});

const HEADER =
  'patient_id,member_number,former_member_number,family,given,birth_date,coverage_start,coverage_end,line_of_business,plan';
type Row = {
  number: string;
  patient?: string;
  given?: string;
  born?: string;
  starts?: string;
  ends?: string;
  lob?: string;
  former?: string;
};
const row = (r: Row) =>
  [
    r.patient ?? '',
    r.number,
    r.former ?? '',
    'Marlowe',
    r.given ?? `Anna${r.number}`,
    r.born ?? '1980-01-01',
    r.starts ?? '2026-01-01',
    r.ends ?? '',
    r.lob ?? 'ma',
    'gold',
  ].join();
async function load(rows: readonly (Row | string)[], x12?: { text: string }): Promise<NamedInFile> {
  const path = join(folder, `${Math.random()}`);
  writeFileSync(
    path,
    x12 ? x12.text : `${[HEADER, ...rows.map((r) => (typeof r === 'string' ? r : row(r)))].join('\n')}\n`,
  );
  const named = newNamed();
  await importMembers(node.deps, {
    records: (async function* () {})(),
    enrolment: path,
    ...(x12 ? { x12: { memberRef: '23', lob: 'ma' } } : {}),
    validate,
    named,
    reject: () => {},
  });
  return named;
}
const people = (n: number, more: Partial<Row> = {}) =>
  Array.from({ length: n }, (_, i) => ({ number: `A${i}`, ...more }));
const tell = (named: NamedInFile, more: Partial<AbsentOptions> = {}) =>
  tellAbsent(node.deps, named, { full: true, absent: list, ...more });
const listed = () =>
  readFileSync(list, 'utf8')
    .trim()
    .split('\r\n')
    .slice(1)
    .map((l) => l.split(',').slice(1).join());
const endsOf = async () =>
  Object.fromEntries(
    (
      await sql<
        { n: string; e: string | null }[]
      >`select member_number as n, ends::text as e from exchange.enrolment where ends is not null`
    ).map((r) => [r.n, r.e]),
  );

beforeEach(async () => {
  rmSync(list, { force: true });
  await sql`delete from exchange.enrolment`;
});

test('who is covered in the lines of business of a full file and stands in no row of it is listed; no one is ended by it', async () => {
  await load([
    ...people(20, { starts: '2026-02-01' }),
    { number: 'Q1', lob: 'qhp' },
    { number: 'OVER', ends: '2026-01-31' },
    { number: 'LATER', starts: '2099-01-01' },
    { number: 'CANCELLED', starts: '2099-01-01', ends: '2099-01-01' },
    { number: 'CARD1', given: 'Anna', starts: '2026-02-01' },
  ]);
  const named = await load([
    ...people(18, { starts: '2026-02-01' }),
    // refused, and named all the same
    row({ number: 'A18', starts: '2026-02-01' }).replace('1980-01-01', '1980-13-01'),
    { number: 'CARD2', given: 'Anna', former: 'CARD1', starts: '2026-06-01' },
  ]);
  expect(await tell(named)).toEqual([
    expect.stringMatching(/^coverages that stand here \(ma\): 22; named by no row of this full file: 2,/),
  ]);
  expect(listed().sort()).toEqual(['A19,gold,ma,2026-02-01,,', 'LATER,gold,ma,2099-01-01,,']);
  expect((await endsOf())['A19']).toBeUndefined();
  expect(process.exitCode).not.toBe(1);
  // a file that is not full says nothing of anyone
  rmSync(list);
  expect([await tellAbsent(node.deps, named, { absent: list }), existsSync(list)]).toEqual([[], false]);
});

test('they are ended when that is asked for, and once', async () => {
  await load([...people(20, { starts: '2026-03-01' }), { number: 'LATER2', starts: '2099-01-01' }]);
  const named = await load(people(19, { starts: '2026-03-01' }));
  const endAbsent = '2026-10-31';
  expect((await tell(named, { endAbsent })).at(-1)).toBe('ended on 2026-10-31: 2 of these');
  const ends = await sql<{ n: string; e: string | null }[]>`
    select member_number as n, ends::text as e from exchange.enrolment where (member_number = 'A19' and starts = '2026-03-01') or member_number in ('A18', 'LATER2') order by 1`;
  // one that was to come never began
  expect(ends.map((r) => [r.n, r.e])).toEqual([
    ['A18', null],
    ['A19', endAbsent],
    ['LATER2', '2099-01-01'],
  ]);
  const [audit] = await sql`select detail from exchange.audit where action = 'absent-ended' order by seq desc limit 1`;
  expect(audit?.['detail']).toEqual({ ended: 2, endsOn: endAbsent, lobs: ['ma'] });
  // over since: nothing is left to end
  expect((await tell(named, { endAbsent })).length).toBe(1);
  // undone by the file that named them
  await load([...people(20, { starts: '2026-03-01' }), { number: 'LATER2', starts: '2099-01-01' }]);
  expect(await endsOf()).toEqual({});
});

test('a file that may be cut, or does not tell whose all rows are, ends no one', async () => {
  await load(people(20, { starts: '2026-04-01' }));
  const half = await load(people(10, { starts: '2026-04-01' }));
  const endAbsent = '2026-10-31';
  const refused = async (named: NamedInFile, more: Partial<AbsentOptions> = {}) => {
    process.exitCode = undefined;
    const said = await tell(named, { endAbsent, ...more });
    return [said.at(-1)?.match(/no one was ended/)?.[0], process.exitCode, listed().length];
  };
  expect(await refused(half)).toEqual(['no one was ended', 1, 10]);
  expect(await refused(half, { absentMost: '9' })).toEqual(['no one was ended', 1, 10]);
  const nameless = await load([...people(19, { starts: '2026-04-01' }), row({ number: '' })]);
  expect(await refused(nameless)).toEqual(['no one was ended', 1, 1]);
  expect((await endsOf())['A19']).toBeUndefined();
  expect((await tell(half, { endAbsent, absentMost: '10' })).at(-1)).toBe('ended on 2026-10-31: 10 of these');
});

const END = '2026-10-31';
const NOBODY = /no one was ended/;

test('anyone who stands in a row that was refused is not taken for absent: by the Patient, or when the number is that of no one', async () => {
  const starts = '2026-06-01';
  await load(people(40, { starts }));
  const [known] = await sql`select member_id as id from exchange.enrolment where member_number = 'A39'`;
  const bad = (r: Row) => row({ ...r, starts }).replace('1980-01-01', '1980-13-01');
  // another card and a wrong date, of a Patient who is known
  await tell(await load([...people(39, { starts }), bad({ number: 'NEW', patient: String(known?.['id']) })]));
  expect(listed()).toEqual([]);
  for (const [what, last] of [
    ['rounded', row({ number: '9.00012E+11', starts })],
    ['another card', bad({ number: 'NEW' })],
    // `A39` until there
    ['cut off', ',A3'],
  ] as const) {
    process.exitCode = undefined;
    const said = await tell(await load([...people(39, { starts }), last]), { endAbsent: END });
    expect([what, said.at(-1), process.exitCode]).toEqual([what, expect.stringMatching(NOBODY), 1]);
  }
  expect(await endsOf()).toEqual({});
  // who is known by a number, and is refused, hides no one
  const said = await tell(await load([...people(38, { starts }), bad({ number: 'A38' })]), { endAbsent: END });
  expect(said.at(-1)).toBe('ended on 2026-10-31: 1 of these');
});

test('one row in the wrong line of business ends no one of that', async () => {
  const starts = '2026-07-01';
  await load([
    ...people(200, { starts }),
    ...Array.from({ length: 15 }, (_, i) => ({ number: `Q${i}`, lob: 'qhp', starts })),
  ]);
  const named = await load([...people(199, { starts }), { number: 'A199', lob: 'qhp', starts }]);
  const said = await tell(named, { endAbsent: END });
  expect(said).toEqual([
    expect.stringMatching(/\(ma\): 199; .*: 0,/),
    expect.stringMatching(/\(qhp\): 16; .*: 15,/),
    expect.stringMatching(/\(qhp: 1\): no one was ended\. .*--absent-most 15\.$/),
  ]);
  expect([process.exitCode, await endsOf()]).toEqual([1, {}]);
});

test('who has another card in the file, and nothing says so, is reported and not ended', async () => {
  const starts = '2026-08-01';
  await load([...people(40, { starts }), { number: '0077', given: 'Zoe', starts }]);
  const named = await load([...people(39, { starts }), { number: '77', given: 'Zoe', starts }]);
  const said = await tell(named, { endAbsent: END });
  expect(listed().sort()).toEqual(['0077,gold,ma,2026-08-01,,77', 'A39,gold,ma,2026-08-01,,']);
  expect([said.at(-2), said.at(-1), process.exitCode]).toEqual([
    'ended on 2026-10-31: 1 of these',
    expect.stringMatching(/^not ended: 1 who/),
    1,
  ]);
  expect(await endsOf()).toEqual({ A39: END });
});

test('a full file of which no row can be taken says nothing of anyone', async () => {
  await load(people(5, { starts: '2026-09-01' }));
  for (const rows of [[], [row({ number: 'A0', starts: '09/01/2026' })]]) {
    process.exitCode = undefined;
    const said = await tell(await load(rows), { endAbsent: END });
    expect([said, process.exitCode, existsSync(list)]).toEqual([[expect.stringMatching(/^no row/)], 1, false]);
  }
});

test('who goes on as another is named by any of the numbers', async () => {
  await load([
    ...people(20, { starts: '2026-05-01' }),
    { number: 'ONE', starts: '2026-05-01' },
    { number: 'TWO', starts: '2026-05-01' },
  ]);
  const ids = await sql<
    { id: string }[]
  >`select member_id as id from exchange.enrolment where member_number in ('ONE', 'TWO') order by member_number`;
  const one = { memberId: ids[0]?.id ?? '', formerId: ids[1]?.id ?? '', reason: 'two cards' };
  const who = { kind: 'command', subject: 'x', requestId: '' } as const;
  const asked = await makeOne(node.deps, { ...one, seen: [] }, who);
  const seen = 'doubts' in asked ? asked.doubts.map((d) => d.code) : [];
  const made = seen.length > 0 ? await makeOne(node.deps, { ...one, seen }, who) : asked;
  expect(made).toHaveProperty('id');
  const named = await load([...people(20, { starts: '2026-05-01' }), { number: 'TWO', starts: '2026-05-01' }]);
  // of the two coverages that the person has the one that is in no row
  await tell(named);
  expect(listed()).toEqual(['ONE,gold,ma,2026-05-01,,']);
});

test('of several coverages of a member those that no row has are absent, each by its card', async () => {
  const starts = '2026-05-02';
  const all = people(40, { starts });
  const ids = async (number: string) =>
    (await sql`select member_id as id from exchange.enrolment where member_number = ${number}`)[0]?.['id'] as string;
  await load([
    ...all,
    ...['TWICE', 'CHANGED', 'NEWER', 'BACK'].map((number) => ({ number: `${number}1`, given: number, starts })),
  ]);
  // another coverage beside it; another card, as is said; another one, as is not
  await load([
    { number: 'TWICE2', patient: await ids('TWICE1'), starts },
    { number: 'CHANGED2', former: 'CHANGED1', given: 'CHANGED', starts: '2026-06-01' },
    { number: 'BACK2', former: 'BACK1', given: 'BACK', starts: '2026-06-01' },
  ]);
  const named = await load([
    ...all,
    { number: 'TWICE1', given: 'TWICE', starts },
    // by the card of before
    { number: 'CHANGED1', given: 'CHANGED', starts },
    // the row of before that says itself that it is over
    { number: 'BACK1', given: 'BACK', starts, ends: '2026-05-31' },
    { number: 'NEWER2', patient: await ids('NEWER1'), given: 'NEWER', starts: '2026-07-01' },
  ]);
  const said = await tell(named, { endAbsent: END, absentMost: '3' });
  expect(
    listed()
      .map((l) => l.split(',')[0])
      .sort(),
  ).toEqual(['BACK2', 'NEWER1', 'TWICE2']);
  expect(said.at(-1)).toBe('ended on 2026-10-31: 3 of these');
  expect(await endsOf()).toEqual({
    BACK1: '2026-05-31',
    BACK2: END,
    CHANGED1: '2026-05-31',
    NEWER1: END,
    TWICE2: END,
  });
});

test('who is absent is so under the card of before too, where that of to come never began; who is named by that one goes on under it', async () => {
  const starts = '2026-05-03';
  const all = people(20, { starts });
  const NEXT = '2099-07-01';
  for (const [a, b] of [
    ['GONE1', 'GONE2'],
    ['KEPT1', 'KEPT2'],
  ] as const) {
    await load([...all, { number: a, given: a.slice(0, 4), starts }]);
    await load([{ number: b, former: a, given: a.slice(0, 4), starts: NEXT }]);
  }
  const kept = { number: 'KEPT1', given: 'KEPT', starts };
  const named = await load([...all, kept]);
  const said = await tell(named, { endAbsent: '2099-06-30', absentMost: '3' });
  expect(said.at(-1)).toBe('ended on 2099-06-30: 3 of these');
  const day = async () => {
    const { GONE1, GONE2, KEPT1, KEPT2 } = await endsOf();
    return [GONE1, GONE2, KEPT1, KEPT2];
  };
  expect(await day()).toEqual(['2099-06-30', NEXT, undefined, NEXT]);
  // a file that has the cancelled one again gives nothing back
  await load([{ number: 'GONE2', given: 'GONE', starts: NEXT, ends: NEXT }]);
  expect(await day()).toEqual(['2099-06-30', NEXT, undefined, NEXT]);
  // nor is what was over before as the next card began
  await sql`delete from exchange.enrolment`;
  const [was, next] = [
    { number: 'PAST1', given: 'PAST', starts },
    { number: 'PAST2', former: 'PAST1', given: 'PAST', starts: '2026-07-01' },
  ];
  await load([...all, was]);
  await load([next]);
  await tell(await load(all), { endAbsent: '2026-06-30' });
  await load([{ ...next, ends: next.starts }]);
  expect(await endsOf()).toEqual({ PAST1: '2026-06-30', PAST2: '2026-07-01' });
});

const SEGMENTS = (action: string, members: readonly string[]) => {
  const st = [
    'ST*834*0001*005010X220A1',
    `BGN*00*1*20270101*1200****${action}`,
    ...members.flatMap((n) => [
      'INS*Y*18*030*XN*A***FT',
      `REF*0F*${n}`,
      `REF*23*${n}`,
      `NM1*IL*1*MARLOWE*ANNA${n}`,
      'DMG*D8*19800101*F',
      'HD*030**HLT*GOLD',
      'DTP*348*D8*20260701',
    ]),
  ];
  const isa =
    'ISA*00*          *00*          *ZZ*SPONSOR        *ZZ*PLAN           *270101*1200*^*00501*000000001*0*P*:';
  return [
    isa,
    'GS*BE*S*P*20270101*1200*1*X*005010X220A1',
    ...st,
    `SE*${st.length + 1}*0001`,
    'GE*1*1',
    'IEA*1*000000001',
  ]
    .map((s) => `${s}~\n`)
    .join('');
};

test('an 834 says by itself whether it is full (BGN08): of one with changes alone no one is absent, anyone who says so', async () => {
  const all = Array.from({ length: 20 }, (_, i) => `X${i}`);
  await load([], { text: SEGMENTS('2', all) });
  for (const [action, full, found] of [
    ['4', false, 1],
    ['RX', false, 1],
    ['2', false, undefined],
    ['2', true, undefined],
    ['', true, undefined],
  ] as const) {
    rmSync(list, { force: true });
    process.exitCode = undefined;
    const named = await load([], { text: SEGMENTS(action, all.slice(1)) });
    const said = await tellAbsent(node.deps, named, { full, absent: list });
    expect([action, full, existsSync(list) ? listed().length : undefined, process.exitCode === 1]).toEqual([
      action,
      full,
      found,
      full,
    ]);
    expect(said.length).toBe(found === undefined && !full ? 0 : 1);
  }
  const changes = await load([], { text: SEGMENTS('2', all.slice(1)) });
  expect(await tellAbsent(node.deps, changes, { absent: list, endAbsent: '2026-12-31' })).toEqual([
    expect.stringContaining('no one was ended'),
  ]);
});

test('options that make no sense together are refused before anything is read', () => {
  const check = (o: object) => () => checkAbsentOptions({ absent: list, ...o });
  expect(check({ enrolment: 'x', full: true, endAbsent: '2026-12-31', absentMost: '3' })).not.toThrow();
  for (const wrong of [
    { full: true },
    { full: true, enrolmentFromCoverage: true },
    { enrolment: 'x', absentMost: '3' },
    { enrolment: 'x', endAbsent: '2026-12-31' },
    { enrolment: 'x', full: true, endAbsent: '2026-02-30' },
    { enrolment: 'x', full: true, endAbsent: '2026-12-31', absentMost: 'all' },
  ])
    expect(check(wrong), JSON.stringify(wrong)).toThrow();
});

// Enrolment out of X12 834 files: loops, separators, terminations, dependents, other coverage; broken envelopes change nothing.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { read834 } from '../../exchange/members/enrolment/x12-834.ts';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-834-'));
beforeAll(async () => {
  node = await startNode();
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});

async function* nothing() {}
const HEAD = [
  'GS*BE*SPONSOR*PLAN*20270101*1200*1*X*005010X220A1',
  'ST*834*0001*005010X220A1',
  'BGN*00*1*20270101*1200****4',
  'N1*P5*Sponsor*FI*900000000',
  'N1*IN*Plan*FI*900000001',
];
const member = (number: string, over: { ins?: string; dates?: string[]; more?: string[]; ref?: string[] } = {}) => [
  over.ins ?? 'INS*Y*18*021*28*A***FT',
  'REF*0F*SUB1',
  ...(over.ref ?? [`REF*23*${number}`]),
  'REF*1L*GROUP7',
  ...(over.dates ?? ['DTP*356*D8*20270101']),
  'NM1*IL*1*MARLOWE*ANNA*LEE**JR*34*900009999',
  'PER*IP**HP*5555550100*EM*anna@mail.example',
  'N3*1 Long Street*Unit 2',
  'N4*Riverton*RI*02801',
  'DMG*D8*19800229*F',
  ...(over.more ?? ['HD*021**HLT*GOLD PPO', 'DTP*348*D8*20270102']),
];
/** An interchange around segments, with other separators when asked. */
function interchange(
  body: string[],
  o: { element?: string; end?: string; cut?: boolean; count?: number } = {},
): string {
  const [el, end] = [o.element ?? '*', o.end ?? '~\n'];
  const st = [...HEAD.slice(1), ...body];
  const isa = `ISA*00*          *00*          *ZZ*SPONSOR        *ZZ*PLAN           *270101*1200*^*00501*000000001*0*P*:`;
  const all = [isa, HEAD[0] ?? '', ...st, `SE*${o.count ?? st.length + 1}*0001`, 'GE*1*1', 'IEA*1*000000001'];
  const text = `${all.map((s) => s.replaceAll('*', el)).join(end)}${end}`;
  return o.cut ? text.slice(0, Math.floor(text.length * 0.7)) : text;
}
const write = (text: string) => {
  const path = join(folder, `${Math.random()}.834`);
  writeFileSync(path, text);
  return path;
};
const rows = async (text: string) => {
  const refused: [number, string][] = [];
  const taken = [];
  for await (const row of read834(
    write(text),
    { memberRef: '23', lob: 'qhp' },
    (line, why) => void refused.push([line, why]),
  ))
    taken.push(row.values);
  return { taken, refused };
};

test('a member with address, coverage and another payer', async () => {
  const text = interchange(
    member('M1', {
      more: [
        'HD*021**HLT*GOLD PPO',
        'DTP*348*D8*20270102',
        'COB*P*OLD77*1',
        'DTP*344*D8*20200101',
        'DTP*345*D8*20261231',
        'NM1*IN*2*OLD PLAN*****XX*9000000012',
        'HD*021**DEN*TEETH',
        'DTP*348*D8*20270101',
      ],
    }),
  );
  for (const o of [{}, { element: '|', end: "'" }, { end: '~' }, { end: '\r\n' }]) {
    const { taken, refused } = await rows(
      o.end === '\r\n'
        ? text
        : interchange(
            member('M1', {
              more: [
                'HD*021**HLT*GOLD PPO',
                'DTP*348*D8*20270102',
                'COB*P*OLD77*1',
                'DTP*344*D8*20200101',
                'DTP*345*D8*20261231',
                'NM1*IN*2*OLD PLAN*****XX*9000000012',
                'HD*021**DEN*TEETH',
                'DTP*348*D8*20270101',
              ],
            }),
            o,
          ),
    );
    expect(refused).toEqual([]);
    expect(taken).toEqual([
      {
        member_number: 'M1',
        former_member_number: '',
        subscriber_id: 'SUB1',
        family: 'MARLOWE JR',
        given: 'ANNA LEE',
        birth_date: '1980-02-29',
        gender: 'female',
        address_line: '1 Long Street Unit 2',
        city: 'Riverton',
        state: 'RI',
        postal_code: '02801',
        phone: '5555550100',
        email: 'anna@mail.example',
        plan: 'GOLD PPO',
        coverage_start: '2027-01-02',
        coverage_end: '',
        line_of_business: 'qhp',
        prior_payer: '9000000012',
        prior_member_number: 'OLD77',
        prior_coverage_start: '2020-01-01',
        prior_coverage_end: '2026-12-31',
      },
    ]);
    expect(JSON.stringify(taken)).not.toContain('900009999');
  }
});

test('dependents, terminations, dental only', async () => {
  const { taken, refused } = await rows(
    interchange([
      ...member('', { ref: [] }),
      ...member('', { ins: 'INS*N*19*021*28*A', ref: [] }),
      ...member('M3', { ins: 'INS*Y*18*024*07*A', dates: ['DTP*356*D8*20260101', 'DTP*357*D8*20270131'], more: [] }),
      ...member('M4', { ins: 'INS*Y*18*024*07*A' }),
      ...member('M5', { more: ['HD*021**DEN*TEETH', 'DTP*348*D8*20270101'] }),
    ]),
  );
  expect(taken.map((t) => [t.member_number, t.coverage_start, t.coverage_end])).toEqual([
    ['SUB1', '2027-01-02', ''],
    ['M3', '2026-01-01', '2027-01-31'],
  ]);
  expect(refused.map(([line]) => line)).toHaveLength(2);
});

test('a broken envelope is refused whole, with a sentence', async () => {
  await expect(rows(interchange(member('M1'), { cut: true }))).rejects.toThrow('cut off');
  await expect(rows(interchange(member('M1'), { count: 3 }))).rejects.toThrow('says 3 segments');
  await expect(rows(interchange(member('M1')).replace('ST*834', 'ST*820'))).rejects.toThrow('no enrolment');
  await expect(rows('member_number,family\n1,Smith\n')).rejects.toThrow();
});

test.each([
  ['segments in small letters', (t: string) => t.replace(/^(ins|st|nm1)\*/gim, (m) => m.toLowerCase()), '"st"'],
  ['one of them', (t: string) => t.replace('INS*', 'ins*'), '"ins"'],
  ['all of it', (t: string) => t.toLowerCase(), 'no ISA segment'],
  ['claims', (t: string) => t.replace('GS*BE', 'GS*HC'), 'a group of HC'],
  ['questions, within the envelope of an 834', (t: string) => t.replace('INS*', 'HL*'), 'names no member (INS)'],
  [
    'a member outside of a transaction',
    (t: string) => t.replace('GE*1*', 'INS*Y*18*021~\nGE*1*'),
    'outside of a transaction',
  ],
  ['a transaction that is missing', (t: string) => t.replace('GE*1*', 'GE*2*'), 'says 2 transactions and has 1'],
  ['a group that is missing', (t: string) => t.replace('IEA*1*', 'IEA*2*'), 'says 2 groups and has 1'],
  ['nothing', (t: string) => t.replace(/^GS[\s\S]*^GE.*\n/m, '').replace('IEA*1*', 'IEA*0*'), 'no transaction (ST)'],
])('a file that would enrol no one is refused, with what it is: %s', async (_, made, said) => {
  await expect(rows(made(interchange(member('M1'))))).rejects.toThrow(said);
});

test('imported: members, coverage, other payer; again nothing changes; a cut file leaves nothing', async () => {
  const { sql } = node.deps.database;
  const load = (text: string) => {
    const refused: number[] = [];
    return importMembers(node.deps, {
      records: nothing(),
      enrolment: write(text),
      x12: { memberRef: '23', lob: 'ma' },
      validate,
      reject: (r) => void refused.push(r.line),
    });
  };
  await expect(load(interchange(member('A1'), { cut: true }))).rejects.toThrow();
  expect(await sql`select 1 from exchange.member`).toHaveLength(0);
  const people = Array.from({ length: 3000 }, (_, i) => member(`B${i}`)).flat();
  const first = await load(interchange(people));
  expect(first.enrolment).toMatchObject({ enrolments: 3000 });
  const again = await load(interchange(people));
  expect(again.enrolment).toMatchObject({ enrolments: 0 });
  const [n] = await sql<
    { n: number }[]
  >`select count(*)::int as n from exchange.enrolment where plan = 'GOLD PPO' and starts = '2027-01-02'`;
  expect(n?.n).toBe(3000);
});

/** The parts of files as makers write them, each what the guide (005010X220A1) allows. */
const LEGAL: [string, string[], string[][], string[]?][] = [
  [
    'a plan that ends and another that begins, each with its own dates',
    member('P1', {
      ins: 'INS*Y*18*001*22*A',
      more: [
        'HD*024**HLT*SILVER',
        'DTP*348*D8*20260101',
        'DTP*349*D8*20261231',
        'HD*021**HLT*GOLD',
        'DTP*348*D8*20270101',
      ],
    }),
    [
      ['P1', 'SILVER', '2026-01-01', '2026-12-31'],
      ['P1', 'GOLD', '2027-01-01', ''],
    ],
  ],
  [
    'teeth that end beside a plan that goes on',
    member('P2', { more: ['HD*024**DEN*TEETH', 'HD*030**HLT*GOLD', 'DTP*348*D8*20270101'] }),
    [['P2', 'GOLD', '2027-01-01', '']],
  ],
  [
    'drugs beside the plan from the same day, before and behind it; later ones are reported',
    [
      ...member('P3', {
        more: ['HD*021**PDG*RX', 'DTP*348*D8*20270101', 'HD*021**HMO*GOLD', 'DTP*348*D8*20270101'],
      }),
      ...member('P4', {
        more: ['HD*021**HMO*GOLD', 'DTP*348*D8*20270101', 'HD*021**PDG*RX', 'DTP*348*D8*20270301'],
      }),
    ],
    [
      ['P3', 'GOLD', '2027-01-01', ''],
      ['P4', 'GOLD', '2027-01-01', ''],
      ['P4', 'RX', '2027-03-01', ''],
    ],
  ],
  [
    'a coverage that is deleted is none',
    member('P5', { more: ['HD*002**HLT*GOLD', 'DTP*348*D8*20270101'] }),
    [],
    ['deleted'],
  ],
  [
    'a range says both days; one that ends says its last; a time behind a day',
    [
      ...member('P6', { more: ['HD*021**HLT*GOLD', 'DTP*348*RD8*20270101-20271231'] }),
      ...member('P7', {
        more: ['HD*024**HLT*GOLD', 'DTP*348*DT*202701011200', 'DTP*349*RD8*20270601-20270630'],
      }),
    ],
    [
      ['P6', 'GOLD', '2027-01-01', '2027-12-31'],
      ['P7', 'GOLD', '2027-01-01', '2027-06-30'],
    ],
  ],
  [
    'a corrected name beside the one before, a mailing address, an employer, a school, races that repeat, providers, reporting categories',
    [
      'INS*N*19*001*25*A',
      'REF*0F*SUB1',
      'REF*23*P8',
      'DTP*356*D8*20270101',
      'NM1*74*1*MARLOWE*ANN',
      'N3*1 Long Street',
      'N4*Riverton*RI*02801',
      'DMG*D8*19800229*F**:RET:2106-3^:RET:2054-5',
      'NM1*70*1*MARLOW*AN',
      'DMG*D8*19790101*M',
      'NM1*31*1',
      'N3*PO Box 9',
      'N4*Elsewhere*MA*01001',
      'NM1*36*2*EMPLOYER',
      'N3*2 Work Road',
      'NM1*M8*2*SCHOOL',
      'HD*001**POS*GOLD',
      'DTP*348*D8*20270101',
      'AMT*P3*45.34',
      'REF*1L*GROUP9',
      'LX*1',
      'NM1*P3*1*DOE*JANE****XX*9000000004*72',
      'N4*Far*MA*01001',
      'COB*U**5',
      'LS*2700',
      'LX*1',
      'N1*75*LOCATION',
      'REF*LU*0001',
      'LE*2700',
    ],
    [['P8', 'GOLD', '2027-01-01', '']],
  ],
  [
    'a change of the person alone says nothing of coverage',
    member('P9', { ins: 'INS*Y*18*001*43*A', dates: [], more: [] }),
    [],
    ['No coverage begins'],
  ],
];

test.each(LEGAL)('%s', async (_, body, wanted, reasons = []) => {
  for (const o of [{}, { element: '|', end: '~\r\n' }, { end: '\r\n' }, { end: '\n' }]) {
    const { taken, refused } = await rows(interchange(body, o));
    expect(taken.map((t) => [t.member_number, t.plan, t.coverage_start, t.coverage_end])).toEqual(wanted);
    expect(refused.map(([, why]) => reasons.find((r) => why.includes(r)))).toEqual(reasons);
  }
});

test('a member with two coverages and two other payers is imported, with all of them', async () => {
  const path = write(
    interchange([
      ...member('TWO1', {
        more: [
          'HD*021**HLT*SILVER',
          'DTP*348*D8*20260101',
          'DTP*349*D8*20261231',
          'HD*021**HLT*GOLD',
          'DTP*348*D8*20270101',
          'COB*P*A1*1',
          'NM1*IN*2*Plan A*****XV*A',
          'COB*S*B1*1',
          'NM1*IN*2*Plan B*****XV*B',
        ],
      }),
      ...member('TWO2'),
    ]),
  );
  const refused: unknown[] = [];
  const { enrolment } = await importMembers(node.deps, {
    records: nothing(),
    enrolment: path,
    x12: { memberRef: '23', lob: 'ma' },
    validate,
    reject: (r) => void refused.push(r),
  });
  expect(refused).toEqual([]);
  expect(enrolment).toMatchObject({ enrolments: 3 });
  const { sql } = node.deps.database;
  expect(
    (await sql`select starts::text, plan from exchange.enrolment where member_number = 'TWO1' order by 1`).map((r) => [
      r['starts'],
      r['plan'],
    ]),
  ).toEqual([
    ['2026-01-01', 'SILVER'],
    ['2027-01-01', 'GOLD'],
  ]);
  expect(
    (
      await sql`select o.payer from exchange.other_coverage o join exchange.enrolment e using (member_id) where e.member_number = 'TWO1' group by 1 order by 1`
    ).map((r) => r['payer']),
  ).toEqual(['A', 'B']);
});

test('a person is the one who is insured, whatever stands behind it', async () => {
  const { taken } = await rows(interchange(LEGAL.find(([name]) => name.startsWith('a corrected'))?.[1] ?? []));
  expect(taken[0]).toMatchObject({
    family: 'MARLOWE',
    given: 'ANN',
    birth_date: '1980-02-29',
    gender: 'female',
    address_line: '1 Long Street',
    city: 'Riverton',
    postal_code: '02801',
  });
  expect(taken[0]).not.toHaveProperty('prior_payer', 'EMPLOYER');
});

test('several interchanges, each with separators of its own, and several transactions in one; a mark and blank lines before them', async () => {
  const one = interchange(member('A')).replace(/~\n/g, '~\r\n');
  const two = interchange([...member('B'), 'SE*20*0001', 'ST*834*0001', ...HEAD.slice(2), ...member('C')], {
    element: '|',
    end: "'",
    count: 18,
  });
  // each transaction counts its own segments
  const counted = two.replace(/SE\|20\|/, `SE|${4 + member('B').length + 1}|`);
  const right = counted.replace(/SE\|18\|/, `SE|${4 + member('C').length + 1}|`).replace('GE|1|', 'GE|2|');
  const { taken, refused } = await rows(`\uFEFF\r\n${one}\r\n\r\n${right}`);
  expect([taken.map((t) => t.member_number), refused]).toEqual([['A', 'B', 'C'], []]);
  await expect(rows(one.replace(/IEA.*/s, '') + one)).rejects.toThrow('cut off');
  await expect(rows(one.replace(/SE\*.*?~/s, ''))).rejects.toThrow(/834|cut off|says/);
});

test('names in Windows-1252 are read as they were written', async () => {
  const path = join(folder, 'latin.834');
  const text = interchange(member('M1')).replace('MARLOWE*ANNA', 'MUÑOZ*JOSÉ');
  writeFileSync(path, Buffer.from(text, 'latin1'));
  const found = [];
  for await (const row of read834(path, { memberRef: '23', lob: 'ma' }, () => {})) found.push(row.values);
  expect(found[0]).toMatchObject({ family: 'MUÑOZ JR', given: 'JOSÉ LEE' });
});

test('a coverage that ends, reported without its start, ends what is known; of no one it is refused', async () => {
  const { sql } = node.deps.database;
  const load = async (body: string[]) => {
    const refused: string[] = [];
    const { enrolment } = await importMembers(node.deps, {
      records: nothing(),
      enrolment: write(interchange(body)),
      x12: { memberRef: '23', lob: 'ma' },
      validate,
      reject: (r) => void refused.push(r.reason),
    });
    return { changed: enrolment.enrolments, refused };
  };
  const known = async (number: string) =>
    (
      await sql`select starts::text as s, ends::text as e from exchange.enrolment where member_number = ${number} order by 1`
    ).map((r) => [r['s'], r['e']]);
  const plan = (starts: string) => ({ dates: [], more: ['HD*021**HLT*GOLD', `DTP*348*D8*${starts}`] });
  await load([...member('E1', plan('20260101')), ...member('E2', plan('20260101'))]);
  const end = (number: string, day: string, more: string[] = []) =>
    member(number, { ins: 'INS*Y*18*024*07*A', dates: [], more: ['HD*024**HLT', `DTP*349*D8*${day}`, ...more] });
  const ended = await load([
    ...end('E1', '20261231', ['HD*021**HLT*NEW', 'DTP*348*D8*20270101', 'DTP*349*D8*20271231']),
    ...end('E9', '20261231'),
  ]);
  expect(ended.changed).toBe(2);
  expect(ended.refused).toEqual([expect.stringContaining('no coverage of one member is known')]);
  expect([await known('E1'), await known('E2')]).toEqual([
    [
      ['2026-01-01', '2026-12-31'],
      ['2027-01-01', '2027-12-31'],
    ],
    [['2026-01-01', null]],
  ]);
  // a character that no text has is refused, and the others are taken
  const odd = await load([...end('E\0 1', '20261231'), ...end('E1', '20261231')]);
  expect(odd).toEqual({ changed: 0, refused: [expect.stringContaining('NUL')] });
  // again, or of a later day: what has ended has
  expect(await load(end('E1', '20261231'))).toEqual({ changed: 0, refused: [] });
  // of another person under the number nothing ends
  const other = end('E2', '20261231').map((s) => (s.startsWith('DMG') ? 'DMG*D8*19990101*F' : s));
  expect((await load(other)).refused).toHaveLength(1);
  expect(await known('E2')).toEqual([['2026-01-01', null]]);
  // what follows its end in the file holds after it
  await load([...end('E2', '20261031'), ...member('E2', plan('20260101'))]);
  expect(await known('E2')).toEqual([['2026-01-01', null]]);
  // by the end of eligibility alone
  await load(member('E2', { ins: 'INS*Y*18*024*07*A', dates: ['DTP*357*D8*20261130'], more: [] }));
  expect(await known('E2')).toEqual([['2026-01-01', '2026-11-30']]);
});

test('a death that is reported with the end of a coverage (INS12) holds until it is taken back, whatever does not speak of it', async () => {
  const { sql } = node.deps.database;
  const load = async (text: string, x12 = true) => {
    const refused: string[] = [];
    await importMembers(node.deps, {
      records: nothing(),
      enrolment: write(text),
      ...(x12 ? { x12: { memberRef: '23', lob: 'ma' } } : {}),
      validate,
      reject: (r) => void refused.push(r.reason),
    });
    return refused;
  };
  const died = async () =>
    Object.fromEntries(
      (
        await sql<{ n: string; died: string | null }[]>`
          select distinct e.member_number as n, p.died::text as died from exchange.enrolment e join exchange.member_profile p on p.member_id = e.member_id
          where e.member_number like 'D%' order by 1`
      ).map((r) => [r.n, r.died]),
    );
  const plan = { dates: [], more: ['HD*021**HLT*GOLD', 'DTP*348*D8*20260101'] };
  const gone = (number: string, day: string, more = ['HD*024**HLT', 'DTP*349*D8*20260430']) =>
    member(number, { ins: `INS*Y*18*024*03*A******D8*${day}`, dates: [], more });
  expect(await load(interchange([...member('D1', plan), ...member('D2', plan), ...member('D3', plan)]))).toEqual([]);
  expect(await died()).toEqual({ D1: null, D2: null, D3: null });
  const start = ['HD*024**HLT*GOLD', 'DTP*348*D8*20260101', 'DTP*349*D8*20260430'];
  expect(await load(interchange([...gone('D1', '20260402'), ...gone('D2', '20260403', start)]))).toEqual([]);
  const both = { D1: '2026-04-02', D2: '2026-04-03', D3: null };
  expect(await died()).toEqual(both);
  const told =
    await sql`select 1 from exchange.member d join exchange.enrolment e on e.member_id = d.id where d.deceased_recorded and e.member_number in ('D1', 'D2')`;
  expect(told).toHaveLength(2);
  // what does not speak of it
  expect(await load(interchange([...member('D1', plan), ...member('D2', plan), ...member('D3', plan)]))).toEqual([]);
  expect(await died()).toEqual(both);
  // no day, a day to come, a day before the birth: the row is refused, and nothing is known of it
  const odd = [...gone('D3', '20260431'), ...gone('D3', '29990101'), ...gone('D3', '19790101', start)];
  expect(await load(interchange(odd))).toEqual([
    expect.stringContaining('deceased must be a date'),
    expect.stringContaining('deceased is a day to come'),
    expect.stringContaining('deceased is before birth_date'),
  ]);
  expect(await died()).toEqual(both);
  // by the CSV: another day, and none; of several rows the last
  const csv = (rows: string[]) => ['member_number,family,given,birth_date,coverage_start,deceased', ...rows].join('\n');
  const row = (n: string, deceased: string) => `${n},Marlowe,Anna Lee,1980-02-29,2026-01-01,${deceased}`;
  expect(await load(csv([row('D1', 'No'), row('D2', 'no'), row('D2', '2026-04-05'), row('D3', '')]), false)).toEqual(
    [],
  );
  expect(await died()).toEqual({ D1: null, D2: '2026-04-05', D3: null });
  expect(await load(csv([row('D3', 'yes')]), false)).toEqual([expect.stringContaining('deceased must be a date')]);
  // two members who are one person: of both, and of one again
  const [stays, former] = (
    await sql<{ id: string }[]>`
      select distinct member_id as id, member_number from exchange.enrolment where member_number in ('D2', 'D3') order by member_number desc`
  ).map((r) => r.id);
  const one = { memberId: stays ?? '', formerId: former ?? '', reason: 'two cards' };
  const who = { kind: 'command', subject: 'x', requestId: '' } as const;
  const asked = await makeOne(node.deps, { ...one, seen: [] }, who);
  const seen = 'doubts' in asked ? asked.doubts.map((d) => d.code) : [];
  expect(seen.length > 0 ? await makeOne(node.deps, { ...one, seen }, who) : asked).toHaveProperty('id');
  const diedOf = async () =>
    (
      await sql<
        { died: string | null }[]
      >`select died::text from exchange.member_profile where member_id = ${stays ?? ''}`
    )[0];
  expect(await diedOf()).toEqual({ died: '2026-04-05' });
  expect(await makeTwo(node.deps, { formerId: one.formerId, reason: 'a mistake' }, who)).toHaveProperty('id');
  expect(await diedOf()).toEqual({ died: null });
});

test('of a member whose information is restricted (INS13) nothing is taken of where to reach the member', async () => {
  const ins = (confidentiality: string) => `INS*Y*18*021*28*A***FT*****${confidentiality}`;
  const { taken, refused } = await rows(
    interchange([...member('M1', { ins: ins('R') }), ...member('M2', { ins: ins('U') })]),
  );
  expect(refused).toEqual([]);
  expect(
    taken.map((t) => [t.member_number, t.birth_date, t.address_line, t.city, t.postal_code, t.phone, t.email]),
  ).toEqual([
    ['M1', '1980-02-29', undefined, undefined, undefined, undefined, undefined],
    ['M2', '1980-02-29', '1 Long Street Unit 2', 'Riverton', '02801', '5555550100', 'anna@mail.example'],
  ]);
});

// Enrolment out of X12 834 files: loops, separators, terminations, dependents, other coverage; broken envelopes change nothing.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importMembers } from '../../exchange/members/import-members.ts';
import { read834 } from '../../exchange/members/x12-834.ts';
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
  expect(again.enrolment).toMatchObject({ enrolments: 0, members: 0 });
  const [n] = await sql<
    { n: number }[]
  >`select count(*)::int as n from exchange.enrolment where plan = 'GOLD PPO' and starts = '2027-01-02'`;
  expect(n?.n).toBe(3000);
});

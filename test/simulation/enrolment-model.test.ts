// Who is enrolled, by files of every form and by calls, in any order: after each what the node has is what a list by hand says (docs/enrollment.md), and
// the same file once more says nothing new. ENROLMENT_SEED and ENROLMENT_FILES try others.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordPayer } from '../../exchange/members/consent/record-choice.ts';
import { ENROLMENT_COLUMNS } from '../../exchange/members/enrolment/enrolment.ts';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { addPeer, setPeerState } from '../../exchange/peers/peer.ts';
import { addDays } from '../../src/calendar/federal.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import type { ImportEntry } from '../../src/import/entry.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { numbers } from '../support/numbers.ts';

const SEED = Number(process.env['ENROLMENT_SEED'] ?? 1);
const FILES = Number(process.env['ENROLMENT_FILES'] ?? 12);
const roll = numbers(SEED);
const chance = (p: number) => roll() < p;
const oneOf = <T>(of: readonly T[]): T => of[Math.floor(roll() * of.length)] as T;

let node: TestNode;
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-enrolment-'));
const PAYERS = [
  { id: 'riverton', npi: '9000000012', name: 'Riverton Health' },
  { id: 'harbor', npi: '9000000020', name: 'Harbor Plan' },
];
beforeAll(async () => {
  node = await startNode();
  for (const p of PAYERS) {
    const peer = { ...p, fhirBase: `https://${p.id}.example/fhir`, clientIdThere: 'us', clientIdHere: `c-${p.id}` };
    await addPeer(
      node.deps.database.sql,
      { ...peer, jwksUrl: `https://${p.id}.example/jwks`, scopes: ['system/*.rs'] },
      'test',
      new Date(),
    );
    await setPeerState(node.deps.database.sql, p.id, 'active', 'test', new Date());
  }
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});
async function* nothing(): AsyncGenerator<ImportEntry> {}

type Coverage = { number: string; starts: string; ends: string; plan: string; isOf: string; lob: string };
type Days = { starts: string; ends: string };
/** Another coverage: what the system that writes the files knows, what it said last, and what holds here. */
type Other = { payer: (typeof PAYERS)[number]; number: string; system: Days; said: Days | undefined; here: Days };
type Person = {
  name: string;
  nameHere: string;
  /** in that system, and what it says once it has said so: the day, or that it was none */
  died: string;
  diedHere: string;
  born: string;
  /** in the system that writes the files */
  coverages: Coverage[];
  /** here, by number and first day */
  here: Map<string, Coverage>;
  others: Other[];
  choices: string[];
  said: string[];
};
const people: Person[] = [];
const story: string[] = [];
const say = (what: string) => void story.push(what);

const FIRST = '2025-01-01';
const dayAfter = (from: string) => addDays(from, 1 + Math.floor(roll() * 200));
let made = 0;
const newNumber = () => `N${++made}`;

type Row = Record<string, string>;
const row = (p: Person, c: Coverage, former: string, other?: Other, choice?: string): Row => ({
  member_number: c.number,
  former_member_number: former,
  family: p.name,
  given: 'Ada',
  birth_date: p.born,
  plan: c.plan,
  coverage_start: c.starts,
  coverage_end: c.ends,
  line_of_business: c.lob,
  deceased: p.died,
  ...(other === undefined
    ? {}
    : {
        prior_payer: oneOf([other.payer.id, other.payer.npi, other.payer.name, other.payer.name.toUpperCase()]),
        prior_member_number: other.number,
        prior_coverage_start: other.system.starts,
        prior_coverage_end: other.system.ends,
      }),
  ...(choice === undefined
    ? {}
    : {
        opt_in: choice === 'no' ? 'no' : 'yes',
        opt_in_date: '2026-02-01',
        opt_in_policy: choice === 'sensitive' ? choice : '',
      }),
});

const csv = (rows: readonly Row[], mark: string) => {
  const columns = [...ENROLMENT_COLUMNS].sort(() => roll() - 0.5);
  return [columns, ...rows.map((r) => columns.map((c) => r[c] ?? ''))].map((l) => l.join(mark)).join('\r\n');
};
const compact = (day: string) => day.replaceAll('-', '');
const x12 = (rows: readonly Row[]): string => interchange(rows.map(memberOf));
const memberOf = (r: Row): string[] => [
  `INS*Y*18*021*28*A***FT${/^\d/.test(r['deceased'] ?? '') ? `***D8*${compact(r['deceased'] ?? '')}` : ''}`,
  `REF*0F*${r['member_number']}`,
  ...(r['former_member_number'] ? [`REF*Q4*${r['former_member_number']}`] : []),
  `NM1*IL*1*${r['family']}*${r['given']}`,
  `DMG*D8*${compact(r['birth_date'] ?? '')}*F`,
  `HD*021**HLT*${r['plan']}`,
  `DTP*348*D8*${compact(r['coverage_start'] ?? '')}`,
  ...(r['coverage_end'] ? [`DTP*349*D8*${compact(r['coverage_end'])}`] : []),
  ...(r['prior_payer']
    ? [
        `COB*P*${r['prior_member_number']}*1`,
        ...(r['prior_coverage_start'] ? [`DTP*344*D8*${compact(r['prior_coverage_start'])}`] : []),
        ...(r['prior_coverage_end'] ? [`DTP*345*D8*${compact(r['prior_coverage_end'])}`] : []),
        `NM1*IN*2*${r['prior_payer']}`,
      ]
    : []),
];
/** A coverage that ends (024), told without its first day. */
const endOf = (p: Person, number: string, on: string): string[] => [
  'INS*Y*18*024*08*A***TE',
  `REF*0F*${number}`,
  `NM1*IL*1*${p.name}*Ada`,
  `DMG*D8*${compact(p.born)}*F`,
  'HD*024**HLT*GOLD',
  `DTP*349*D8*${compact(on)}`,
];
function interchange(of: readonly string[][]): string {
  const members = of.flat();
  const set = ['ST*834*0001*005010X220A1', 'BGN*00*1*20260101*1200****2', 'N1*P5*S*FI*1', 'N1*IN*P*FI*2', ...members];
  return [
    'ISA*00*          *00*          *ZZ*SPONSOR        *ZZ*PLAN           *270101*1200*^*00501*000000001*0*P*:',
    'GS*BE*SPONSOR*PLAN*20270101*1200*1*X*005010X220A1',
    ...set,
    `SE*${set.length + 1}*0001`,
    'GE*1*1',
    'IEA*1*000000001~',
  ].join('~');
}

const load = (rows: readonly Row[], form: string) =>
  loadText(form === 'x12' ? x12(rows) : csv(rows, form === 'semicolons' ? ';' : ','), form);
async function loadText(text: string, form: string) {
  const path = join(folder, `${story.length}-${Math.random()}`);
  writeFileSync(path, text);
  const refused: string[] = [];
  const { enrolment, counts } = await importMembers(node.deps, {
    records: nothing(),
    enrolment: path,
    ...(form === 'x12' ? { x12: { memberRef: '23', lob: 'ma' } } : {}),
    validate,
    reject: (r) => void refused.push(r.reason),
  });
  expect(refused, story.join('\n')).toEqual([]);
  return { ...enrolment, created: counts.created, updated: counts.updated };
}

const key = (c: Coverage) => `${c.number} ${c.starts}`;
/** What a row does here, by the documents. */
function apply(p: Person, c: Coverage, other: Other | undefined, choice: string | undefined, isX12: boolean): void {
  p.here.set(key(c), { ...c });
  if (p.died !== '' && !(isX12 && p.died === 'no')) p.diedHere = p.died === 'no' ? '' : p.died;
  p.nameHere = p.name;
  if (other !== undefined) {
    const { starts, ends } = other.system;
    const before = other.said ?? { starts: '', ends: '' };
    const isNewStart = starts !== before.starts;
    const isNewEnd = ends !== before.ends;
    const { here } = other;
    const was = { ...here };
    if (isNewStart || (ends !== '' && was.starts !== '' && ends < was.starts && (isNewStart || isNewEnd)))
      here.starts = starts;
    if (isNewEnd || (isNewStart && starts !== '' && was.ends !== '' && was.ends < starts)) here.ends = ends;
    other.said = { starts, ends };
  }
  if (choice !== undefined && p.said.at(-1) !== choice) {
    p.choices.push(
      choice === 'no'
        ? p.choices.some((x) => x.startsWith('opt-in')) && p.choices.at(-1)?.startsWith('opt-in')
          ? 'withdraw'
          : 'decline'
        : `opt-in ${choice}`,
    );
    p.said.push(choice);
  }
}

const isCancelled = (c: Coverage) => c.ends === c.starts;
/**
 * The last day here: as it was said, or the one before the next card begins, whichever comes first. The next card is the one that says so of this one; one that was cancelled
 * is as if it were not there, so that the one after it is.
 */
function lastDay(p: Person, c: Coverage): string {
  const here = [...p.here.values()];
  const begin = (number: string, since: string): string[] => {
    const next = here.filter((o) => o.isOf === number).map((o) => o.number);
    return here
      .filter((o) => next.includes(o.number) && o.starts >= since)
      .flatMap((o) => (isCancelled(o) ? begin(o.number, o.starts) : o.lob === c.lob ? [o.starts] : []));
  };
  const first = begin(c.number, c.starts).sort()[0];
  if (first === undefined) return c.ends;
  const before = addDays(first, -1) < c.starts ? c.starts : addDays(first, -1);
  return c.ends === '' || c.ends > before ? before : c.ends;
}

/** What happens to somebody in the system that writes the files. */
function happens(p: Person): void {
  const last = p.coverages.at(-1) as Coverage;
  const what = oneOf([
    'ends',
    'goes on',
    'new start',
    'new card',
    'cancelled',
    'goes back',
    'former ends',
    'other',
    'other ends',
    'other again',
    'plan',
    'name',
    'other line',
    'start put right',
    'died',
  ]);
  if (what === 'ends') last.ends = dayAfter(last.starts);
  if (what === 'goes on') last.ends = '';
  if (what === 'plan') last.plan = oneOf(['GOLD', 'SILVER', 'BRONZE']);
  if (what === 'name') p.name = `Family${++made}`;
  if (what === 'new start' && last.ends !== '')
    p.coverages.push({ ...last, starts: addDays(last.ends, 1 + Math.floor(roll() * 60)), ends: '', isOf: '' });
  if (what === 'died') p.died = p.died === '' || p.died === 'no' ? '2026-02-03' : 'no';
  // what was told before is told no more
  const right = addDays(last.starts, Math.floor(roll() * 80) - 40);
  const isFree = !p.coverages.some((c) => c !== last && (c.number === last.number || c.starts >= right));
  if (what === 'start put right' && isFree && !isCancelled(last) && (last.ends === '' || right < last.ends))
    last.starts = right;
  if (what === 'other line')
    p.coverages.push({
      ...last,
      number: newNumber(),
      starts: dayAfter(last.starts),
      ends: '',
      isOf: last.number,
      lob: last.lob === 'ma' ? 'medicaid-mc' : 'ma',
    });
  if (what === 'new card') {
    const starts = last.ends === '' ? dayAfter(last.starts) : addDays(last.ends, 1);
    p.coverages.push({ ...last, number: newNumber(), starts, ends: '', isOf: last.number });
  }
  const before = p.coverages.at(-2);
  // the card of today never began, whether it was told before or not
  if (what === 'cancelled' && before !== undefined) last.ends = last.starts;
  if (what === 'goes back' && before !== undefined && before.number !== last.number) {
    const starts = last.ends === '' ? dayAfter(last.starts) : addDays(last.ends, 1);
    p.coverages.push({ ...last, number: before.number, starts, ends: '', isOf: last.number });
  }
  if (what === 'former ends' && before !== undefined) before.ends = chance(0.5) ? '' : dayAfter(before.starts);
  if (what === 'other' && p.others.length < 3)
    p.others.push({
      payer: oneOf(PAYERS),
      number: newNumber(),
      system: { starts: chance(0.5) ? '2020-01-01' : '', ends: '' },
      said: undefined,
      here: { starts: '', ends: '' },
    });
  if (what === 'other ends' && p.others.length > 0) oneOf(p.others).system.ends = dayAfter('2024-01-01');
  if (what === 'other again' && p.others.length > 0) oneOf(p.others).system.ends = '';
  if (p.others.length + p.coverages.length > 0) say(`${p.born} ${what}`);
}

/** The member says on the telephone what the other payer's days are. */
async function calls(p: Person): Promise<void> {
  const other = p.others.find((o) => o.said !== undefined);
  if (other === undefined) return;
  const days = { starts: chance(0.3) ? '2021-03-01' : '', ends: chance(0.7) ? dayAfter('2024-06-01') : '' };
  const memberId = await idOf(p);
  await recordPayer(
    node.deps,
    memberId,
    {
      payer: oneOf([other.payer.id, other.payer.npi, other.payer.name]),
      memberNumber: other.number,
      starts: days.starts || null,
      ends: days.ends || null,
    },
    { kind: 'staff', subject: 'call', requestId: 'call' },
  );
  say(`${p.born} calls: ${other.number} ${days.starts} to ${days.ends}`);
  const { here } = other;
  const isLater = days.starts !== '' && here.ends !== '' && days.starts > here.ends;
  here.ends = isLater ? days.ends : days.ends || here.ends;
  here.starts = days.starts || here.starts;
}

async function idOf(p: Person): Promise<string> {
  const numbersOf = [...new Set(p.coverages.map((c) => c.number))];
  const rows = await node.deps.database.sql<
    { id: string }[]
  >`select distinct member_id as id from exchange.enrolment where member_number = any(${numbersOf}::text[])`;
  expect(rows.length, `${p.born} is one member\n${story.join('\n')}`).toBe(1);
  return rows[0]?.id ?? '';
}

async function stands(p: Person) {
  const id = await idOf(p);
  const { sql } = node.deps.database;
  const enrolment = await sql`
    select member_number as number, starts::text, coalesce(ends::text, '') as ends, plan, lob from exchange.enrolment where member_id = ${id} order by starts, 1`;
  const others = await sql`
    select peer_id as payer, member_number as number, coalesce(starts::text, '') as starts, coalesce(ends::text, '') as ends
    from exchange.other_coverage where member_id = ${id} order by 2`;
  const choices = await sql<{ c: string }[]>`
    select choice || case choice when 'opt-in' then ' ' || policy else '' end as c from exchange.consent where member_id = ${id} order by recorded_on, created_at`;
  const [patient] = await sql<{ family: string; died: string }[]>`
    select body::jsonb #>> '{name,0,family}' as family, coalesce(body::jsonb ->> 'deceasedDateTime', '') as died from exchange.resource where type = 'Patient' and id = ${id}`;
  return { enrolment: [...enrolment], others: [...others], choices: choices.map((c) => c.c), ...patient };
}
const owed = (p: Person) => ({
  enrolment: [...p.here.values()]
    .map((c) => ({ number: c.number, starts: c.starts, ends: lastDay(p, c), plan: c.plan, lob: c.lob }))
    .sort((a, b) => (a.starts < b.starts ? -1 : a.starts > b.starts ? 1 : a.number < b.number ? -1 : 1)),
  others: p.others
    .filter((o) => o.said !== undefined)
    .map((o) => ({ payer: o.payer.id, number: o.number, ...o.here }))
    .sort((a, b) => (a.number < b.number ? -1 : 1)),
  choices: p.choices,
  family: p.nameHere,
  died: p.diedHere,
});

/** What an end that is told without its first day does here, of whoever has one under the number that goes on by then. */
function endHere(p: Person, number: string, on: string): void {
  const goesOn = (c: Coverage) => c.starts <= on && (lastDay(p, c) === '' || lastDay(p, c) > on);
  const own = [...p.here.values()].filter((c) => c.number === number && c.starts <= on);
  const ended = own.filter(
    (c) =>
      goesOn(c) ||
      ((c.ends === '' || c.ends > on) &&
        ![...p.here.values()].some((o) => o.number !== number && o.lob === c.lob && goesOn(o))),
  );
  for (const c of ended) c.ends = on;
}

/** What rows say to be over under a card is over in all of its plan and line of business that began by then and no row tells. */
function endBeside(p: Person, told: readonly Coverage[]): void {
  for (const c of p.here.values()) {
    const over = told.filter(
      (t) => t.number === c.number && t.lob === c.lob && t.plan === c.plan && t.ends !== t.starts,
    );
    const last = over
      .map((t) => t.ends)
      .filter((e) => e !== '')
      .sort()
      .at(-1);
    if (last === undefined || told.some((t) => key(t) === key(c)) || c.starts > last) continue;
    if (c.ends === '' || c.ends > last) c.ends = last;
  }
}

/** An 834 of ends alone: of who has left, and of who has left under the former card as the next one was cancelled, in either order. */
async function endings(): Promise<void> {
  const members: string[][] = [];
  for (const p of people) {
    const last = p.coverages.at(-1);
    const here = last === undefined ? undefined : p.here.get(key(last));
    if (last === undefined || here === undefined || lastDay(p, here) !== '' || !chance(0.3)) continue;
    const former = p.coverages.findLast((c) => c.number === last.isOf && p.here.has(key(c)));
    const on = dayAfter(last.starts);
    // under another first day it is there as well, and is not cancelled with it
    const isTwice = [...p.here.values()].some((c) => c !== here && c.number === last.number);
    if (former === undefined || former.lob !== last.lob || isTwice || chance(0.5)) {
      members.push(endOf(p, last.number, on));
      last.ends = on;
      endHere(p, last.number, on);
      say(`${p.born} ends ${last.number} ${on}`);
      continue;
    }
    last.ends = last.starts;
    former.ends = on;
    const both = [endOf(p, former.number, on), endOf(p, last.number, last.starts)];
    members.push(...(chance(0.5) ? both : both.toReversed()));
    endHere(p, last.number, last.starts);
    endHere(p, former.number, on);
    say(`${p.born} ends ${former.number} ${on}, ${last.number} never was`);
  }
  if (members.length === 0) return;
  const text = interchange(members);
  await loadText(text, 'x12');
  expect((await loadText(text, 'x12')).enrolments, ['ends again', ...story].join('\n')).toBe(0);
}

test('whatever files and calls say, what stands here is what they said', async () => {
  for (let n = 0; n < FILES; n++) {
    const form = oneOf(['csv', 'semicolons', 'x12']);
    const rows: Row[] = [];
    const told: (() => void)[] = [];
    const rowsOf = new Map<Person, Coverage[]>();
    if (people.length < 15)
      for (let i = 0; i < 3; i++)
        people.push({
          name: `Family${++made}`,
          nameHere: '',
          died: '',
          diedHere: '',
          born: addDays('1960-01-01', people.length * 37),
          coverages: [
            {
              number: newNumber(),
              starts: addDays(FIRST, Math.floor(roll() * 100)),
              ends: '',
              plan: 'GOLD',
              isOf: '',
              lob: 'ma',
            },
          ],
          here: new Map(),
          others: [],
          choices: [],
          said: [],
        });
    // who comes with the cards of years
    for (const p of people) while (p.here.size === 0 && chance(0.3)) happens(p);
    say(`file ${n}: ${form}`);
    for (const p of people) {
      const isNew = p.here.size === 0;
      if (!isNew && chance(0.5)) happens(p);
      if (!isNew && chance(0.3)) continue;
      const choice = form !== 'x12' && chance(0.3) ? oneOf(['no', 'regular', 'sensitive']) : undefined;
      // all that the system has of somebody, or what is new
      let all =
        chance(0.5) || p.here.size === 0
          ? p.coverages
          : p.coverages.filter((c) => !p.here.has(key(c)) || c === p.coverages.at(-1));
      // a file of one line of business tells a card only where the one that it took the place of is known
      if (form === 'x12') {
        all = all.filter((c) => c.lob === 'ma');
        const known = new Set([...[...p.here.values()].map((c) => c.number), ...all.map((c) => c.number), '']);
        all = all.filter((c) => known.has(c.isOf));
      }
      for (const [i, c] of all.entries()) {
        const isLast = i === all.length - 1;
        const others = isLast ? p.others : [];
        for (const other of others.length === 0 ? [undefined] : others) {
          const said = isLast && other === others.at(-1) ? choice : undefined;
          rows.push(row(p, c, c.isOf, other, said));
          rowsOf.set(p, [...(rowsOf.get(p) ?? []), c]);
          told.push(() => apply(p, c, other, said, form === 'x12'));
        }
      }
    }
    // rows stand in any order
    const order = rows.map((r, i) => ({ r, tell: told[i] as () => void, at: roll() })).sort((x, y) => x.at - y.at);
    const file = order.map((o) => o.r);
    await load(file, form);
    for (const { tell } of order) tell();
    for (const [p, of] of rowsOf) endBeside(p, of);
    for (const p of people) expect(await stands(p), [p.born, ...story].join('\n')).toEqual(owed(p));
    expect(await load(file, form), ['again', ...story].join('\n')).toEqual({
      enrolments: 0,
      otherCoverages: 0,
      choices: 0,
      created: 0,
      updated: 0,
    });
    for (const p of people) expect(await stands(p), ['again', p.born, ...story].join('\n')).toEqual(owed(p));
    await endings();
    for (const p of people) expect(await stands(p), ['ended', p.born, ...story].join('\n')).toEqual(owed(p));
    for (const p of people) if (p.diedHere === '' && p.here.size > 0 && chance(0.3)) await calls(p);
    for (const p of people) expect(await stands(p), ['called', p.born, ...story].join('\n')).toEqual(owed(p));
  }
});

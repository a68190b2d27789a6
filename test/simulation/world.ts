// A simulated world (world.long.test.ts): payers, people who move between them, what happens to them, and what of it payers are told.
import { recordContacts } from '../../exchange/members/consent/record-choice.ts';
import type { Sql } from '../../src/db/database.ts';
import { guardedFetch } from '../../src/runtime/node-fetch.ts';
import { planDay } from '../exchange/plan-fixture.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { numbers } from '../support/numbers.ts';
import { enrolled, loadPlan, meet } from './load-plan.ts';
import {
  type Choice,
  type Happening,
  HUMANS,
  type Human,
  idAt,
  KINDS,
  keyOf,
  type Member,
  memberAt,
  NAMES,
  npiOf,
  PLANS,
  peerId,
  personAt,
  placesOf,
  recordOf,
  toldOf,
} from './world-records.ts';
import { WorldTime } from './world-time.ts';
import { Weather } from './world-weather.ts';
import { Wire } from './world-wire.ts';

const DAY = 86_400_000;
export const SEED = Number(process.env['WORLD_SEED'] ?? 2);
/** Payers that fail, and programs that die: in worlds of odd numbers, unless it is said. */
export const IS_STORMY =
  process.env['WORLD_WEATHER'] === undefined ? SEED % 2 === 1 : process.env['WORLD_WEATHER'] === 'bad';
/** What does not happen in it. */
export const WITHOUT = new Set((process.env['WORLD_WITHOUT'] ?? '').split(','));
export const time = new WorldTime();
export const wire = new Wire(time.clock);
export const today = (add = 0): string => planDay(new Date(time.clock().getTime() + add * DAY));

const roll = numbers(SEED);
const chance = (p: number): boolean => roll() < p;
const oneOf = <T>(of: readonly T[]): T => of[Math.floor(roll() * of.length)] as T;
/** Of what payers do towards members: the story of people goes its way without it. */
export const deeds = numbers(SEED + 1000);
export const weather = new Weather(SEED + 2000, PLANS.length);

export const events: Happening[] = [];
const story: string[] = [];
/** What happened so far, for whoever reads a failure. */
export const told = (what: string): string => [...story, what].join('\n');
export const say = (what: string): void => void story.push(`${today()} ${what}`);
export const nodes: TestNode[] = [];
export const nodeOf = (plan: number): TestNode => nodes[plan] as TestNode;
export const sqlOf = (plan: number): Sql => nodeOf(plan).deps.database.sql;

/** A coverage with a payer, as long as it lasts. */
export type Spell = { who: Human; plan: number; starts: string; ends: string | undefined; isSeconds: boolean };
export const spells: Spell[] = [];
/** What members said, in the order in which it was told. */
export type Said = { who: Human; plan: number; on: string; at: Date; yes: boolean; policy: string; isSeconds: boolean };
export const saids: Said[] = [];
/** That a payer is told of another one, by a card: since when, and what is told of its end. */
export type Named = {
  who: Human;
  plan: number;
  other: number;
  number: string;
  known: string;
  ends: string | undefined;
  /** what the file of the plan says of its end: what a page told holds until that says otherwise than before */
  fileEnds: string | undefined;
  isSeconds: boolean;
  /** taken back as named by mistake */
  isInError: boolean;
};
export const nameds = new Map<string, Named>();
/** Letters to members: the offer of the choice, the question about other payers. */
export type Letter = { who: Human; plan: number; kind: 'offer' | 'identify'; at: Date; isDelivered: boolean };
export const letters: Letter[] = [];
const inThePost: Letter[] = [];

export const covers = (m: Member | undefined): boolean =>
  m !== undefined && (m.ends === undefined || m.ends >= today());
/** The choice of a member that holds. */
export const choiceOf = (m: Member): Choice => m.over ?? m;
export const placesNow = (h: Human): number[] => [...h.at].filter(([, m]) => covers(m)).map(([plan]) => plan);

/** What plans are told in a step. */
const rows = new Map<number, Record<string, string>[]>();
const records = new Map<number, object[]>();
const push = <T>(map: Map<number, T[]>, plan: number, what: T) => void map.set(plan, [...(map.get(plan) ?? []), what]);
export const record = (e: Happening): void => {
  e.isSeconds = e.isOfSecond && (e.isSeconds || e.who.twice.get(e.plan)?.isOne === false);
  for (const plan of placesOf(e)) push(records, plan, recordOf(e, plan));
};

/** Numbers of a person elsewhere that a payer is told: of who is there once more under another one, by chance either or both. */
const numbersTold = new Map<string, string[]>();
const upheaval = numbers(SEED + 4000);
function toldNumbers(h: Human, plan: number, other: number): string[] {
  const first = h.at.get(other)?.number ?? '';
  const second = h.twice.get(other)?.member.number;
  if (second === undefined) return [first];
  const key = [h.name, plan, other, first].join();
  const isToldFirst = nameds.has([h.name, plan, other, first].join());
  const all = numbersTold.get(key) ?? [
    ...(isToldFirst || upheaval() < 0.6 ? [first] : []),
    ...(upheaval() < 0.5 ? [second] : []),
  ];
  numbersTold.set(key, all.length === 0 ? [second] : all);
  return numbersTold.get(key) ?? [];
}

/** A row of a member. `m`: of which of the two that a person may be there. */
export function enrol(h: Human, plan: number, former = '', m = h.at.get(plan) as Member): void {
  const row = {
    former_member_number: former,
    coverage_start: m.starts,
    coverage_end: m.ends ?? '',
    opt_in: m.optIn === undefined ? '' : m.optIn ? 'yes' : 'no',
    opt_in_date: m.chosenOn,
    opt_in_policy: m.policy,
  };
  const others: Record<string, string>[] = [];
  // a file goes on to have the row of a payer that was taken back
  for (const named of nameds.values())
    if (named.who === h && named.plan === plan && named.isInError && m === h.at.get(plan))
      others.push({
        prior_payer: peerId(named.other),
        prior_member_number: named.number,
        prior_coverage_end: named.fileEnds ?? '',
      });
  for (const [other, ends] of m.asks)
    for (const number of toldNumbers(h, plan, other)) {
      others.push({ prior_payer: peerId(other), prior_member_number: number, prior_coverage_end: ends ?? '' });
      const key = [h.name, plan, other, number, ...(m === h.at.get(plan) ? [] : ['second'])].join();
      const before = nameds.get(key);
      const known = before?.known ?? today();
      // nor does a file name again what was taken back
      const isInError = before?.isInError ?? false;
      const holds = before !== undefined && before.fileEnds === ends ? before.ends : ends;
      const isSeconds = m !== h.at.get(plan);
      nameds.set(key, { who: h, plan, other, number, known, ends: holds, fileEnds: ends, isSeconds, isInError });
    }
  const person = { ...personAt(h, plan), number: m.number };
  for (const other of others.length === 0 ? [{}] : others) push(rows, plan, enrolled(person, { ...row, ...other }));
  const second = h.twice.get(plan)?.member;
  if (m !== second && second !== undefined && second.ends === undefined && m.ends !== undefined) {
    second.ends = m.ends;
    const spell = spells.findLast((s) => s.who === h && s.plan === plan && s.isSeconds);
    if (spell) spell.ends = m.ends;
    enrol(h, plan, '', second);
  }
}

/** Was a payer taken back that was named by mistake? */
const isTakenBack = (h: Human, plan: number, other: number): boolean =>
  [...nameds.values()].some((n) => n.who === h && n.plan === plan && n.other === other && n.isInError);

function join(h: Human, plan: number): void {
  const was = h.at.get(plan);
  const asks = new Map(was?.asks);
  for (const [other, m] of h.at)
    if (other !== plan && chance(0.9) && !isTakenBack(h, plan, other)) asks.set(other, m.ends);
  const first = was?.first ?? `${NAMES[plan]}${h.name}`;
  const isNewCard = was !== undefined && chance(0.5);
  const yes = chance(0.85);
  const policy = chance(0.5) ? 'regular' : 'sensitive';
  // who says nothing: a choice of before holds
  const isSilent = deeds() < 0.25;
  const m: Member = {
    number: isNewCard ? `${first}-${events.length}` : (was?.number ?? first),
    first,
    starts: today(),
    ends: undefined,
    asks,
    optIn: isSilent ? was?.optIn : yes,
    policy: isSilent && was !== undefined ? was.policy : policy,
    chosenOn: isSilent ? (was?.chosenOn ?? '') : today(),
    over: isSilent ? was?.over : undefined,
  };
  h.at.set(plan, m);
  spells.push({ who: h, plan, starts: today(), ends: undefined, isSeconds: false });
  if (!isSilent) saids.push({ who: h, plan, on: today(), at: time.clock(), yes, policy, isSeconds: false });
  for (const kind of ['offer', 'identify'] as const)
    if (deeds() < 0.8) {
      const at = new Date(time.clock().getTime() + deeds() * 12 * DAY);
      inThePost.push({ who: h, plan, kind, at, isDelivered: deeds() < 0.9 });
    }
  say(`${h.name} joins ${NAMES[plan]}, asks ${[...asks.keys()].map((p) => NAMES[p]).join()}: ${m.optIn} ${m.policy}`);
  enrol(h, plan, isNewCard ? was?.number : undefined);
  // who covers the person as well learns of it
  for (const [other, o] of h.at)
    if (other !== plan && covers(o) && chance(0.7) && !isTakenBack(h, other, plan)) {
      o.asks.set(plan, undefined);
      enrol(h, other);
    }
}

function leave(h: Human, plan: number): void {
  const m = h.at.get(plan) as Member;
  if (m.starts >= today(-1)) return;
  m.ends = today(-1);
  const spell = spells.findLast((s) => s.who === h && s.plan === plan && !s.isSeconds);
  if (spell) spell.ends = m.ends;
  say(`${h.name} leaves ${NAMES[plan]}`);
  enrol(h, plan);
  for (const [other, o] of h.at)
    if (o.asks.has(plan) && chance(0.8)) {
      o.asks.set(plan, m.ends);
      enrol(h, other);
    }
}

function happen(h: Human, plan: number): void {
  const kind = oneOf([...KINDS, 'Observation', 'Observation', 'ExplanationOfBenefit'] as const);
  const others = placesNow(h).filter((p) => p !== plan);
  const second = h.twice.get(plan)?.member;
  const isTwice = second !== undefined && second.ends === undefined;
  const isCare = kind !== 'ExplanationOfBenefit' && kind !== 'Encounter';
  const visits = events.filter((e) => e.who === h && e.plan === plan && e.kind === 'Encounter' && !e.gone);
  // a result that both payers of a person are told, under its number
  const also = kind === 'Observation' && others.length > 0 && chance(0.3) ? oneOf(others) : undefined;
  const e: Happening = {
    n: events.length,
    who: h,
    kind,
    plan,
    also,
    day: today(-Math.floor(roll() * 10)),
    value: 1 + Math.floor(roll() * 90),
    status: 'active',
    gone: false,
    isLabelled: also === undefined && kind !== 'ExplanationOfBenefit' && chance(0.15),
    isNumbered: also !== undefined || chance(0.5),
    visit: isCare && also === undefined && visits.length > 0 && chance(0.5) ? oneOf(visits) : undefined,
    prior: undefined,
    isOfSecond: isTwice && upheaval() < 0.5,
    isSeconds: false,
  };
  if (e.visit !== undefined && isTwice) e.isOfSecond = e.visit.isOfSecond;
  events.push(e);
  record(e);
}

export function remove(plan: number, url: string): void {
  push(records, plan, { resourceType: 'Bundle', type: 'transaction', entry: [{ request: { method: 'DELETE', url } }] });
}

function change(): void {
  const e = oneOf(events.filter((one) => !one.gone && one.status === 'active' && one.also === undefined));
  if (e === undefined) return;
  if (e.kind === 'ExplanationOfBenefit') {
    e.status = 'cancelled';
    record(e);
    if (!chance(0.7)) return;
    // a record of its own: what comes while two members are one is of the one that stays
    const next: Happening = {
      ...e,
      n: events.length,
      status: 'active',
      prior: e,
      value: e.value + 1,
      day: today(),
      isSeconds: false,
    };
    events.push(next);
    record(next);
  } else if (chance(0.3) && !events.some((o) => o.visit === e && !o.gone)) {
    e.gone = true;
    say(`${keyOf(e)} is gone at ${placesOf(e).map(peerId).join()}`);
    for (const plan of placesOf(e)) remove(plan, `${e.kind}/${idAt(e, plan)}`);
  } else {
    e.value++;
    say(`${keyOf(e)} is ${toldOf(e)} at ${placesOf(e).map(peerId).join()}`);
    record(e);
  }
}

function choose(): void {
  const h = oneOf(HUMANS);
  const plan = oneOf(placesNow(h));
  const m = h.at.get(plan);
  if (!m) return;
  if (chance(0.4) || m.optIn === undefined) m.optIn = m.optIn !== true;
  else m.policy = m.policy === 'regular' ? 'sensitive' : 'regular';
  m.chosenOn = today();
  m.over = undefined;
  saids.push({ who: h, plan, on: today(), at: time.clock(), yes: m.optIn, policy: m.policy, isSeconds: false });
  say(`${h.name} chooses at ${NAMES[plan]}: ${m.optIn} ${m.policy}`);
  enrol(h, plan);
}

export async function flush(): Promise<void> {
  for (const plan of PLANS) await loadPlan(nodeOf(plan), rows.get(plan) ?? [], records.get(plan) ?? []);
  rows.clear();
  records.clear();
}

/** What the mail house reports of letters. */
async function report(): Promise<void> {
  const now = time.clock();
  const come = inThePost.filter((l) => l.at <= now);
  for (const letter of come) inThePost.splice(inThePost.indexOf(letter), 1);
  letters.push(...come);
  for (const plan of PLANS)
    await recordContacts(
      nodeOf(plan).deps,
      come
        .filter((l) => l.plan === plan)
        .map(({ who, kind, at, isDelivered }) => ({
          memberId: memberAt(who, plan),
          kind,
          at,
          channel: 'mail',
          result: isDelivered ? ('delivered' as const) : ('returned' as const),
        })),
      { kind: 'system', subject: 'mail house', requestId: 'world' },
    );
}

export async function step(): Promise<void> {
  await report();
  for (const h of HUMANS) {
    const at = placesNow(h);
    const elsewhere = () => oneOf(PLANS.filter((p) => !at.includes(p)));
    if (at.length === 0 || (at.length === 1 && chance(0.15))) join(h, elsewhere());
    else if (at.length > 1 && chance(0.25)) leave(h, oneOf(at));
    else if (at.length === 1 && chance(0.08)) {
      leave(h, at[0] as number);
      join(h, elsewhere());
    }
    for (const plan of placesNow(h)) while (chance(0.55)) happen(h, plan);
  }
  await flush();
  for (let n = 0; n < 3; n++) if (chance(0.7)) change();
  if (chance(0.35)) choose();
  await flush();
}

export async function begin(): Promise<() => Promise<void>> {
  const lines = PLANS.map(() => guardedFetch({ allowLoopback: true, allowedNetworks: [] }));
  for (const plan of PLANS) {
    const line = lines[plan] as typeof fetch;
    const env = { PLAN_NAME: `Plan ${NAMES[plan]}`, PLAN_NPI: npiOf(plan) };
    const way = weather.over(plan, (origin) => wire.origins.get(origin), wire.witness(plan, line));
    const node = await startNode(env, { clock: time.clock, fetch: way }, { complianceDate: '2026-01-01' });
    Object.assign(node.deps, { blobs: weather.keeps(plan, node.deps.blobs) });
    nodes.push(node);
    wire.origins.set(node.base, plan);
    await time.goesFor(node.deps.database.sql);
  }
  await meet(nodes, peerId);
  return async () => {
    for (const node of nodes) await node.close();
    for (const line of lines) await line.close();
  };
}

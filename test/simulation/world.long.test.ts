// A world of three payers and of people who move between them, by chance: they join, leave, come back, are covered twice, choose and choose otherwise; payers get
// records, correct them, take them back, adjust claims, and ask each other as their schedules say. In the end each payer shows of its members what they and whom
// they ask have, once, as it is there, and nobody is asked about anything. Real HTTP, three databases.
//
// WORLD_SEED and WORLD_STEPS try other worlds; what happens is told in each failure.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mergedBundle } from '../../exchange/merged/everything.ts';
import { planPulls } from '../../exchange/pull/plan.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import type { Sql } from '../../src/store/database.ts';
import { planDay } from '../exchange/plan-fixture.ts';
import { brokenLaws, outcomes } from '../journey/laws.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { numbers } from '../support/numbers.ts';
import { enrolled, loadPlan, meet } from './load-plan.ts';
import {
  type Happening,
  HUMANS,
  type Human,
  idAt,
  isToldGone,
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
  readShown,
  recordOf,
  toldOf,
} from './world-records.ts';

const DAY = 86_400_000;
const SLOWLY = 1_800_000;
const STEP = 15;
const SEED = Number(process.env['WORLD_SEED'] ?? 2);
const STEPS = Number(process.env['WORLD_STEPS'] ?? 10);
let skew = 0;
const clock = () => new Date(Date.now() + skew);
const today = (add = 0): string => planDay(new Date(clock().getTime() + add * DAY));

const roll = numbers(SEED);
const chance = (p: number): boolean => roll() < p;
const oneOf = <T>(of: readonly T[]): T => of[Math.floor(roll() * of.length)] as T;

const events: Happening[] = [];
const story: string[] = [];
/** What happened so far, for whoever reads a failure. */
const told = (what: string): string => [...story, what].join('\n');
const say = (what: string): void => void story.push(`${today()} ${what}`);
const nodes: TestNode[] = [];
const nodeOf = (plan: number): TestNode => nodes[plan] as TestNode;
const sqlOf = (plan: number): Sql => nodeOf(plan).deps.database.sql;

const covers = (m: Member | undefined): boolean => m !== undefined && (m.ends === undefined || m.ends >= today());
const placesNow = (h: Human): number[] => [...h.at].filter(([, m]) => covers(m)).map(([plan]) => plan);

/** What plans are told in a step. */
const rows = new Map<number, Record<string, string>[]>();
const records = new Map<number, object[]>();
const push = <T>(map: Map<number, T[]>, plan: number, what: T) => void map.set(plan, [...(map.get(plan) ?? []), what]);
const record = (e: Happening): void => {
  for (const plan of placesOf(e)) push(records, plan, recordOf(e, plan));
};

function enrol(h: Human, plan: number, former = ''): void {
  const m = h.at.get(plan) as Member;
  const row = {
    former_member_number: former,
    coverage_start: m.starts,
    coverage_end: m.ends ?? '',
    opt_in: m.optIn ? 'yes' : 'no',
    opt_in_date: m.chosenOn,
    opt_in_policy: m.policy,
  };
  const others = [...m.asks].map(([other, ends]) => ({
    prior_payer: peerId(other),
    prior_member_number: h.at.get(other)?.number ?? '',
    prior_coverage_end: ends ?? '',
  }));
  for (const other of others.length === 0 ? [{}] : others)
    push(rows, plan, enrolled(personAt(h, plan), { ...row, ...other }));
}

function join(h: Human, plan: number): void {
  const was = h.at.get(plan);
  const asks = new Map(was?.asks);
  for (const [other, m] of h.at) if (other !== plan && chance(0.9)) asks.set(other, m.ends);
  const first = was?.first ?? `${NAMES[plan]}${h.name}`;
  const isNewCard = was !== undefined && chance(0.5);
  const m: Member = {
    number: isNewCard ? `${first}-${events.length}` : (was?.number ?? first),
    first,
    starts: today(),
    ends: undefined,
    asks,
    optIn: chance(0.85),
    policy: chance(0.5) ? 'regular' : 'sensitive',
    chosenOn: today(),
  };
  h.at.set(plan, m);
  say(`${h.name} joins ${NAMES[plan]}, asks ${[...asks.keys()].map((p) => NAMES[p]).join()}: ${m.optIn} ${m.policy}`);
  enrol(h, plan, isNewCard ? was?.number : undefined);
  // who covers the person as well learns of it
  for (const [other, o] of h.at)
    if (other !== plan && covers(o) && chance(0.7)) {
      o.asks.set(plan, undefined);
      enrol(h, other);
    }
}

function leave(h: Human, plan: number): void {
  const m = h.at.get(plan) as Member;
  if (m.starts >= today(-1)) return;
  m.ends = today(-1);
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
  };
  events.push(e);
  record(e);
}

function change(): void {
  const e = oneOf(events.filter((one) => !one.gone && one.status === 'active' && one.also === undefined));
  if (e === undefined) return;
  if (e.kind === 'ExplanationOfBenefit') {
    e.status = 'cancelled';
    record(e);
    if (!chance(0.7)) return;
    const next: Happening = { ...e, n: events.length, status: 'active', prior: e, value: e.value + 1, day: today() };
    events.push(next);
    record(next);
  } else if (chance(0.3) && !events.some((o) => o.visit === e && !o.gone)) {
    e.gone = true;
    say(`${keyOf(e)} is gone at ${placesOf(e).map(peerId).join()}`);
    for (const plan of placesOf(e)) {
      const entry = [{ request: { method: 'DELETE', url: `${e.kind}/${idAt(e, plan)}` } }];
      push(records, plan, { resourceType: 'Bundle', type: 'transaction', entry });
    }
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
  if (chance(0.4)) m.optIn = !m.optIn;
  else m.policy = m.policy === 'regular' ? 'sensitive' : 'regular';
  m.chosenOn = today();
  say(`${h.name} chooses at ${NAMES[plan]}: ${m.optIn} ${m.policy}`);
  enrol(h, plan);
}

async function flush(): Promise<void> {
  for (const plan of PLANS) await loadPlan(nodeOf(plan), rows.get(plan) ?? [], records.get(plan) ?? []);
  rows.clear();
  records.clear();
}

async function step(): Promise<void> {
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

/** The pulls that each payer makes by its schedule, of what changed, or of everything. Returns the kinds of their outcomes. */
async function ask(how: 'schedule' | 'changes' | 'all'): Promise<string> {
  const found = new Set<string>();
  const working = setInterval(() => {
    for (const node of nodes) void node.work();
  }, 20);
  try {
    for (const plan of PLANS) {
      const { deps, worker } = nodeOf(plan);
      await keepClocks(deps);
      const request =
        how === 'schedule'
          ? ({ cause: 'opt-in' } as const)
          : ({ cause: 'command', again: true, full: how === 'all' } as const);
      for (const id of await planPulls(deps, request)) {
        const done = await worker.finish(id);
        // nobody is matched where all of them have said no there since
        const ended = [done?.state, done?.reason === 'no-match' ? null : done?.reason];
        const members = await sqlOf(plan)`select member_id, outcome from exchange.pull_member where pull_id = ${id}`;
        expect(ended, told(`${NAMES[plan]} asks ${done?.peerId}: ${JSON.stringify(members)}`)).toEqual(['done', null]);
        for (const kind of Object.keys(await outcomes(sqlOf(plan), id))) found.add(kind);
      }
    }
  } finally {
    clearInterval(working);
  }
  return [...found].sort().join();
}

/** What a payer shows of a person: each event by what it is known by, with all that is told of it. */
async function shown(h: Human, plan: number): Promise<Map<string, string[]>> {
  let text = '';
  for await (const piece of (await mergedBundle(nodeOf(plan).deps, memberAt(h, plan), true)) ?? []) text += piece;
  const { entry } = JSON.parse(text) as { entry: { resource: Parameters<typeof readShown>[0] }[] };
  const all = entry.flatMap(({ resource }) => readShown(resource) ?? []);
  return new Map([...Map.groupBy(all, (s) => s.key)].map(([key, of]) => [key, of.map((s) => s.told)]));
}

/** What is wrong in what a payer shows of a person. */
async function faultsOf(h: Human, plan: number, m: Member): Promise<string[]> {
  const found: string[] = [];
  const view = await shown(h, plan);
  const mine = new Map(events.filter((e) => e.who === h).map((e) => [keyOf(e), e]));
  const asked = [...m.asks.keys()].filter((other) => {
    const there = h.at.get(other);
    // who says no there after choosing here is not told of
    return covers(m) && m.optIn && !(there?.optIn === false && there.chosenOn >= m.chosenOn);
  });
  for (const [key, told] of view) {
    const e = mine.get(key);
    if (told.length > 1) found.push(`${key} is shown ${told.length} times`);
    if (e === undefined) found.push(`${key} is somebody else's`);
    // who passes it on may have it as it was; it is as it is where all are asked who have it by themselves, and gone where one of them told so
    else if (
      e.gone
        ? await isToldGone(sqlOf(plan), e, plan)
        : placesOf(e).every((p) => p === plan || asked.includes(p)) && !told.includes(toldOf(e))
    )
      found.push(`${key} is shown as ${told.join()}, and is ${e.gone ? 'gone' : toldOf(e)}`);
  }
  const stands = (e: Happening | undefined): e is Happening => e !== undefined && !e.gone && e.status === 'active';
  const mayCome = (e: Happening) => m.policy === 'sensitive' || !(e.isLabelled || e.visit?.isLabelled);
  const wanted = [...mine.values()].filter((e) => stands(e) && placesOf(e).includes(plan));
  for (const other of asked) {
    wanted.push(...[...mine.values()].filter((e) => stands(e) && placesOf(e).includes(other) && mayCome(e)));
    for (const key of (await shown(h, other)).keys()) {
      const e = mine.get(key);
      if (stands(e) && mayCome(e)) wanted.push(e);
    }
  }
  for (const key of new Set(wanted.map(keyOf))) if (!view.has(key)) found.push(`${key} is not shown`);
  return found.map((fault) => `${NAMES[plan]} of ${h.name}: ${fault}`);
}

beforeAll(async () => {
  for (const plan of PLANS)
    nodes.push(await startNode({ PLAN_NAME: `Plan ${NAMES[plan]}`, PLAN_NPI: npiOf(plan) }, { clock }));
  await meet(nodes, peerId);
});
afterAll(async () => {
  for (const node of nodes) await node.close();
});

test('whoever moves where, what is known of them is shown once and as it is', { timeout: SLOWLY }, async () => {
  for (let n = 0; n < STEPS; n++) {
    await step();
    await ask('schedule');
    skew += STEP * DAY;
  }
  let last = '';
  for (const how of ['changes', 'all', 'changes', 'all', 'all'] as const) {
    last = await ask(how);
    skew += DAY;
  }
  // nothing, where nobody is left who asks
  expect(last, told('the last round')).toMatch(/^(echo,)?(unchanged)?$/);
  const wrong: string[] = [];
  for (const plan of PLANS) {
    for (const h of HUMANS) {
      const m = h.at.get(plan);
      if (m) wrong.push(...(await faultsOf(h, plan, m)));
    }
    expect(await brokenLaws(sqlOf(plan))).toEqual({});
    const open = await sqlOf(plan)`select kind, type, rule from exchange.review_item where state = 'open'`;
    wrong.push(...open.map((i) => `${NAMES[plan]} asks: ${JSON.stringify(i)}`));
  }
  expect(wrong, told('in the end')).toEqual([]);
});

// What payers of a simulated world owe, by what happened in it (docs/deadlines.md), and what became of it, by what passed between them: of no table of theirs.
import { addDays, addMonths, nextBusinessDay } from '../../src/calendar/federal.ts';
import { planDay } from '../exchange/plan-fixture.ts';
import { covers, IS_STORMY, letters, type Named, nameds, saids, spells, today, wire } from './world.ts';
import { memberAt, NAMES, PLANS } from './world-records.ts';
import type { Request } from './world-wire.ts';

const EARLY = 90;
const RUN_OFF = 90;
/** Days before a time is out from which on a payer is asked. */
const BEFORE = 5;

/** `fate`: several where the rule leaves open which: what ended and was done all the same. */
export type Duty = { plan: number; member: string; kind: string; starts: string; due: string; fates: string[] };

/** A time at which payers looked at what they owe, and asked. `cards`: of which something `may` be asked, and what is told of the end there. */
type Tick = {
  at: Date;
  asksAnew: boolean;
  cards: Map<string, { may: boolean; ends: string | undefined; isInError: boolean }>;
};
const ticks: Tick[] = [];

const saidLast = (named: Pick<Named, 'who' | 'plan'>, until: string) =>
  saids
    .filter((s) => s.who === named.who && s.plan === named.plan && s.on <= until)
    .reduce<(typeof saids)[number] | undefined>(
      (last, s) => (last === undefined || s.on >= last.on ? s : last),
      undefined,
    );

/** Payers look now. `asksAnew`: they are told to ask for all, whatever is owed. */
export function tick(at: Date, asksAnew: boolean): void {
  const cards: Tick['cards'] = new Map();
  for (const [key, named] of nameds)
    cards.set(key, {
      may: covers(named.who.at.get(named.plan)) && saidLast(named, today())?.yes === true && !named.isInError,
      ends: named.ends,
      isInError: named.isInError,
    });
  ticks.push({ at, asksAnew, cards });
}

const met = (day: string, due: string): string => (day <= due ? 'met' : 'met-late');
/** Of what nobody has done by now. */
const undone = (due: string): string => (due < today() ? 'overdue' : 'running');

function* offers(): Generator<Duty> {
  for (const { who, plan, starts } of spells) {
    if (who.twice.has(plan)) continue;
    const due = addDays(starts, 7);
    const last = spells.filter((s) => s.who === who && s.plan === plan && s.starts < starts).at(-1)?.ends;
    const from = [addDays(starts, -EARLY), ...(last === undefined ? [] : [addDays(last, 1)])].sort().at(-1) as string;
    const days = (kind: string) => [
      ...letters.flatMap((l) =>
        l.who === who && l.plan === plan && l.kind === kind && l.isDelivered ? planDay(l.at) : [],
      ),
      ...(kind === 'offer' ? saids : [...nameds.values()]).flatMap((s) =>
        s.who === who && s.plan === plan ? ('on' in s ? s.on : s.known) : [],
      ),
    ];
    for (const [kind, by] of [
      ['C1-offer', 'offer'],
      ['C1b-identify', 'identify'],
    ] as const) {
      const [done] = days(by)
        .filter((d) => d >= from)
        .sort();
      yield {
        plan,
        member: memberAt(who, plan),
        kind,
        starts,
        due,
        fates: [done === undefined ? undone(due) : met(done, due)],
      };
    }
  }
}

/** What was answered of a card: `matched` and asked for its records, or not, or its choice was not taken (`isRefused`). `begun`: when that began to be asked; `isWhole`: for everything, whenever it changed. */
type Answer = { at: Date; isMatched: boolean; isRefused: boolean; begun: Date; isWhole: boolean };
function answersOf(named: Named, requests: readonly Request[]): Answer[] {
  return requests.flatMap((r) => {
    if (r.from !== named.plan || r.to !== named.other) return [];
    const ids = [...r.asked].flatMap(([id, of]) => (of.theirs === named.number ? id : []));
    return ids.flatMap((id) => {
      const bucket = r.answered.get(id)?.bucket;
      if (bucket === undefined || (r.kind === 'match') === (bucket === 'match')) return [];
      return {
        at: r.kind === 'match' ? (r.ready ?? r.at) : r.at,
        isMatched: bucket === 'match',
        isRefused: bucket === 'consentconstraint',
        begun: r.begun,
        isWhole: r.isWhole,
      };
    });
  });
}

type Open = Duty & { causes: string[]; isOpen: boolean };

/** Of one card: the request within a week whenever it becomes one that may be asked about, and the next ones. */
function asking(key: string, named: Named, requests: readonly Request[]): Duty[] {
  const answers = answersOf(named, requests);
  const all: Open[] = [];
  const member = memberAt(named.who, named.plan);
  const open = (kind: string, day: string, due: string) =>
    all.push({ plan: named.plan, member, kind, starts: day, due, fates: [], causes: [], isOpen: true });
  let mayBefore = false;
  /** `hasChanges`: only what changed was asked for, so that everything is asked for once more, to compare */
  let answered: { at: Date; until: string; hasChanges: boolean } | undefined;
  /** under which choice it was asked last, that was not taken: the next one is asked under within a week, too */
  let refusedSince: Date | undefined;
  /** the coverage there has ended, and what is asked after that as well; asked last in vain, it is not asked when it goes on again */
  let [isOver, isKnownThere] = [false, false];
  /**
   * Is everything asked for to compare: nothing is owed, and nobody has said that it should be asked for? That meets no duty and opens none. What has ended is not
   * compared; nor is there anything to compare before changes were asked for: everything is what was begun and failed, once more.
   */
  const compares = (a: Answer, ends: string | undefined): boolean => {
    if (!a.isWhole || answered?.hasChanges !== true || all.some((d) => d.isOpen && d.kind === 'C2')) return false;
    if (ends !== undefined && ends < planDay(a.begun)) return false;
    const { at: last, until } = answered;
    const isWished =
      saids.some((s) => s.who === named.who && s.plan === named.plan && s.at >= last && s.at <= a.begun) ||
      ticks.some((t) => t.asksAnew && t.at >= last && t.at <= a.begun);
    return !isWished && planDay(a.begun) < until;
  };
  for (const [n, { at, cards }] of ticks.entries()) {
    const now = planDay(at);
    const { may, ends, isInError } = cards.get(key) ?? { may: false, ends: undefined, isInError: false };
    if (may && !mayBefore) open('C2', now, addDays(now, 7));
    mayBefore = may;
    const isChosen = (since: Date) =>
      saids.some((s) => s.who === named.who && s.plan === named.plan && s.at > since && s.at <= at);
    if (may && refusedSince !== undefined && isChosen(refusedSince)) {
      if (!all.some((d) => d.isOpen && d.kind === 'C2')) open('C2', now, addDays(now, 7));
      refusedSince = undefined;
    }
    const goesOnNow = ends === undefined || ends >= now;
    if (may && goesOnNow && isOver && isKnownThere && !all.some((d) => d.isOpen && d.kind === 'C2'))
      open('C2', now, addDays(now, 7));
    isOver = (isOver && !(may && goesOnNow)) || (ends !== undefined && addDays(ends, RUN_OFF) < now);
    for (const d of all.filter((one) => one.isOpen)) {
      // of a payer that was named by mistake it never was
      if (!may) d.causes.push(isInError ? d.starts : endedOn(named, now));
      const [over, last] = [ends !== undefined && addDays(ends, RUN_OFF) < now, ends ?? ''];
      if (over && d.kind === 'C4' && last < d.due) d.causes.push(addDays(last, 1));
      if (over && d.kind === 'C5-runoff') d.causes.push(addDays(last, RUN_OFF + 1));
    }
    const until = ticks[n + 1]?.at;
    // what is lost there is asked for again by the same pull: one answer
    let isTaken = false;
    for (const a of answers.filter((one) => one.at >= at && (until === undefined || one.at < until))) {
      if (a.isMatched && isTaken) continue;
      // whatever it was asked for: a choice is not taken
      refusedSince = a.isRefused ? a.begun : undefined;
      if (compares(a, ends)) continue;
      isKnownThere = a.isMatched;
      isTaken ||= a.isMatched;
      const day = planDay(a.at);
      for (const d of all.filter((one) => one.isOpen)) {
        d.isOpen = false;
        const [cause] = d.causes.sort();
        d.fates =
          cause === undefined
            ? [met(day, d.due)]
            : [...(day <= d.due || cause > d.due ? [met(day, d.due)] : []), ended(cause, d.due)];
        // that the payer does not know a member is looked at when the next duty comes near
        if (!a.isMatched && d.kind !== 'C2' && d.due >= today()) d.fates.push('running');
      }
      if (!a.isMatched) continue;
      const goesOn = ends === undefined || ends >= day;
      // also where it goes on again later
      const until = addDays(addMonths(planDay(a.begun), 3), -BEFORE);
      answered = { at: a.at, until, hasChanges: !a.isWhole };
      if (goesOn) open('C4', day, addMonths(day, 3));
      else if (ends !== undefined && addDays(ends, RUN_OFF) >= day) open('C5-runoff', day, addMonths(day, 1));
    }
  }
  for (const d of all.filter((one) => one.isOpen)) {
    const [cause] = d.causes.sort();
    d.fates = cause === undefined ? [undone(d.due)] : [ended(cause, d.due), ...(d.due >= today() ? ['running'] : [])];
  }
  return all.map(({ causes: _, isOpen: __, ...duty }) => duty);
}

/** The day from which nobody may be asked any more, as of a day on which that is so. */
function endedOn(named: Named, now: string): string {
  const said = saidLast(named, now);
  const last = spells.filter((s) => s.who === named.who && s.plan === named.plan && s.starts <= now).at(-1);
  const days = [
    ...(said?.yes === false ? [said.on] : []),
    ...(last?.ends !== undefined && last.ends < now ? [addDays(last.ends, 1)] : []),
  ];
  return days.sort()[0] ?? now;
}
const ended = (day: string, due: string): string => (day > due ? 'ended-late' : 'ended');

/** An answer within a business day. */
function* answers(requests: readonly Request[]): Generator<Duty> {
  for (const r of requests) {
    const [starts, ready] = [planDay(r.at), r.ready];
    const due = nextBusinessDay(starts, []);
    // when it was ready nobody sees who asks later, nor whether it was before what was asked was ended
    const fates = IS_STORMY
      ? ['met', ...(ready === undefined ? ['ended'] : [])]
      : [ready === undefined ? undone(due) : met(planDay(ready), due)];
    yield { plan: r.to, member: NAMES[r.from] ?? '', kind: `C3-${r.kind}`, starts, due, fates };
  }
}

/** Everything that each payer owes and owed. */
export function duties(): Map<number, Duty[]> {
  const requests = wire.requests();
  const all = [
    ...offers(),
    ...answers(requests),
    ...[...nameds].flatMap(([key, named]) => (named.who.twice.has(named.plan) ? [] : asking(key, named, requests))),
  ];
  return new Map(PLANS.map((plan) => [plan, all.filter((d) => d.plan === plan)]));
}

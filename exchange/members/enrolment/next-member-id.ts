// When a coverage is over as a next card took the place of its own: one rule, for what a file says and for what it gives back. Pure.
import { addDays } from '../../../src/calendar/federal.ts';

/** Coverage of one member, as it stands. Days are YYYY-MM-DD; an end is null where there is none. */
export type CardCoverage = {
  number: string;
  /** the card that this one took the place of */
  former: string | null;
  lob: string;
  starts: string;
  ends: string | null;
  /** the end that was said of it; another than `ends` where a next card ended it before */
  said: string | null;
};

/** What rows of a file that is being taken say: that coverage is stated, and when that under the next card begins by the same file. */
export type Stated = ReadonlyMap<string, { next: string | undefined }>;
export const statedKey = (c: { number: string; starts: string }): string => `${c.starts} ${c.number}`;

/** One that ends on the day on which it begins was cancelled: it took the place of none. */
const isCancelled = (c: CardCoverage): boolean => c.said === c.starts;
const first = (days: readonly string[]): string | undefined => [...days].sort()[0];

/**
 * Coverage under the cards that took the place of one, from its first day on. Where one of them was cancelled, the card
 * after it counts. A card is the next one in all its coverage, whichever row stated it.
 */
export function nextsOf(
  all: readonly CardCoverage[],
  of: CardCoverage,
  seen = new Set<CardCoverage>([of]),
): CardCoverage[] {
  const cards = new Set(all.filter((c) => c.former === of.number).map((c) => c.number));
  return all
    .filter((c) => cards.has(c.number) && c.starts >= of.starts && !seen.has(c))
    .flatMap((c) => (isCancelled(c) ? nextsOf(all, c, seen.add(c)) : [c]));
}

/** Those that end a coverage: in another line of business it goes on beside, as Medicaid does beside Medicare, until it is stated there. */
export const nextsToEnd = (all: readonly CardCoverage[], of: CardCoverage): CardCoverage[] =>
  nextsOf(all, of).filter((c) => c.lob === of.lob);

/**
 * Coverage under the cards that took the place of one, and of those in turn, in the order in which it begins; the card
 * of the last is that of today.
 */
export function cardsAfter(all: readonly CardCoverage[], of: CardCoverage): CardCoverage[] {
  const after = new Set<CardCoverage>();
  const follow = (c: CardCoverage): void => {
    for (const n of nextsOf(all, c))
      if (n !== of && !after.has(n)) {
        after.add(n);
        follow(n);
      }
  };
  follow(of);
  return [...after].sort((a, b) => (a.starts < b.starts ? -1 : a.starts > b.starts ? 1 : 0));
}

/** The coverage whose place one took that was cancelled, whatever was cancelled between; undefined when it is not known. */
export function coverageBefore(all: readonly CardCoverage[], of: CardCoverage): CardCoverage | undefined {
  const isBefore = (c: CardCoverage) => !isCancelled(c) && c.starts <= of.starts && c.number !== of.number;
  const cards = cardsBefore(all, of);
  return all.filter((c) => isBefore(c) && cards.has(c.number)).sort((a, b) => (a.starts < b.starts ? 1 : -1))[0];
}

/** Numbers of the cards that one, and those in turn, took the place of. */
function cardsBefore(all: readonly CardCoverage[], of: CardCoverage): Set<string> {
  const before = new Set<string>(of.former === null ? [] : [of.former]);
  for (const c of all) if (c.number === of.number && c.former !== null) before.add(c.former);
  for (const number of before) for (const c of all) if (c.number === number && c.former !== null) before.add(c.former);
  return before;
}

/** Numbers of cards under which all was cancelled: no one ever had them. */
export const neverHeld = (all: readonly CardCoverage[]): Set<string> => {
  const held = new Set(all.filter((c) => !isCancelled(c)).map((c) => c.number));
  return new Set(all.map((c) => c.number).filter((n) => !held.has(n)));
};

/** Does it go on, or the one that took its place, and so on? */
const stands = (all: readonly CardCoverage[], c: CardCoverage, today: string, seen: Set<CardCoverage>): boolean =>
  (c.ends ?? today) >= today || nextsToEnd(all, c).some((n) => !seen.has(n) && stands(all, n, today, seen.add(n)));

/** The last day under a card when coverage under the next one begins: the day before; of the same day, that day. */
const lastDay = (c: CardCoverage, next: string): string => {
  const before = addDays(next, -1);
  return before < c.starts ? c.starts : before;
};

/**
 * The day on which a coverage is over as the next one begins, if any. What is stated is over by what the same file
 * says, and by what stands here: a card that comes back, stated alone when the next one is over, goes on as its row
 * says. What is not stated stays over as long as the coverage that ended it is there; when that was cancelled, the one
 * after it does.
 */
function nextDay(all: readonly CardCoverage[], c: CardCoverage, stated: Stated, today: string): string | undefined {
  const nexts = nextsToEnd(all, c);
  const row = stated.get(statedKey(c));
  const days = nexts.filter((n) => stated.has(statedKey(n))).map((n) => n.starts);
  if (row !== undefined) {
    const here = nexts.filter((n) => stands(all, n, today, new Set([c, n]))).map((n) => n.starts);
    return first([...days, ...here, ...(row.next === undefined ? [] : [row.next])]);
  }
  const { ends } = c;
  if (ends === null || ends === c.said) return first(days);
  const isThere = nexts.some((n) => lastDay(c, n.starts) === ends);
  const later = nexts.map((n) => n.starts).filter((day) => lastDay(c, day) > ends);
  return first([...days, ...(isThere ? [addDays(ends, 1)] : later)]);
}

/** Coverage of one member whose end is another by its next cards, with that end. @param today YYYY-MM-DD of the plan's calendar */
export function recomputeEnds(coverage: readonly CardCoverage[], stated: Stated, today: string): CardCoverage[] {
  const all = coverage.map((c) => ({ ...c }));
  const changed: CardCoverage[] = [];
  // the latest first: whether a next one goes on depends on the one after it
  for (const c of all.toSorted((a, b) => (a.starts < b.starts ? 1 : a.starts > b.starts ? -1 : 0))) {
    const next = nextDay(all, c, stated, today);
    const over = next === undefined ? null : lastDay(c, next);
    const ends = over === null || (c.said !== null && c.said <= over) ? c.said : over;
    if (ends === c.ends) continue;
    changed.push({ ...c, ends });
    c.ends = ends;
  }
  return changed;
}

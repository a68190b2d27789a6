// Which choices of an enrolment file are new. A file knows the day and not the hour: of one day they count in the order in which they
// stand in it, behind those of the files that came before. Pure.

/** What a file says of a member: a yes under a policy, or a no. `on`: YYYY-MM-DD */
export type Said = { memberId: string; optIn: boolean; policy: 'regular' | 'sensitive'; on: string };

/** What it is beside others of the same day: a no is a no under either policy. */
const word = (s: Said) => (s.optIn ? s.policy : 'no');

/** Those of each member and day, in order. */
function byDay<T extends Said>(all: readonly T[]): Map<string, T[]> {
  const days = new Map<string, T[]>();
  for (const one of all) {
    const key = JSON.stringify([one.memberId, one.on]);
    days.set(key, [...(days.get(key) ?? []), one]);
  }
  return days;
}

/** How many of `said` are the end of what is known: a file that is loaded once more says nothing new. */
function knownOf(known: readonly Said[], said: readonly Said[]): number {
  for (let n = Math.min(known.length, said.length); n > 0; n--)
    if (known.slice(-n).every((one, i) => word(one) === word(said[i] as Said))) return n;
  return 0;
}

/**
 * The choices that are new, in the order of the file.
 * @param known imported ones of the same members, in the order in which they came
 * @param said in the order of the file
 * @returns `again`: how many equal ones of the day there are before it
 */
export function notSaidYet(known: readonly Said[], said: readonly Said[]): (Said & { again: number })[] {
  const before = byDay(known);
  const placed = said.map((one, place) => ({ ...one, place }));
  return [...byDay(placed)]
    .flatMap(([key, all]) => {
      const held = before.get(key) ?? [];
      const once = all.filter((one, i) => i === 0 || word(one) !== word(all[i - 1] as Said));
      const added = once.slice(knownOf(held, once));
      return added.map((one, i) => ({
        ...one,
        again: [...held, ...added.slice(0, i)].filter((o) => o.optIn === one.optIn && o.policy === one.policy).length,
      }));
    })
    .sort((a, b) => a.place - b.place)
    .map(({ place: _, ...one }) => one);
}

/** A choice that is known, by day and in the order in which it came. `isImported`: of a file, which knows no hour */
export type KnownChoice = Said & { isImported: boolean };

/**
 * What new choices are called: a no after a yes is a withdrawal. Of one day those of the file come after what is known.
 * @param known of the same members, by day and in the order in which they came
 * @param fresh in the order of the file
 */
export function choicesOf<T extends Said>(
  known: readonly Said[],
  fresh: readonly T[],
): (T & { choice: 'opt-in' | 'decline' | 'withdraw' })[] {
  const before = Map.groupBy(known, (k) => k.memberId);
  const others = Map.groupBy(fresh, (f) => f.memberId);
  return fresh.map((one) => {
    const stated = before.get(one.memberId)?.findLast((k) => k.on <= one.on);
    const here = others.get(one.memberId) ?? [];
    const place = here.indexOf(one);
    const earlier = here
      .filter((o, i) => o.on < one.on || (o.on === one.on && i < place))
      .reduce<T | undefined>((last, o) => (last === undefined || o.on >= last.on ? o : last), undefined);
    const last = earlier !== undefined && (stated === undefined || earlier.on >= stated.on) ? earlier : stated;
    const choice = one.optIn ? 'opt-in' : last?.optIn === true ? 'withdraw' : 'decline';
    return { ...one, choice };
  });
}

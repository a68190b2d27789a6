// Several events of one kind and one time at two payers: each is one of the other payer's at most. Which of them it is, what else the records say
// tells; where that tells nothing and it makes no difference, their order does; where it makes one, a person. Pure, and the same in whatever order
// records came.

/** A record beside others of its kind. */
export type Event = {
  id: string;
  /** whose it is: no two records of one origin are one event, unless a number says so */
  origin: string;
  /** what it says beside its key, member by member */
  says: ReadonlyMap<string, string>;
};
/** Two that may be one. `firm`: a number, or a person, says that they are. `rejected`: a person says that they are not. */
export type MaybeSame = { a: string; b: string; as: 'firm' | 'event' | 'rejected' };
/** `proposed`: a person has to tell; `apart`: each is, or may be, another one. */
export type Settled = 'confirmed' | 'proposed' | 'apart';

/** Of a record that may be any of more, nobody is asked which: it stays by itself. */
const MOST_TO_ASK = 10;

type Cluster = { events: Event[]; origins: Set<string>; unsure: Set<string> };

/** How much two records agree in what they say beside their key: members that are the same, less those that differ. */
function agreement(a: Event, b: Event): number {
  let agreed = 0;
  for (const [member, said] of a.says) {
    const other = b.says.get(member);
    if (other !== undefined) agreed += other === said ? 1 : -1;
  }
  return agreed;
}

const lookOf = (e: Event): string => JSON.stringify([...e.says].sort(([x], [y]) => (x < y ? -1 : 1)));
const looks = (c: Cluster): string => c.events.map(lookOf).sort().join();
const firstOf = (c: Cluster): string => c.events.map((e) => e.id).reduce((x, y) => (x < y ? x : y));
const inOrder = (cs: Iterable<Cluster>): Cluster[] => [...cs].sort((x, y) => (firstOf(x) < firstOf(y) ? -1 : 1));
const sideOf = (c: Cluster): string => [...c.origins].sort().join();

export const pairKey = (a: string, b: string): string => (a < b ? `${a}|${b}` : `${b}|${a}`);

/**
 * @param apart are these two surely not one, though nothing was said of the two themselves?
 * @returns by {@link pairKey} what each pair that is `event` comes to
 */
export function settleEvents(
  events: readonly Event[],
  pairs: readonly MaybeSame[],
  apart: (a: Event, b: Event) => boolean,
): Map<string, Settled> {
  const clusterOf = new Map<string, Cluster>(
    events.map((e) => [e.id, { events: [e], origins: new Set([e.origin]), unsure: new Set() }]),
  );
  const eventOf = new Map(events.map((e) => [e.id, e]));
  const known = pairs.filter((p) => eventOf.has(p.a) && eventOf.has(p.b));
  const rejected = new Set(known.filter((p) => p.as === 'rejected').map((p) => pairKey(p.a, p.b)));
  const cluster = (id: string): Cluster => clusterOf.get(id) as Cluster;
  const merge = (x: Cluster, y: Cluster): void => {
    if (x === y) return;
    const [more, fewer] = x.events.length < y.events.length ? [y, x] : [x, y];
    for (const e of fewer.events) {
      more.events.push(e);
      more.origins.add(e.origin);
      clusterOf.set(e.id, more);
    }
    for (const o of fewer.unsure) more.unsure.add(o);
  };
  const meets = (x: ReadonlySet<string>, y: ReadonlySet<string>) => [...x].some((o) => y.has(o));
  const mayBeOne = (x: Cluster, y: Cluster): boolean =>
    x !== y &&
    !meets(x.origins, y.origins) &&
    !x.events.some((a) => y.events.some((b) => rejected.has(pairKey(a.id, b.id)) || apart(a, b)));
  const isOpen = (x: Cluster, y: Cluster): boolean =>
    mayBeOne(x, y) && !meets(x.unsure, y.origins) && !meets(y.unsure, x.origins);

  for (const p of known) if (p.as === 'firm') merge(cluster(p.a), cluster(p.b));

  const doubtful = new Set<string>();
  const weighed = known
    .filter((p) => p.as === 'event')
    .map((p) => ({ a: p.a, b: p.b, weight: agreement(eventOf.get(p.a) as Event, eventOf.get(p.b) as Event) }));
  const tiers = Map.groupBy(weighed, (p) => p.weight);
  for (const weight of [...tiers.keys()].sort((x, y) => y - x)) {
    const tier = (tiers.get(weight) ?? []).sort((x, y) => (pairKey(x.a, x.b) < pairKey(y.a, y.b) ? -1 : 1));
    const open = () => tier.filter((p) => isOpen(cluster(p.a), cluster(p.b)));
    for (let merged = true; merged; ) {
      merged = false;
      const now = open();
      const others = candidates(now, cluster);
      const isSure = (c: Cluster) => areAlternatives(others.get(c) ?? new Set(), mayBeOne) === false;
      for (const p of now.filter((q) => isSure(cluster(q.a)) && isSure(cluster(q.b)))) {
        if (!isOpen(cluster(p.a), cluster(p.b))) continue;
        merge(cluster(p.a), cluster(p.b));
        merged = true;
      }
    }
    pairAlike(open(), cluster, mayBeOne, (a, b) => {
      if (!isOpen(cluster(a), cluster(b))) return false;
      merge(cluster(a), cluster(b));
      return true;
    });
    const left = open();
    const maybe = candidates(left, cluster);
    const isMany = (id: string) => (maybe.get(cluster(id))?.size ?? 0) > MOST_TO_ASK;
    for (const p of left) if (!isMany(p.a) && !isMany(p.b)) doubtful.add(pairKey(p.a, p.b));
    // a worse agreement does not tell what a better one left open
    const unsure = left.map((p) => [cluster(p.a), cluster(p.b)] as const);
    for (const [x, y] of unsure) {
      for (const o of y.origins) x.unsure.add(o);
      for (const o of x.origins) y.unsure.add(o);
    }
  }
  return new Map(
    weighed.map((p) => {
      const key = pairKey(p.a, p.b);
      return [key, cluster(p.a) === cluster(p.b) ? 'confirmed' : doubtful.has(key) ? 'proposed' : 'apart'];
    }),
  );
}

type Pair = { a: string; b: string };

/** Which others each may be. */
function candidates(pairs: readonly Pair[], cluster: (id: string) => Cluster): Map<Cluster, Set<Cluster>> {
  const found = new Map<Cluster, Set<Cluster>>();
  for (const { a, b } of pairs)
    for (const [x, y] of [
      [cluster(a), cluster(b)],
      [cluster(b), cluster(a)],
    ] as const)
      found.set(x, (found.get(x) ?? new Set()).add(y));
  return found;
}

/** Do some of these exclude each other? */
function areAlternatives(of: ReadonlySet<Cluster>, mayBeOne: (x: Cluster, y: Cluster) => boolean): boolean {
  const seen = new Set<string>();
  for (const c of of)
    for (const o of c.origins) {
      if (seen.has(o)) return true;
      seen.add(o);
    }
  const all = [...of];
  return all.some((x, i) => all.slice(i + 1).some((y) => !mayBeOne(x, y)));
}

/** Are there two of different payers among these that exclude each other? Then it makes a difference, however many each payer has. */
function areTorn(of: ReadonlySet<Cluster>, mayBeOne: (x: Cluster, y: Cluster) => boolean): boolean {
  const all = [...of];
  return all.some((x, i) => all.slice(i + 1).some((y) => sideOf(x) !== sideOf(y) && !mayBeOne(x, y)));
}

/** Of events that look alike it makes no difference which is which: the first is the first. */
function pairAlike(
  pairs: readonly Pair[],
  cluster: (id: string) => Cluster,
  mayBeOne: (x: Cluster, y: Cluster) => boolean,
  unite: (a: string, b: string) => boolean,
): void {
  const others = candidates(pairs, cluster);
  const seen = new Set<Cluster>();
  for (const start of inOrder(others.keys())) {
    if (seen.has(start)) continue;
    const group = new Set([start]);
    for (const c of group) for (const o of others.get(c) ?? []) group.add(o);
    for (const c of group) seen.add(c);
    const whole = inOrder(group).filter((c) => !areTorn(others.get(c) ?? new Set(), mayBeOne));
    // by an event of each, as it is joined with others on the way
    const sides = [...Map.groupBy(whole, sideOf)]
      .sort(([x], [y]) => (x < y ? -1 : 1))
      .map(([, side]) => side.map((c) => ({ id: firstOf(c), look: looks(c), may: others.get(c), cluster: c })));
    const alike = sides.map((side) => new Set(side.map((c) => c.look)).size === 1);
    sides.forEach((left, i) => {
      sides.forEach((right, k) => {
        if (k <= i) return;
        // the greater side is the one of which some are left over
        const isSame = (left.length >= right.length && alike[i]) || (right.length >= left.length && alike[k]);
        if (isSame !== true) return;
        const free = new Set(right);
        for (const x of left)
          for (const y of free)
            if (x.may?.has(y.cluster) === true && unite(x.id, y.id)) {
              free.delete(y);
              break;
            }
      });
    });
  }
}

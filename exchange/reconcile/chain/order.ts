// What the versions of claims need of graphs: which edges close a circle, what hangs together, and in which order. A payer may send
// any number of claims that name each other in any way: nothing here takes more than a few looks at each. Pure.

export type Linked<N> = { before: Set<N>; after: Set<N> };

/** Does `start` lead on to `goal` over edges that were set? */
function reaches<N extends Linked<N>>(start: N, goal: N): boolean {
  const seen = new Set<N>([start]);
  const open = [start];
  for (let n = open.pop(); n; n = open.pop()) {
    if (n === goal) return true;
    for (const next of n.after)
      if (!seen.has(next)) {
        seen.add(next);
        open.push(next);
      }
  }
  return false;
}

/** Edges that may be part of circles and are looked at one by one. Of more none is taken: nobody's claim has so many versions. */
const MOST_IN_CIRCLES = 500;

export type Edge<N> = { before: N; after: N };

/**
 * Sets edges, in their order, but for those that would close a circle. Returns those that were left out.
 */
export function setEdges<N extends Linked<N>, E extends Edge<N>>(edges: readonly E[]): E[] {
  // once each, in the order in which they were first named
  const seen = new Map<N, Set<N>>();
  const once = edges.filter(({ before, after }) => {
    const from = seen.get(before) ?? new Set<N>();
    seen.set(before, from);
    return from.size < from.add(after).size;
  });
  const core = withinCircles(once);
  const set = ({ before, after }: E) => {
    before.after.add(after);
    after.before.add(before);
  };
  const left: E[] = [];
  for (const edge of once) {
    if (core.has(edge) && (core.size > MOST_IN_CIRCLES || reaches(edge.after, edge.before))) left.push(edge);
    else set(edge);
  }
  return left;
}

/** Edges whose ends both can be come from and gone on from for ever: all others are part of no circle. */
function withinCircles<N, E extends Edge<N>>(edges: readonly E[]): Set<E> {
  const left = new Set(edges);
  for (const [from, to] of [
    ['before', 'after'],
    ['after', 'before'],
  ] as const) {
    const out = new Map<N, E[]>();
    const into = new Map<N, number>();
    for (const e of left) {
      const list = out.get(e[from]);
      if (list) list.push(e);
      else out.set(e[from], [e]);
      into.set(e[to], (into.get(e[to]) ?? 0) + 1);
    }
    const free = [...out.keys()].filter((n) => (into.get(n) ?? 0) === 0);
    for (let n = free.pop(); n !== undefined; n = free.pop())
      for (const e of out.get(n) ?? []) {
        left.delete(e);
        const more = (into.get(e[to]) ?? 0) - 1;
        into.set(e[to], more);
        if (more === 0) free.push(e[to]);
      }
  }
  return left;
}

/** Nodes that hang together, each group in the order of its edges; the lesser `rank` comes first where they do not say. */
export function inOrder<N extends Linked<N>>(nodes: readonly N[], rank: (node: N) => string): N[][] {
  const seen = new Set<N>();
  const groups: N[][] = [];
  for (const start of nodes) {
    if (seen.has(start)) continue;
    const group: N[] = [];
    const open = [start];
    seen.add(start);
    for (let n = open.pop(); n; n = open.pop()) {
      group.push(n);
      for (const around of [n.before, n.after])
        for (const x of around)
          if (!seen.has(x)) {
            seen.add(x);
            open.push(x);
          }
    }
    groups.push(ordered(group, rank));
  }
  return groups;
}

function ordered<N extends Linked<N>>(group: readonly N[], rank: (node: N) => string): N[] {
  const waits = new Map(group.map((n) => [n, n.before.size]));
  const ranks = new Map(group.map((n) => [n, rank(n)]));
  const rankOf = (n: N | undefined) => (n === undefined ? '' : (ranks.get(n) ?? ''));
  // the greatest rank first, so that the least is taken from the end
  const free = group.filter((n) => n.before.size === 0).sort((a, b) => (rankOf(a) > rankOf(b) ? -1 : 1));
  const order: N[] = [];
  for (let n = free.pop(); n; n = free.pop()) {
    order.push(n);
    for (const next of n.after) {
      const left = (waits.get(next) ?? 0) - 1;
      waits.set(next, left);
      if (left === 0) free.splice(placeOf(free, rankOf(next), rankOf), 0, next);
    }
  }
  return order;
}

/** Where a rank belongs in a list with the greatest first. */
function placeOf<N>(list: readonly N[], rank: string, rankOf: (node: N | undefined) => string): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rankOf(list[middle]) > rank) low = middle + 1;
    else high = middle;
  }
  return low;
}

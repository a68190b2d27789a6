// Chains of claims: which version of a claim counts, and what does not fit together. `related` names only the claim just
// before or after (CARIN Blue Button), so a chain is put together from its members. Pure.
import { createHash } from 'node:crypto';
import { bothTypes, isOfType, typeOf } from './claim-types.ts';
import { bySay, differing, keyOf, reissued } from './copies.ts';
import { areOfOtherDays, type ClaimFacts, type ClaimNumber } from './facts.ts';
import { inOrder, type Linked, setEdges } from './order.ts';

export type ClaimRecord = {
  id: string;
  /** one text for one insurer, however its senders call it */
  insurer: string;
  facts: ClaimFacts;
  /** when it was changed where it comes from, if that is said; else when we wrote it */
  at: number;
  /** who tells it */
  origin?: string;
  /** told by the insurer itself */
  isInsurers?: boolean;
  /** a denial that is held, and no record: its decision counts */
  isHeld?: boolean;
};
type AnomalyCode =
  | 'gap'
  | 'not-reciprocal'
  | 'fork'
  | 'cycle'
  | 'self'
  | 'both-active'
  | 'no-final'
  | 'date-inversion'
  | 'type-change'
  | 'insurer-change'
  | 'uc-collision'
  | 'copies-differ';
type Anomaly = { code: AnomalyCode; at: string; detail: string; low?: true };
/** `final`: one version counts. `void`: taken back. `open`: waits for a version. `undecided`: a person decides. */
type ChainState = 'final' | 'void' | 'open' | 'undecided';
type ChainNode = { number: string; ids: string[]; status: string; created: string | null; final: boolean };
export type Chain = {
  chain: string;
  kind: 'claim' | 'authorization';
  state: ChainState;
  finalId: string | null;
  nodes: ChainNode[];
  anomalies: Anomaly[];
  facts: Record<string, unknown>;
};

interface Node extends Linked<Node> {
  key: string;
  number: string;
  records: ClaimRecord[];
  facts: ClaimFacts;
  insurer: string;
}

/** Claims of one number that are compared with each other: nobody gives one to more. */
const MOST_OF_A_NUMBER = 100;

/** Of one kind at one claim so many are told; a person learns no more from others. */
const MOST_OF_A_KIND = 5;

class Anomalies {
  readonly all: Anomaly[] = [];
  readonly #counts = new Map<string, number>();

  /** @param kind what sets it apart from others of its code at the same claim */
  add(anomaly: Anomaly, kind = ''): void {
    const key = `${anomaly.at}|${anomaly.code}|${kind}`;
    const count = this.#counts.get(key) ?? 0;
    if (count >= MOST_OF_A_KIND) return;
    this.#counts.set(key, count + 1);
    this.all.push(anomaly);
  }
}

/** Adds to a list of a map. */
function gather<T>(lists: Map<string, T[]>, key: string, one: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [one]);
  else if (list.length < MOST_OF_A_NUMBER) list.push(one);
}

const fits = (n: ClaimNumber, named: ClaimNumber): boolean =>
  n.value === named.value && (n.system === undefined || named.system === undefined || n.system === named.system);

/** What either of two copies names, each once. */
const named = (a: readonly ClaimNumber[], b: readonly ClaimNumber[]): ClaimNumber[] => [
  ...new Map([...a, ...b].map((n) => [`${n.system ?? ''}|${n.value}`, n])).values(),
];

/** One node a claim version: copies of it from several senders are one. */
function nodesOf(records: readonly ClaimRecord[], anomalies: Anomalies): Node[] {
  const nodes: Node[] = [];
  const byNumber = new Map<string, Node[]>();
  const colliding: Colliding[] = [];
  const issuedAnew = reissued(records);
  for (const r of bySay(records, issuedAnew)) {
    const [number] = r.facts.numbers;
    const key = keyOf(r);
    const same = byNumber.get(key) ?? [];
    const twin = same.find((n) => isOfType(n.facts, r.facts) && !areOfOtherDays(n.facts, r.facts));
    if (twin) {
      twin.records.push(r);
      // one payer may know of a version that the other one does not
      twin.facts = {
        ...twin.facts,
        type: bothTypes(twin.facts, r.facts),
        ...(twin.facts.subType === undefined && r.facts.subType !== undefined ? { subType: r.facts.subType } : {}),
        prior: named(twin.facts.prior, r.facts.prior),
        next: named(twin.facts.next, r.facts.next),
      };
      const [said] = twin.records;
      // a payer that has not asked since has it as it was
      const isSince = (x: ClaimRecord) => x.isInsurers === true && x.facts.status !== r.facts.status && r.at < x.at;
      const isOlder = r.isInsurers !== true && twin.records.some(isSince);
      if (twin.facts.status !== r.facts.status && !isOlder && !issuedAnew.has(r))
        anomalies.add({ code: 'copies-differ', at: said?.id ?? '', detail: differing(twin.number, said, r) });
      continue;
    }
    const node: Node = {
      key,
      number: number?.value ?? r.id,
      records: [r],
      facts: r.facts,
      insurer: r.insurer,
      before: new Set(),
      after: new Set(),
    };
    if (same.length > 0) {
      const kind = same.some((n) => isOfType(n.facts, r.facts)) ? 'other days' : 'another type';
      colliding.push({ node, beside: same, kind });
    }
    gather(byNumber, key, node);
    nodes.push(node);
  }
  for (const one of colliding) collides(one, anomalies);
  return nodes;
}

type Colliding = { node: Node; beside: readonly Node[]; kind: string };

/** A claim of a number that another one has. It is told at a record of another payer, where there is one: of how our own fit together nobody is asked. */
function collides({ node, beside, kind }: Colliding, anomalies: Anomalies): void {
  const ofOthers = (n: Node) => n.records.find((r) => r.origin !== undefined && r.origin !== 'own');
  const other = ofOthers(node) ?? ofOthers(beside.find((n) => ofOthers(n) !== undefined) ?? node);
  const at = (other ?? node.records[0])?.id ?? '';
  anomalies.add({ code: 'uc-collision', at, detail: `number ${node.number} also stands on a claim of ${kind}` });
}

type Edge = { before: Node; after: Node; by: Node };
/** A claim that names one that has not come. */
type Gap = { node: Node; named: ClaimNumber };

/**
 * Edges over versions that have not come: who names one as its successor stands before who names the same one as its predecessor. The
 * first counts no more, though the one between them may never come.
 */
function overGaps(before: readonly Gap[], after: readonly Gap[]): Edge[] {
  const byValue = new Map<string, Gap[]>();
  for (const g of after) gather(byValue, g.named.value, g);
  return before.flatMap(({ node, named }) =>
    (byValue.get(named.value) ?? []).flatMap((g) =>
      g.node !== node && g.node.insurer === node.insurer && fits(g.named, named) && isOfType(g.node.facts, node.facts)
        ? [{ before: node, after: g.node, by: g.node }]
        : [],
    ),
  );
}

/** Edges from what claims name; what they name and is not here is a gap. Returns those that lead over a gap. */
function connect(nodes: readonly Node[], windowStart: string, anomalies: Anomalies): Edge[] {
  const byValue = new Map<string, Node[]>();
  for (const n of nodes) for (const number of n.facts.numbers) gather(byValue, number.value, n);
  const find = (from: Node, named: ClaimNumber): Node | undefined => {
    const all = (byValue.get(named.value) ?? []).filter((n) => n.facts.numbers.some((x) => fits(x, named)));
    const own = all.filter((n) => n.insurer === from.insurer);
    const list = own.length > 0 ? own : all;
    const others = list.filter((n) => n !== from);
    return others.find((n) => isOfType(n.facts, from.facts)) ?? others[0] ?? list[0];
  };
  const edges: Edge[] = [];
  const gaps: Record<'before' | 'after', Gap[]> = { before: [], after: [] };
  const ordered = nodes
    .map((node) => ({ node, at: node.key + typeOf(node.facts) }))
    .sort((a, b) => (a.at < b.at ? -1 : 1));
  for (const { node } of ordered)
    for (const [direction, names] of [
      ['before', node.facts.prior],
      ['after', node.facts.next],
    ] as const)
      for (const named of names) {
        const at = node.records[0]?.id ?? '';
        const other = find(node, named);
        if (!other) {
          gaps[direction].push({ node, named });
          const old = (node.facts.from ?? node.facts.created ?? '9999') < windowStart;
          const word = direction === 'before' ? 'predecessor' : 'successor';
          anomalies.add(
            { code: 'gap', at, detail: `${word} ${named.value} has not come`, ...(old ? { low: true } : {}) },
            direction,
          );
        } else if (other === node) anomalies.add({ code: 'self', at, detail: `${node.number} names itself` });
        else
          edges.push(
            direction === 'before'
              ? { before: other, after: node, by: node }
              : { before: node, after: other, by: node },
          );
      }
  const over = overGaps(gaps.after, gaps.before);
  for (const { before, after, by } of setEdges([...edges, ...over]))
    anomalies.add({
      code: 'cycle',
      at: by.records[0]?.id ?? '',
      detail: `${before.number} and ${after.number} follow each other`,
    });
  return over;
}

/** @param isOverGap does a version stand between the two that has not come? Then neither names the other. */
function judgeEdges(node: Node, isOverGap: (next: Node) => boolean, anomalies: Anomalies): void {
  const names = (list: ClaimNumber[], other: Node) => list.some((x) => other.facts.numbers.some((n) => fits(n, x)));
  for (const next of node.after) {
    const at = next.records[0]?.id ?? '';
    const add = (code: AnomalyCode, detail: string) => anomalies.add({ code, at, detail });
    if (!isOverGap(next) && !names(node.facts.next, next))
      add('not-reciprocal', `${next.number} names ${node.number}, which does not name it`);
    else if (!isOverGap(next) && !names(next.facts.prior, node))
      add('not-reciprocal', `${node.number} names ${next.number}, which does not name it`);
    if (node.facts.status === 'active' && next.facts.status === 'active')
      add('both-active', `${node.number} and its successor ${next.number} are both active`);
    if (
      node.facts.created !== undefined &&
      next.facts.created !== undefined &&
      next.facts.created.slice(0, 10) < node.facts.created.slice(0, 10)
    )
      add('date-inversion', `${next.number} is older than ${node.number}, which it replaces`);
    if (!isOfType(node.facts, next.facts)) add('type-change', `${typeOf(node.facts)} became ${typeOf(next.facts)}`);
    if (node.insurer !== next.insurer) add('insurer-change', `${next.number} is of another insurer`);
  }
  if (node.after.size > 1)
    anomalies.add({
      code: 'fork',
      at: node.records[0]?.id ?? '',
      detail: `${node.number} has ${node.after.size} successors`,
    });
}

/** @param anomalies those that were found at its claims, in the order in which they were found */
function chainOf(order: Node[], anomalies: Anomaly[]): Chain | undefined {
  const leaves = order.filter((n) => n.after.size === 0);
  const [last] = leaves;
  const broken = anomalies.some((a) => a.code === 'fork' || a.code === 'cycle' || a.code === 'self');
  const waits =
    last !== undefined &&
    anomalies.some(
      (a) => a.code === 'gap' && a.detail.startsWith('successor') && last.records.some((r) => r.id === a.at),
    );
  let state: ChainState;
  if (broken || leaves.length !== 1 || !last) state = 'undecided';
  else if (waits) state = 'open';
  else state = last.facts.status === 'active' ? 'final' : 'void';
  if (waits && state === 'open' && order.every((n) => n.facts.status === 'cancelled'))
    anomalies.push({
      code: 'no-final',
      at: last?.records[0]?.id ?? '',
      detail: 'all versions are cancelled, and a successor is named',
    });
  const first = order[0];
  // what was taken back, and issued anew under its number, is another version of it
  const isAlone = order.length === 1 && first?.records.every((r) => r.facts.status === first.facts.status);
  if (!first || (isAlone && anomalies.length === 0 && state === 'final')) return undefined;
  const chain = createHash('sha256')
    .update(order.map((n) => `${n.key}|${typeOf(n.facts)}`).sort()[0] ?? '')
    .digest('hex')
    .slice(0, 32);
  return {
    chain,
    kind: 'claim',
    state,
    finalId: state === 'final' ? (last?.records[0]?.id ?? null) : null,
    nodes: order.map((n) => ({
      number: n.number,
      ids: n.records.map((r) => r.id),
      status: n.facts.status,
      created: n.facts.created ?? null,
      final: state === 'final' && n === last,
    })),
    anomalies,
    facts: {},
  };
}

/**
 * Chains of one member's claims. Claims that stand alone, active and without anything odd, are none.
 * @param windowStart gaps of services before this day are of little weight
 */
export function claimChains(records: readonly ClaimRecord[], windowStart: string): Chain[] {
  const anomalies = new Anomalies();
  const nodes = nodesOf(
    records.filter((r) => r.facts.use === 'claim' && r.facts.status !== 'entered-in-error'),
    anomalies,
  );
  const over = new Map<Node, Set<Node>>();
  for (const { before, after } of connect(nodes, windowStart, anomalies))
    over.set(before, (over.get(before) ?? new Set()).add(after));
  for (const node of nodes) judgeEdges(node, (next) => over.get(node)?.has(next) === true, anomalies);
  const groups = inOrder(nodes, (n) => `${n.facts.created ?? ''}|${n.number}`);
  const groupOf = new Map(groups.flatMap((order, i) => order.flatMap((n) => n.records.map((r) => [r.id, i] as const))));
  const found = groups.map((): Anomaly[] => []);
  for (const a of anomalies.all) found[groupOf.get(a.at) ?? -1]?.push(a);
  return groups.flatMap((order, i) => chainOf(order, found[i] ?? []) ?? []);
}

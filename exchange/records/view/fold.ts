// The merged record: which of the copies of one thing stands for it, and what is not shown. Pure. Nothing is merged in the
// store; this is a view, made anew each time.
import type { Chain } from '../../reconcile/chain/claims.ts';
import { STILL_DOUBTED } from '../../review/kinds.ts';
import type { MergedItem, MergedKey, MergedLink } from './member-rows.ts';

export type Hidden = 'preferred-away' | 'identity-doubt' | 'withdrawn' | 'outlived' | 'denied-since';
export type Folded = {
  /** record that stands for others, or for itself alone → all of them, itself first */
  groups: Map<string, string[]>;
  /** record that does not stand for itself → the one that does */
  shownAs: Map<string, string>;
  hidden: Map<string, Hidden>;
};

const keyOf = (type: string, id: string) => `${type}/${id}`;
const pairOf = (a: string, b: string) => (a < b ? `${a}|${b}` : `${b}|${a}`);

const isDoubt = (i: MergedItem): boolean =>
  i.kind === 'identity-doubt' && (i.state === 'open' || STILL_DOUBTED.some((d) => d === i.decision));

/** Why records of an origin are not shown whatever they are: a withdrawn choice, or a doubt about the person. */
export function originHidden(
  items: readonly MergedItem[],
  choice: string | undefined,
): (origin: string) => Hidden | undefined {
  const doubted = new Set(items.filter(isDoubt).map((i) => i.peerId));
  return (origin) => {
    if (origin === 'own') return undefined;
    if (choice === 'withdraw' || choice === 'decline') return 'withdrawn';
    return doubted.has(origin) ? 'identity-doubt' : undefined;
  };
}

/** By a record that people preferred another one to: those, as long as they are shown themselves. What is preferred and is not there hides nothing. */
function preferred(
  items: readonly MergedItem[],
  originOf: (key: string) => string | undefined,
  mayBeShown: (key: string) => boolean,
): Map<string, Set<string>> {
  const better = new Map<string, Set<string>>();
  for (const i of items) {
    if (i.aId === null || i.bId === null || (i.decision !== 'prefer-ours' && i.decision !== 'prefer-theirs')) continue;
    const [a, b] = [keyOf(i.type, i.aId), keyOf(i.type, i.bId)];
    // of two other payers' copies the one that was there first counts as ours
    const [ours, theirs] = originOf(b) === 'own' ? [b, a] : [a, b];
    const [stays, away] = i.decision === 'prefer-ours' ? [ours, theirs] : [theirs, ours];
    if (mayBeShown(stays)) better.set(away, (better.get(away) ?? new Set()).add(stays));
  }
  return better;
}

/** Is another one preferred to a record, or to that one, and so on? Of a ring of them none would be shown. */
function leadsTo(better: ReadonlyMap<string, ReadonlySet<string>>, from: string, to: string): boolean {
  const seen = new Set([from]);
  for (const k of seen) for (const other of better.get(k) ?? []) seen.add(other);
  return seen.has(to);
}

/** Ids that a decision, a doubt about the person, a withdrawn choice, or the end of what they are copies of keeps from view. */
function hiddenOf(
  keys: readonly MergedKey[],
  items: readonly MergedItem[],
  choice: string | undefined,
): Map<string, Hidden> {
  const hidden = new Map<string, Hidden>();
  const originOf = new Map(keys.map((k) => [keyOf(k.type, k.id), k.origin]));
  const whyOf = originHidden(items, choice);
  for (const k of keys) {
    const why = whyOf(k.origin) ?? k.withheld ?? undefined;
    if (why !== undefined) hidden.set(keyOf(k.type, k.id), why);
  }
  const better = preferred(
    items,
    (k) => originOf.get(k),
    (k) => originOf.has(k) && !hidden.has(k),
  );
  for (const [away, others] of better)
    if (originOf.has(away) && [...others].some((k) => !leadsTo(better, k, away))) hidden.set(away, 'preferred-away');
  return hidden;
}

/**
 * Folds copies into one: records over links that hold, unless a contradiction or a person keeps two of them apart; and
 * versions of a claim into the one that counts. Ours stands for a group, else the newest.
 * @param keys records that links, chains and items name; one that none names stands for itself
 */
export function fold(
  keys: readonly MergedKey[],
  links: readonly MergedLink[],
  chains: readonly Chain[],
  items: readonly MergedItem[],
  choice: string | undefined,
): Folded {
  const hidden = hiddenOf(keys, items, choice);
  const known = new Map(keys.map((k) => [keyOf(k.type, k.id), k]));
  const shown = new Set([...known.keys()].filter((k) => !hidden.has(k)));
  const byPerson = new Set(
    links
      .filter((l) => l.rule === 'decision' && l.state === 'confirmed')
      .map((l) => pairOf(keyOf(l.type, l.a), keyOf(l.type, l.b))),
  );
  const apart = new Map<string, Set<string>>();
  for (const l of links) {
    if (l.kind !== 'conflict' && l.state !== 'rejected') continue;
    const [a, b] = [keyOf(l.type, l.a), keyOf(l.type, l.b)];
    if (byPerson.has(pairOf(a, b))) continue;
    for (const [x, y] of [
      [a, b],
      [b, a],
    ] as const)
      apart.set(x, (apart.get(x) ?? new Set()).add(y));
  }
  const groupOf = new Map([...shown].map((k) => [k, new Set([k])]));
  const unite = (a: string, b: string) => {
    const [x, y] = [groupOf.get(a), groupOf.get(b)];
    if (x === undefined || y === undefined || x === y) return;
    const [more, fewer] = x.size < y.size ? [y, x] : [x, y];
    for (const k of fewer) for (const other of apart.get(k) ?? []) if (more.has(other)) return;
    for (const k of fewer) {
      more.add(k);
      groupOf.set(k, more);
    }
  };
  for (const l of links)
    if (l.state === 'confirmed' && (l.kind === 'same-record' || l.kind === 'same-event'))
      unite(keyOf(l.type, l.a), keyOf(l.type, l.b));
  const final = new Set<string>();
  for (const c of chains) {
    const ids = c.nodes.flatMap((n) => n.ids).map((id) => keyOf('ExplanationOfBenefit', id));
    // of one that was taken back, the copy that says so
    const lastId = c.finalId ?? c.nodes.at(-1)?.ids[0];
    const last = lastId === undefined ? undefined : keyOf('ExplanationOfBenefit', lastId);
    if (last === undefined || (c.state !== 'final' && c.state !== 'void')) continue;
    final.add(last);
    for (const id of ids) unite(last, id);
  }
  const rank = (k: string) => {
    const r = known.get(k);
    return `${final.has(k) ? 1 : 0}${k.startsWith('ExplanationOfBenefit/') ? '' : r?.origin === 'own' ? 1 : 0}${r?.lastUpdated.toISOString() ?? ''}${k}`;
  };
  const groups = new Map<string, string[]>();
  const shownAs = new Map<string, string>();
  for (const group of new Set(groupOf.values())) {
    const [first = '', ...others] = [...group].sort((a, b) => (rank(a) > rank(b) ? -1 : 1));
    groups.set(first, [first, ...others]);
    for (const k of others) shownAs.set(k, first);
  }
  return { groups, shownAs, hidden };
}

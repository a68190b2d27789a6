// How the records of a member fold into things, without reading them, and how many there are of each kind.
import type { Deps } from '../../../src/deps.ts';
import { findMemberId } from '../../compliance/disclosures/disclosure-rows.ts';
import { chainsOfSeveral } from '../chain.ts';
import { type Folded, fold, type Hidden, originHidden } from './fold.ts';
import {
  lastChoice,
  type MergedCount,
  type MergedItem,
  type MergedKey,
  mergedItems,
  mergedKeys,
  mergedLinks,
} from './member-rows.ts';

export const keyOf = (r: { type: string; id: string }): string => `${r.type}/${r.id}`;

export type Merged = Folded & {
  keys: readonly MergedKey[];
  items: readonly MergedItem[];
  choice: string | undefined;
  whyHidden: (origin: string) => Hidden | undefined;
  /** a visible record with the others that it stands for; undefined when another one stands for it or it is not shown */
  standsFor: (record: { type: string; id: string; origin: string }) => readonly string[] | undefined;
};

/** How the records of a member fold; undefined when there is no such member. Of records that stand for themselves nothing is read. */
export async function foldedOf(deps: Pick<Deps, 'database'>, memberId: string): Promise<Merged | undefined> {
  const { sql } = deps.database;
  if ((await findMemberId(sql, memberId)) !== memberId) return undefined;
  const [keys, links, chains, items, choice] = [
    await mergedKeys(sql, memberId),
    await mergedLinks(sql, memberId),
    await chainsOfSeveral(sql, memberId),
    await mergedItems(sql, memberId),
    await lastChoice(sql, memberId),
  ];
  const folded = fold(keys, links, chains, items, choice);
  const whyHidden = originHidden(items, choice);
  return {
    ...folded,
    keys,
    items,
    choice,
    whyHidden,
    standsFor: (record) => {
      const key = keyOf(record);
      const group = folded.groups.get(key);
      if (group !== undefined) return group;
      return folded.shownAs.has(key) || folded.hidden.has(key) || whyHidden(record.origin) !== undefined
        ? undefined
        : [key];
    },
  };
}

const isEntry = (type: string): boolean => type !== 'Patient' && type !== 'Provenance';

/** Alike records that are entries of the timeline, without those that stand behind others or are not shown. */
export function entriesOf(merged: Merged, counts: readonly MergedCount[]): MergedCount[] {
  const alike = (r: Pick<MergedCount, 'type' | 'origin' | 'isAuthorization' | 'isSensitive'>) =>
    [r.type, r.origin, r.isAuthorization, r.isSensitive].join(' ');
  const n = new Map(
    counts.filter((c) => isEntry(c.type) && merged.whyHidden(c.origin) === undefined).map((c) => [alike(c), { ...c }]),
  );
  for (const k of merged.keys) {
    const of = n.get(alike({ ...k, isSensitive: (k.label ?? 1) > 0 }));
    if (of !== undefined && merged.standsFor(k) === undefined) of.n--;
  }
  return [...n.values()].filter((c) => c.n > 0);
}

/** How many records are not shown, by why: what a person preferred away is that, whatever holds for its origin. */
export function hiddenCounts(merged: Merged, counts: readonly MergedCount[]): Record<Hidden, number> {
  const n: Record<Hidden, number> = {
    'preferred-away': 0,
    'identity-doubt': 0,
    withdrawn: 0,
    outlived: 0,
    'denied-since': 0,
  };
  for (const c of counts) {
    const why = merged.whyHidden(c.origin);
    if (why !== undefined) n[why] += c.n;
  }
  for (const k of merged.keys) {
    const [why, ofOrigin] = [merged.hidden.get(keyOf(k)), merged.whyHidden(k.origin)];
    if (why === undefined || why === ofOrigin) continue;
    n[why]++;
    if (ofOrigin !== undefined) n[ofOrigin]--;
  }
  return n;
}

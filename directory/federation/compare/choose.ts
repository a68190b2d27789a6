// Which of several values is shown, and by which rule. Nothing is thrown away: the others are shown with the same data. Pure.
// federation.md 10.

import { DUE_DAYS } from '../signal-statements.ts';

export type Statement = {
  /** as it is read */
  shown: string;
  /** equal for values that say the same */
  same: string;
  /** slug; empty: our own directory */
  peer: string;
  payer: string;
  record: string;
  source: string | null;
  changedAt: Date;
  verifiedAt: Date | null;
  attestedAt: Date | null;
};

export const CHOICES = {
  only: 'One source says it.',
  agreed: 'All sources agree.',
  attested: 'The newest attestation by the provider or staff, unless others verified it after that was due again.',
  verified: 'The newest verification.',
  most: 'Most sources agree.',
  newest: 'The newest change.',
  each: 'Each payer speaks for its own networks.',
} as const;
type Choice = keyof typeof CHOICES;

export type Chosen = { rule: Choice; value: Statement[]; others: Statement[][] };

/**
 * Chooses among statements about one field.
 * @param owner each source speaks for itself only (networks, new patients): nothing is chosen
 */
export function choose(statements: readonly Statement[], owner = false): Chosen {
  const groups = new Map<string, Statement[]>();
  const inOrder = [...statements].sort((x, y) => x.peer.localeCompare(y.peer) || x.record.localeCompare(y.record));
  for (const s of inOrder) groups.set(s.same, [...(groups.get(s.same) ?? []), s]);
  const all = [...groups.values()].sort(
    (x, y) =>
      peers(y) - peers(x) ||
      newest(y, 'changedAt') - newest(x, 'changedAt') ||
      (x[0]?.same ?? '').localeCompare(y[0]?.same ?? ''),
  );
  const first = all[0] ?? [];
  if (owner) return { rule: 'each', value: first, others: all.slice(1) };
  if (all.length <= 1) return { rule: peers(first) > 1 ? 'agreed' : 'only', value: first, others: [] };
  for (const [rule, by] of [
    ['attested', 'attestedAt'],
    ['verified', 'verifiedAt'],
  ] as const) {
    const best = Math.max(...all.map((g) => newest(g, by)));
    if (rule === 'attested' && best + holds(statements) < Math.max(...all.map((g) => newest(g, 'verifiedAt'))))
      continue;
    const winners = all.filter((g) => newest(g, by) === best);
    if (best > 0 && winners.length === 1) return pick(rule, winners[0] ?? [], all);
  }
  if (peers(first) > peers(all[1] ?? [])) return pick('most', first, all);
  const latest = [...all].sort((x, y) => newest(y, 'changedAt') - newest(x, 'changedAt'))[0] ?? [];
  return pick('newest', latest, all);
}

/** How long an attestation holds against verifications that came after it: as long as it is due again (signal-statements.ts). */
function holds(statements: readonly Statement[]): number {
  const isFacility = statements.some((s) => /^(?:Organization|Location)\//.test(s.record));
  return (isFacility ? DUE_DAYS.facility : DUE_DAYS.person) * 86_400_000;
}

const pick = (rule: Choice, value: Statement[], all: Statement[][]): Chosen => ({
  rule,
  value,
  others: all.filter((g) => g !== value),
});
const peers = (group: readonly Statement[]): number => new Set(group.map((s) => s.peer)).size;
const newest = (group: readonly Statement[], by: 'changedAt' | 'verifiedAt' | 'attestedAt'): number =>
  Math.max(0, ...group.map((s) => s[by]?.getTime() ?? 0));

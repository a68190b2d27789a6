// The rules of matching in words, with their scores. A rule decides; the scores tell people how much a match rests on, and what data of
// a peer are worth. CMS Patient Matching & Response Proposal 3.3.0, table 2; FAST Interoperable Digital Identity, output quality.

export type MatchRule = {
  /** what agrees */
  words: string;
  /** probability that two people agree in it by chance; the second when one name may differ by a letter */
  chance: readonly [exact: number, fuzzy: number | null];
  /** FAST output quality, 0 to 1 */
  quality: number;
};

export const MATCH_RULES: Readonly<Record<number, MatchRule>> = {
  1: { words: 'first name, last name, birth date and street with ZIP code', chance: [3e-13, 9e-13], quality: 0.8 },
  2: { words: 'first name, last name, birth date and phone', chance: [1e-14, 2e-14], quality: 0.7 },
  3: { words: 'first name, last name, birth date and mail address', chance: [1e-14, 3e-14], quality: 0.8 },
  8: { words: 'first name, birth date and Medicare number', chance: [2e-12, null], quality: 0.99 },
  26: { words: 'birth date and the id that we gave the payer for this member', chance: [0, null], quality: 0.99 },
  27: { words: 'first name, birth date and the member’s own number', chance: [2e-12, null], quality: 0.99 },
  28: { words: 'last name, birth date and the member’s own number', chance: [5e-13, 1e-12], quality: 0.99 },
  31: { words: 'first name, last name, birth date and the policy’s number', chance: [1e-12, 2e-12], quality: 0.99 },
  32: { words: 'first name, last name, birth date and the policy’s number', chance: [1e-12, 2e-12], quality: 0.99 },
};

/** A name that agreed but for one letter. */
export type FuzzyName = 'family' | 'given';
const FUZZY: Readonly<Record<FuzzyName, string>> = { family: 'last', given: 'first' };

export type Explained = {
  outcome: string;
  rule: number | null;
  fuzzy: string | null;
  persons: number | null;
};

/** What a decision rests on, in a sentence. */
export function explainMatch(d: Explained): string {
  if (d.persons !== null && d.persons > 1) return `${d.persons} members fit, by rules as strong as each other.`;
  const rule = d.rule === null ? undefined : MATCH_RULES[d.rule];
  if (rule === undefined) return 'No member fits any rule.';
  const name = d.fuzzy === 'family' || d.fuzzy === 'given' ? FUZZY[d.fuzzy] : undefined;
  return `Rule ${d.rule}: ${rule.words} agree${name === undefined ? '' : `, the ${name} name but for one letter`}.`;
}

/** The chance that this agreement is a coincidence; undefined where no rule fits. */
export function chanceOf(d: Explained): number | undefined {
  const rule = d.rule === null || (d.persons ?? 0) > 1 ? undefined : MATCH_RULES[d.rule];
  return rule && (d.fuzzy === null ? rule.chance[0] : (rule.chance[1] ?? rule.chance[0]));
}

export const qualityOf = (d: Explained): number | undefined =>
  d.rule === null || (d.persons ?? 0) > 1 ? undefined : MATCH_RULES[d.rule]?.quality;

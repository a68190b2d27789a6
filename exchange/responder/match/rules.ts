// The rules of matching in words, with their scores. Rules decide; the scores tell people how much a match rests on. Chances: CMS Patient
// Matching & Response Proposal 3.3.0, table 2. Quality: FAST Interoperable Digital Identity and Patient Matching.

export type MatchRule = {
  /** what agrees */
  agreed: string;
  /** what was not asked for */
  open: string;
  /** the chance that two people agree in it; the second where a name may differ by a letter */
  chance: readonly [exact: number, fuzzy: number | null];
  /** 0 to 1 */
  quality: number;
};

const WITHOUT_CARD = 'Member ID not found: exact match on all demographics required.';

export const MATCH_RULES: Readonly<Record<number, MatchRule>> = {
  26: {
    agreed: 'our own unique member id and the birth date',
    open: 'The name was not needed.',
    chance: [0, null],
    quality: 0.99,
  },
  27: {
    agreed: 'a first name, the birth date and the member number',
    open: 'The family name was not needed.',
    chance: [2e-12, null],
    quality: 0.99,
  },
  28: {
    agreed: 'the family name (one letter may differ), the birth date and the member number',
    open: 'The first name did not agree, or was not needed.',
    chance: [5e-13, 1e-12],
    quality: 0.99,
  },
  31: {
    agreed: 'the family name, the first name (one letter may differ), the birth date and the subscriber number',
    open: 'The member number did not agree or was not given.',
    chance: [1e-12, 2e-12],
    quality: 0.99,
  },
  32: {
    agreed: 'the first name, the birth date and the subscriber number, and the family name but for one letter',
    open: 'The family name differed in one letter; the member number did not agree or was not given.',
    chance: [1e-12, 2e-12],
    quality: 0.99,
  },
  8: {
    agreed: 'a first name, the birth date and the Medicare number',
    open: 'No card number of ours agreed or was needed.',
    chance: [2e-12, null],
    quality: 0.99,
  },
  1: {
    agreed: 'both names, the birth date and the street with its ZIP code',
    open: WITHOUT_CARD,
    chance: [3e-13, null],
    quality: 0.8,
  },
  2: { agreed: 'both names, the birth date and the phone', open: WITHOUT_CARD, chance: [1e-14, null], quality: 0.7 },
  3: {
    agreed: 'both names, the birth date and the mail address',
    open: WITHOUT_CARD,
    chance: [1e-14, null],
    quality: 0.8,
  },
};

/** A name that agreed but for one letter. */
export type FuzzyName = 'family' | 'given';

/** The chance that an agreement is a coincidence; undefined where no rule fits. */
export function chanceOf(rule: number | null, fuzzy: string | null): number | undefined {
  const chance = rule === null ? undefined : MATCH_RULES[rule]?.chance;
  return chance && (fuzzy === null ? chance[0] : (chance[1] ?? chance[0]));
}

export const qualityOf = (rule: number | null): number | undefined =>
  rule === null ? undefined : MATCH_RULES[rule]?.quality;

/** How a decision came about, in sentences. */
export function explainMatch(reason: string, rule: number | null, fuzzy: string | null = null): string {
  const words = rule === null ? undefined : MATCH_RULES[rule];
  const letter =
    fuzzy === null || rule === 32 ? '' : ` The ${fuzzy === 'family' ? 'family' : 'first'} name differed in one letter.`;
  const found = words && `Exactly one member agreed in ${words.agreed} (rule ${rule}).${letter} ${words.open}`;
  switch (reason) {
    case 'matched':
      return `${found ?? 'Exactly one member fits.'} The consent sent with the request holds.`;
    case 'no-match':
      return 'No rule fits: no one agreed in the birth date together with a name and a number of ours. Which of them differed is not kept.';
    case 'ambiguous':
      return 'Several members fit a rule equally well, and nothing distinguished. No one was named.';
    case 'throttled':
      return 'Too many different cards were tried for this person, or one card for too many persons. No one was looked for or named, no matter who it was.';
    default:
      return `${found ?? 'One member fits.'} What came with the request was the obstacle, as the decision says.`;
  }
}

/** A chance as people read it. */
export const chanceText = (chance: number | undefined): string | null =>
  chance === undefined ? null : chance === 0 ? 'none' : chance.toExponential(0);

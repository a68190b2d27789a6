// What people decide about: kinds of items, their weight, and the decisions that each allows. One table; the pages, the
// commit and the documentation read it.

export const DECISIONS_OF_PEOPLE = {
  'keep-both': 'Both stand. The member’s record shows both.',
  'prefer-ours': 'Ours is shown; the other one is kept and hidden from the merged record.',
  'prefer-theirs': 'The other payer’s is shown in the merged record; ours is kept and not changed.',
  'same-event': 'Both tell of the same thing and are shown as one entry.',
  'different-events': 'They are two things. The link between them goes.',
  dismiss: 'Nothing needs to be done.',
  release: 'The record is taken in although a check held it back.',
  discard: 'The record stays out for good. Its raw line is kept.',
  'report-to-peer': 'The other payer is to be told: it stands on the list of its page. The item stays decided.',
} as const;
export type PersonDecision = keyof typeof DECISIONS_OF_PEOPLE;

/**
 * `weight` 3: safety or identity of the member; 2: care; 1: can wait. `says`: of what is no finding of a pull, in words and what to do. `means`: what
 * its decisions do, where that is something else than of records.
 */
export type ItemKind = {
  weight: 1 | 2 | 3;
  label: string;
  allows: readonly PersonDecision[];
  says?: string;
  means?: Partial<Record<PersonDecision, string>>;
};
const OF_MEMBERS = {
  'keep-both': 'They are two persons, and stay two members.',
  dismiss: 'There is nothing to put right.',
} as const;

/** Is the member the person whom the payer means? */
const OF_PERSON = {
  'keep-both': 'It is the member, told differently. What this payer sent of the member is shown and may leave.',
  dismiss: 'It is the member: one side is miswritten. What this payer sent of the member is shown and may leave.',
  'report-to-peer':
    'The other payer is to be told: it stands on the list of its page. Until it tells the person otherwise, what it sent of the member stays hidden and does not leave.',
  discard:
    'It is somebody else. What this payer sent of the member, and what it sends later, stays hidden and does not leave, whatever its Patient says then, until this is taken back.',
} as const;
/** Decisions after which the doubt stands. */
export const STILL_DOUBTED: readonly PersonDecision[] = ['report-to-peer', 'discard'];

const PAIR = ['keep-both', 'prefer-ours', 'prefer-theirs', 'same-event', 'different-events', 'report-to-peer'] as const;
const PERSON = ['keep-both', 'dismiss', 'report-to-peer'] as const;
const HELD = ['discard', 'report-to-peer'] as const;
const RELEASABLE = ['release', ...HELD] as const;

export const ITEM_KINDS: Readonly<Record<string, ItemKind>> = {
  'identity-doubt': {
    weight: 3,
    label: 'Birth date or sex differ, or the name is another member’s',
    allows: [...PERSON, 'discard'],
    means: OF_PERSON,
  },
  'deceased-mismatch': { weight: 3, label: 'One side says that the member has died', allows: PERSON },
  'wrong-patient': { weight: 3, label: 'A record about somebody else', allows: HELD },
  'contained-person': { weight: 3, label: 'A record that may speak of another person', allows: RELEASABLE },
  'patient-change': { weight: 3, label: 'A record that may be another person’s', allows: RELEASABLE },
  'status-mismatch': { weight: 3, label: 'The same allergy or problem with another status', allows: PAIR },
  'dosage-mismatch': { weight: 2, label: 'The same drug with another dosage', allows: PAIR },
  'value-mismatch': { weight: 2, label: 'The same result with another value', allows: PAIR },
  'echo-modified': { weight: 2, label: 'Our own record came back changed', allows: PAIR },
  'consent-scope': { weight: 2, label: 'Sensitive record outside the choice', allows: RELEASABLE },
  'consent-withdrawn': { weight: 2, label: 'Came after the choice was withdrawn', allows: RELEASABLE },
  'named-in-error': { weight: 2, label: 'Came from a payer that was named by mistake', allows: RELEASABLE },
  'modifier-extension': { weight: 2, label: 'Unknown extension that may change the meaning', allows: RELEASABLE },
  'implicit-rules': { weight: 2, label: 'Only readable under rules of the sender', allows: RELEASABLE },
  'chain-anomaly': {
    weight: 1,
    label: 'Versions of a claim do not fit together',
    allows: ['dismiss', 'report-to-peer'],
  },
  'possible-duplicate': { weight: 1, label: 'Maybe the same thing', allows: PAIR },
  'duplicate-order': {
    weight: 1,
    label: 'Two active orders for one drug',
    allows: ['keep-both', 'dismiss', 'report-to-peer'],
  },
  'demographic-mismatch': {
    weight: 1,
    label: 'Name, address or phone differ',
    allows: ['keep-both', 'dismiss', 'report-to-peer'],
  },
  'ambiguous-match': {
    weight: 2,
    label: 'A payer’s question fits several members: maybe they are one person',
    allows: ['keep-both', 'dismiss'],
    means: OF_MEMBERS,
    says: 'Nothing that the payer asked with tells these members apart. Ask enrollment whether they are one person; then make them one.',
  },
  'two-cards': {
    weight: 2,
    label: 'Two members under an old and a new card: maybe they are one person',
    allows: ['keep-both', 'dismiss'],
    means: OF_MEMBERS,
    says: 'An enrolment file says that the card of the one takes the place of the other’s, with the same birth date. Ask enrollment. If they are one person, make them one: the member with the former card goes on as the other one. If they are two, have the number corrected at its source.',
  },
  'coverage-overlap': { weight: 1, label: 'Both coverages run at once', allows: ['keep-both', 'dismiss'] },
  'own-unclear-pa': {
    weight: 2,
    label: 'Authorization of ours that may have been denied',
    allows: ['dismiss'],
    means: { dismiss: 'It was denied, or nobody needs to see it: it stays here.' },
    says: 'It gives a reason for a denial, or says so in words, and no review action says what was decided. It leaves to no payer. Ask utilization management. If it was not denied, have the decision written where the record comes from, and import it again: then it leaves, and this item ends.',
  },
  'unclear-pa': {
    weight: 2,
    label: 'Authorization of another payer that may have been denied',
    allows: ['dismiss', 'report-to-peer'],
    means: {
      dismiss: 'It is shown as it is, and goes to no other payer.',
      'report-to-peer':
        'The other payer is to be told to say what it decided: it stands on the list of its page. The item stays decided until another version comes.',
    },
    says: 'It gives a reason for a denial, or says so in words, and no review action says what was decided. A payer is to send none that it denied. It is shown here as it came, and goes to no other payer.',
  },
  'invalid-resource': { weight: 1, label: 'Breaks the structure of FHIR', allows: HELD },
  'denied-pa': { weight: 1, label: 'Denied authorization', allows: RELEASABLE },
  'drug-pa': { weight: 1, label: 'Authorization for a drug', allows: RELEASABLE },
};

/** Kinds whose two records are the Patients of two members of ours. */
export const OF_TWO_MEMBERS: readonly string[] = ['ambiguous-match', 'two-cards'];
/** Kinds that are about our own records alone: of no payer. */
export const OF_OURS: readonly string[] = ['own-unclear-pa'];

/** The decision of such an item that is made where two members are made one. */
export const ONE_PERSON = 'one-person';

/** Quarantine reasons that become items, with their weight. The others are on the report only. */
export const HELD_ITEMS: Readonly<Record<string, number>> = Object.fromEntries(
  [
    'wrong-patient',
    'contained-person',
    'patient-change',
    'consent-scope',
    'consent-withdrawn',
    'named-in-error',
    'modifier-extension',
    'implicit-rules',
    'invalid-resource',
    'denied-pa',
    'drug-pa',
  ].map((kind) => [kind, ITEM_KINDS[kind]?.weight ?? 1]),
);

/** Checks that a version which people released, and which was shown, does not have to pass again: all but the one whose it is. */
export const NOT_ASKED_AGAIN: readonly string[] = Object.keys(HELD_ITEMS).filter((kind) => kind !== 'patient-change');

/** Anomalies of chains that a person should look at; the others close by themselves or change nothing. */
export const CHAIN_ITEMS: readonly string[] = [
  'fork',
  'cycle',
  'self',
  'no-final',
  'insurer-change',
  'uc-collision',
  'copies-differ',
];

/** Rules by which pairs and records became items, in words. */
const RULE_WORDS: Readonly<Record<string, string>> = {
  accession: 'Both carry the same number of the laboratory, and the values differ.',
  result: 'The same test, minute and laboratory, and the values differ.',
  refuted: 'One side has refuted it, the other one has not.',
  'no-known-allergy': 'One side says that there is no known allergy, the other one tells of one.',
  'clinical-status': 'One side says that the problem or the allergy is active, the other one that it is over.',
  'diagnosis-or-problem':
    'Both carry the same number. One payer tells it as a diagnosis of a visit, the other one as a problem that lasts.',
  dosage: 'Both orders are active, for one drug, with other dosages.',
  'active-orders': 'Both orders are active and for one drug.',
  periods: 'The periods of two payers have days in common.',
  ambiguous: 'A payer asked for somebody, and both members fit. It was told that nobody was found.',
  cards: 'The former card that an enrolment row names is held by another member than the card itself.',
  'another-member':
    'By first name, family name and birth date, the person as the other payer describes them is another member of ours.',
  patient: 'The person as the other payer describes them, beside ours.',
  disclosed:
    'It says to be a copy of ours, or carries the number of a record that we disclosed, and says something else.',
  'changed-copy':
    'It says to be a copy of ours and says something else. Its payer has another copy of the same record, so that nobody can tell which of them is ours as it was changed.',
  source:
    'By what they are told to be copies of they are one. Another record that is told to be a copy as well stands in the way.',
  chain: 'Put together from what the claims name as their predecessors and successors.',
  unclear: 'It has a sign of a denial, no units that were allowed, and no review action.',
  inbound: 'A check of what comes in held it back.',
};
/** A rule as it is written with an item (`accession v2`), in words. */
export const ruleWords = (rule: string): string =>
  RULE_WORDS[rule.split(' ')[0] ?? ''] ?? 'One part of what would make them one is missing on one side.';

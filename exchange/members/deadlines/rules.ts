// The clocks of the payer-to-payer rule as a table: what starts them, when they are due, which paragraph says so. CMS-0057-F
// (89 FR 8758); texts and due dates as in docs/compliance.md.

export type LineOfBusiness = 'ma' | 'medicaid-ffs' | 'medicaid-mc' | 'chip-ffs' | 'chip-mc' | 'qhp';

export const LINES_OF_BUSINESS: Readonly<Record<LineOfBusiness, { name: string; paragraph: string }>> = {
  ma: { name: 'Medicare Advantage', paragraph: '42 CFR 422.121(b)' },
  'medicaid-ffs': { name: 'Medicaid fee-for-service', paragraph: '42 CFR 431.61(b)' },
  'medicaid-mc': { name: 'Medicaid managed care', paragraph: '42 CFR 438.242(b)(7), 431.61(b)' },
  'chip-ffs': { name: 'CHIP fee-for-service', paragraph: '42 CFR 457.731(b)' },
  'chip-mc': { name: 'CHIP managed care', paragraph: '42 CFR 457.1233(d), 457.731(b)' },
  qhp: { name: 'Qualified health plans', paragraph: '45 CFR 156.222(b)' },
};

export type ClockKind = 'C1-offer' | 'C1b-identify' | 'C2' | 'C3-match' | 'C3-export' | 'C4' | 'C5-runoff';

/** Version of this table: it stands in every clock that was opened under it. */
export const RULE_VERSION = 'cms-0057-f/1';
/** Weeks are calendar days, business days those of 5 U.S.C. 6103(a) and what EXTRA_HOLIDAYS adds. */
export const calendarVersion = (extraHolidays: readonly string[]): string =>
  extraHolidays.length === 0 ? 'us-federal/1' : `us-federal/1+${[...extraHolidays].sort().join(',')}`;

type ClockRule = { name: string; sub: string; start: string; due: string; stop: string };
export const CLOCK_RULES: Readonly<Record<ClockKind, ClockRule>> = {
  'C1-offer': {
    name: 'Offer the choice to opt in (7 days)',
    sub: '(2)(i)',
    start: 'coverage-start',
    due: 'the later of coverage start and acceptance plus 7 days; for those enrolled before, the compliance date',
    stop: 'the offer was delivered, or the member chose',
  },
  'C1b-identify': {
    name: 'Ask the member about other payers (7 days)',
    sub: '(3)',
    start: 'coverage-start',
    due: 'as the offer',
    stop: 'the question was delivered, or the member named a payer',
  },
  C2: {
    name: 'Request a member’s history (7 days)',
    sub: '(4)(iv)',
    start: 'opt-in-and-payer-known',
    due: '7 days after the later of opt-in and payer known, or after the member’s own request',
    stop: 'the export was accepted, or the payer answered that it has no such member',
  },
  'C3-match': {
    name: 'Answer a match request (1 business day)',
    sub: '(5)',
    start: 'request-received',
    due: 'the end of the first business day after the local day of receipt',
    stop: 'the answer was ready',
  },
  'C3-export': {
    name: 'Answer an export request (1 business day)',
    sub: '(5)',
    start: 'request-received',
    due: 'the end of the first business day after the local day of receipt',
    stop: 'the files were ready',
  },
  C4: {
    name: 'Ask a concurrent payer again (quarterly)',
    sub: '(6)(i)',
    start: 'export-accepted',
    due: 'the same day three months later, or the month’s last',
    stop: 'the next export was accepted',
  },
  'C5-runoff': {
    name: 'Ask for late claims after the old coverage ended (monthly)',
    sub: '(4)',
    start: 'export-accepted',
    due: 'the same day a month later, until 90 days after the old coverage ended',
    stop: 'the next export was accepted',
  },
};

/** Days before a coverage begins from which what is done counts for it: enrolment is open about so long, and no one is asked for before. */
export const EARLY_DAYS = 90;

/** Days after the end of other coverage in which its late claims are asked for, each month. */
export const RUN_OFF_DAYS = 90;

/** The paragraph that a clock rests on; a request of a peer knows no line of business. */
export const ruleRef = (kind: ClockKind, lob: LineOfBusiness | null): string =>
  lob === null
    ? `42 CFR 422.121(b)${CLOCK_RULES[kind].sub} and parallels`
    : `${LINES_OF_BUSINESS[lob].paragraph}, as 422.121(b)${CLOCK_RULES[kind].sub}`;

/** Why a clock could not be met, or was late. A closed list: a new one needs a new version of this table. */
export const LATE_REASONS = {
  'no-endpoint': 'The payer has no address that we know',
  'peer-not-bound': 'The payer is not bound by the rule',
  'peer-refused': 'The payer refused',
  'peer-failed': 'The payer’s system failed',
  'peer-rate-limit': 'The payer limited our requests',
  'member-no-answer': 'The member did not answer',
  'member-declined': 'The member declined',
  'member-deceased': 'The member died',
  'coverage-ended': 'The coverage ended',
  'other-law': 'Another law forbids it',
  'under-review': 'Under review',
  'our-outage': 'Our system was down',
  'our-backlog': 'We were behind',
  'our-defect': 'A fault of ours',
} as const;
export type LateReason = keyof typeof LATE_REASONS;
/** Of the payer that is to be asked: what concerns the member alone has none. */
const OF_PAYERS: readonly LateReason[] = [
  'no-endpoint',
  'peer-not-bound',
  'peer-refused',
  'peer-failed',
  'peer-rate-limit',
];
/** Of the member: an answer to a payer waits for none. */
const OF_MEMBERS: readonly LateReason[] = ['member-no-answer', 'member-declined', 'member-deceased', 'coverage-ended'];
const OF_EXCHANGE: readonly LateReason[] = ['other-law', 'under-review'];
const OURS: readonly LateReason[] = ['our-outage', 'our-backlog', 'our-defect'];
/** Which of these can be why a duty was late. */
export const lateReasons = (kind: string): readonly LateReason[] =>
  kind.startsWith('C1')
    ? [...OF_MEMBERS, ...OURS]
    : kind.startsWith('C3')
      ? [...OF_EXCHANGE, ...OURS]
      : [...OF_PAYERS, ...OF_MEMBERS, ...OF_EXCHANGE, ...OURS];
export const isLateReason = (kind: string, v: string): v is LateReason => lateReasons(kind).some((r) => r === v);
/** Reasons of ours need the number of a corrective action. */
export const needsAction = (reason: LateReason): boolean => reason.startsWith('our-');

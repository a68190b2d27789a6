// The questions that a compliance reader or an auditor asks, and where the node answers them.

export type Question = { question: string; where: string; href?: string; how: string };

export const QUESTIONS: readonly Question[] = [
  {
    question: 'Which members enrolled in a month had no opt-in offer within the week, and why?',
    where: 'Clocks: late, of the offer',
    href: '/staff/clocks?show=late&duty=C1-offer',
    how: 'Choose the month in which the coverage began (or was accepted, when that was later); what a clock could not be met for, or was late, stands at the clock. With “running” those that are not due yet.',
  },
  {
    question: 'Every choice of a member, the text shown and the proof, in time order',
    where: 'Members: choices',
    href: '/staff/members',
    how: 'Find the member; the SHA-256 of the text leads to its words, as they were then.',
  },
  {
    question: 'Every payer asked for a member: when, with which consent, answer, files, outcomes',
    where: 'Members: requests',
    href: '/staff/members',
    how: 'Each row leads to the pull, with its files and the outcome of every line.',
  },
  {
    question: 'Every disclosure of a member in six years, in the form of 45 CFR 164.528',
    where: 'Disclosures',
    href: '/staff/disclosures',
    how: 'Find the member; also as CSV and FHIR AuditEvents.',
  },
  {
    question: 'All requests of a payer in a quarter: received, due, answered, how late',
    where: 'Other payers: statement',
    href: '/staff/peers',
    how: 'Open the payer, then its statement, and choose the quarter.',
  },
  {
    question: 'All refusals with reason',
    where: 'Compliance: refusals; Security for each one',
    href: '/staff/compliance#t-refusals',
    how: 'Who approved a suspension stands in the history of the payer.',
  },
  {
    question: 'Concurrent members whose last request is older than three months',
    where: 'Clocks: late, of concurrent payers',
    href: '/staff/clocks?show=late&duty=C4',
    how: 'Those of the duty “Ask a concurrent payer again”: each began with the last request.',
  },
  {
    question: 'All records received from a payer that are not visible, by reason',
    where: 'Compliance: quarantine',
    href: '/staff/compliance#t-quarantine',
    how: 'Choose the payer; each line is under its pull, lines with outcome quarantined.',
  },
  {
    question: 'Proof that a file held no money, no denied and no drug authorization',
    where: 'Compliance: proof of what left; Requests to us: one export',
    href: '/staff/compliance#t-proofs',
    how: 'The table has the sums of a period; open one export under Requests to us: its files are walked once when it is finished, with file and line of anything found; the evidence pack holds the same (content.json).',
  },
  {
    question: 'Which version of rule and calendar made a due date',
    where: 'Clocks: one clock',
    href: '/staff/clocks?show=all',
    how: 'Open the clock: paragraph, versions, zone, what started it.',
  },
  {
    question: 'Every human decision on a member’s records',
    where: 'Members: what people decided and recorded',
    href: '/staff/members',
    how: 'Each row leads to what was decided, with the versions that were seen.',
  },
  {
    question: 'What changed between two reports',
    where: 'Compliance: what changed',
    href: '/staff/compliance/changes',
    how: 'Choose the two periods: every figure and every row that is not the same in both, in one table. In a report each figure also stands beside the one of the period before.',
  },
  {
    question: 'Was the choice in force at each request and each disclosure',
    where: 'Compliance: choice in force',
    href: '/staff/compliance#t-consents',
    how: 'Both numbers of a row must be equal; the table below it has each that is missing, with the member. One member’s at Members: requests and choices.',
  },
  {
    question: 'Which members were affected by an outage, and were their clocks met',
    where: 'Clocks: running on',
    href: '/staff/clocks?show=all',
    how: 'Write the days of the outage under “Running on”: each duty that ran then, with its member and whether it was met. Those that were late for it have the reason “our-outage” and the corrective action (Compliance: clocks not met in time).',
  },
  {
    question: 'Records of the wrong person: when, whose fault, since when',
    where: 'Compliance: records of other people',
    href: '/staff/compliance#t-incidents',
    how: 'Each row leads to the pull and its lines; what is still held back is decided under Conflicts, kind “A record about somebody else”. What the payer is to be told stands on its page (What to tell this payer); that the list was taken is in the audit.',
  },
  {
    question: 'Who looked at a member’s data',
    where: 'Members: who looked',
    href: '/staff/members',
    how: 'Find the member, then “Who looked at this member’s data”: all of it, newest first; looks are the rows that say “looked”, in CSV and JSON “view”.',
  },
  {
    question: 'Which public documentation was online on a day',
    where: 'Compliance: public documentation',
    href: '/staff/documents',
    how: 'Choose the day: each public document as it was found there, with its SHA-256 and the version of the program whose words it has; the evidence pack holds the same (documents.jsonl).',
  },
  {
    question: 'Does the chain of evidence verify from the last audit to today',
    where: 'Security: audit trail',
    href: '/staff/trail',
    how: 'The trail is verified each day; “Compared with” names the seal of a head that was kept at an audit (payer-node audit verify --head FILE). A pack is verified offline with payer-node evidence verify FILE.',
  },
];

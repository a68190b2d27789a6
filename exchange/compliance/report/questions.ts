// The questions that a compliance reader or an auditor asks, and where the node answers them.

import type { EvidenceFile } from '../evidence/evidence-rows.ts';

export type Question = {
  question: string;
  /** the page that answers it, and the table there, which is in its CSV and JSON too */
  page: string;
  table: string;
  /** files of the evidence pack of a period that hold what the answer is made from */
  pack: readonly (EvidenceFile | 'report.json' | 'content.json')[];
  where: string;
  href: string;
  how: string;
};

export const QUESTIONS: readonly Question[] = [
  {
    question: 'Which members enrolled in a month had no opt-in offer within the week, and why?',
    page: '/staff/clocks',
    table: 'clocks',
    pack: ['clocks.jsonl', 'contacts.jsonl', 'report.json'],
    where: 'Clocks: not met in time, of the offer',
    href: '/staff/clocks?show=unmet&duty=C1-offer',
    how: 'Choose under “Begun in” the month in which the coverage began (or was accepted, when that was later): everybody without an offer in time, those too whose coverage ended before it was due. Why stands under “Reason”. With “running” those that are not due yet.',
  },
  {
    question: 'Every choice of a member, the text shown and the proof, in time order',
    page: '/staff/members/:member',
    table: 'choices',
    pack: ['consents.jsonl', 'texts.jsonl', 'contacts.jsonl'],
    where: 'Members: choices',
    href: '/staff/members',
    how: 'Find the member; the SHA-256 of the text leads to its words, as they were then.',
  },
  {
    question: 'Every payer asked about a member: time, consent, response, files, outcomes',
    page: '/staff/members/:member',
    table: 'requests',
    pack: ['pulls.jsonl', 'ledger.jsonl'],
    where: 'Members: requests',
    href: '/staff/members',
    how: 'Each row leads to the pull, with its files and the outcome of every line.',
  },
  {
    question: 'Every disclosure of a member in six years, in the form of 45 CFR 164.528',
    page: '/staff/disclosures/:member',
    table: 'disclosures',
    pack: ['audit-rows.jsonl', 'report.json'],
    where: 'Disclosures',
    href: '/staff/disclosures',
    how: 'Find the member; also as CSV, as a letter in plain text, and as a FHIR Bundle (AuditEvent, Provenance, Consent).',
  },
  {
    question: 'All requests of a payer in a quarter: received, due, answered, how late',
    page: '/staff/peers/:id/statement',
    table: 'statement',
    pack: ['requests.jsonl', 'single-matches.jsonl'],
    where: 'Other payers: statement',
    href: '/staff/peers',
    how: 'Open the payer, then its statement, and choose the quarter.',
  },
  {
    question: 'All refusals with reason and approver',
    page: '/staff/compliance',
    table: 'refusals',
    pack: ['audit-rows.jsonl', 'payer-changes.jsonl', 'report.json'],
    where: 'Compliance: refusals; Security for each one',
    href: '/staff/compliance#t-refusals',
    how: 'Choose the period. Each single one stands under Security, those of a match under its decisions. Who suspended or closed a payer, or blocked its key, stands beside what was refused to it since, with their reason, and in the history of the payer; all else is refused by a rule that is the same for everybody.',
  },
  {
    question: 'Concurrent members whose last request is older than three months',
    page: '/staff/clocks/concurrent',
    table: 'concurrent',
    pack: ['clocks.jsonl', 'pulls.jsonl'],
    where: 'Clocks: last asked more than three months ago',
    href: '/staff/clocks/concurrent',
    how: 'As of now, each with its last request, what was answered, and the duty that stands. Who withdrew is left out; who opted in again is there, with the last request of before.',
  },
  {
    question: 'All records received from a payer that are not visible, by reason',
    page: '/staff/compliance',
    table: 'quarantine',
    pack: ['quarantine.jsonl', 'ledger.jsonl', 'report.json'],
    where: 'Compliance: quarantine; Other payers: what is not shown of what it sent',
    href: '/staff/compliance#t-quarantine',
    how: 'Choose the payer. Each row leads to the lines of its newest pull; where there are several pulls, quarantine.jsonl in the evidence pack lists every record with its line. Lines that are no record at all stand in the table below it. What was taken in and is not shown now (the member has withdrawn, the payer may mean another person, another copy was preferred) stands beside it on the page of the payer, under “What is not shown of what it sent”.',
  },
  {
    question: 'Proof that a file contained no payments and no denied or drug authorizations',
    page: '/staff/requests/:id',
    table: 'proof',
    pack: ['content.json', 'report.json'],
    where: 'Compliance: proof of what left; Requests to us: one export',
    href: '/staff/compliance#t-proofs',
    how: 'The table has the sums of a period; open one export under Requests to us: its files are walked once when it is finished, with file and line of anything found; the evidence pack holds the same (content.json).',
  },
  {
    question: 'Which version of rule and calendar set a due date',
    page: '/staff/clocks/:id',
    table: 'clock',
    pack: ['clocks.jsonl'],
    where: 'Clocks: one clock',
    href: '/staff/clocks?show=all',
    how: 'Open the clock: paragraph, versions, zone, what started it.',
  },
  {
    question: 'Every decision by a person on a member’s records',
    page: '/staff/members/:member',
    table: 'deeds',
    pack: ['decisions.jsonl'],
    where: 'Members: what people decided and recorded',
    href: '/staff/members',
    how: 'Each row leads to what was decided, with both versions side by side; decisions.jsonl in the evidence pack has the SHA-256 of the versions that were seen.',
  },
  {
    question: 'What changed between two reports',
    page: '/staff/compliance/changes',
    table: 'changes',
    pack: ['report.json'],
    where: 'Compliance: what changed',
    href: '/staff/compliance/changes',
    how: 'Choose the two periods: every figure and every row that is not the same in both, in one table. Two reports that were issued are compared as they were issued at Issued reports: open the later one. Where a report of the same past period was otherwise when it was made, “Choices recorded after the period” and the times of recording tell why. In a report each figure also stands beside the one of the period before.',
  },
  {
    question: 'Was consent valid at each request and disclosure',
    page: '/staff/compliance',
    table: 'consentsMissed',
    pack: ['consents.jsonl', 'pulls.jsonl', 'matches.jsonl', 'report.json'],
    where: 'Compliance: choice in force',
    href: '/staff/compliance#t-consentsMissed',
    how: 'Both numbers of a row of the first table must be equal; this one has each that is missing, with the member. A choice counts from when it was given; where a no was recorded here only after the request, the row says when. One member’s at Members: requests and choices.',
  },
  {
    question: 'Which members were affected by an outage, and were their deadlines met',
    page: '/staff/clocks',
    table: 'clocks',
    pack: ['clocks.jsonl'],
    where: 'Clocks: running on',
    href: '/staff/clocks?show=all',
    how: 'Write the days of the outage under “Running on”: each duty that ran then, with its member and whether it was met. Those that were late for it have the reason “our-outage” and the corrective action (Compliance: clocks not met in time).',
  },
  {
    question: 'Records of the wrong person: when, whose fault, since when',
    page: '/staff/compliance',
    table: 'incidents',
    pack: ['quarantine.jsonl', 'ledger.jsonl', 'decisions.jsonl', 'cases.jsonl', 'report.json'],
    where: 'Compliance: records of other people',
    href: '/staff/compliance#t-incidents',
    how: 'Each row leads to the pull and its lines; what is still held back is decided under Conflicts, kind “A record about another person”. Days are counted until all of them are decided. What to report to the payer stands on its page (What to tell this payer); “List for the payer taken” is when that list was first taken as a file since. What was done about it, and who was notified when, stands in its case (Compliance: cases of incidents).',
  },
  {
    question: 'Who viewed a member’s data',
    page: '/staff/members/:member/looks',
    table: 'looks',
    pack: ['audit-rows.jsonl', 'look-reasons.jsonl'],
    where: 'Members: who looked',
    href: '/staff/members',
    how: 'Find the member, then “Who looked at this member’s data”: all of it, newest first; looks are the rows that say “looked”, in CSV and JSON “view”.',
  },
  {
    question: 'Which public documents were online on a day',
    page: '/staff/documents',
    table: 'documents',
    pack: ['documents.jsonl'],
    where: 'Compliance: public documentation',
    href: '/staff/documents',
    how: 'Choose the day: each public document as it was found there, with its SHA-256 and the version of the program whose words it has; the evidence pack holds the same (documents.jsonl).',
  },
  {
    question: 'Does the audit trail verify since the last audit',
    page: '/staff/trail',
    table: 'checks',
    pack: ['audit-seals.jsonl', 'audit-rows.jsonl'],
    where: 'Security: audit trail',
    href: '/staff/trail',
    how: 'The trail is verified each day; “Compared with” names the seal of a head that was kept at an audit (payer-node audit verify --head FILE). A pack is verified offline with payer-node evidence verify FILE.',
  },
];

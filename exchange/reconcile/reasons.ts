// Every code that the exchange writes down, in words: what it means and what a person should do. One table for each place
// where a code can stand; the staff pages, the report and the documentation read them. Outcomes and reasons are the
// closed lists of the conservation law; a new code needs a row here, and a test holds that.

import { ATTACHMENT_REASONS } from './attachment-reasons.ts';
import { act, calm, look, type Meaning } from './meaning.ts';
import { PEER_FAULTS } from './peer-faults.ts';
import { CLOCK_REASONS, DECISIONS, MATCH_OUTCOMES, PULL_REASONS, PULL_STATES, WITHHELD } from './pull-reasons.ts';

export type { Meaning, Severity } from './meaning.ts';
export { MATCH_OUTCOMES, PULL_STATES } from './pull-reasons.ts';

type Table<K extends string> = Readonly<Record<K, Meaning>>;

export const OUTCOME_NAMES = [
  'created',
  'updated',
  'unchanged',
  'linked-duplicate',
  'echo',
  'shared',
  'retracted',
  'quarantined',
  'rejected',
] as const;
export type OutcomeName = (typeof OUTCOME_NAMES)[number];

/** What became of a received line: exactly one of these. */
export const OUTCOMES: Table<OutcomeName> = {
  created: calm('A record we did not have. It was added to the member’s history.'),
  updated: calm('A newer version of a record we had. The version before is kept.'),
  unchanged: calm('A record we already hold in this version or a newer one. Nothing was written.'),
  'linked-duplicate': calm(
    'A new record that tells of the same thing as one we had. Both are kept and linked; nothing was merged.',
  ),
  echo: calm('A record that we hold, and passed on, coming back to us. It was not added a second time.'),
  shared: calm('A clinician, organization or place that we already list. It was mapped to our entry.'),
  retracted: calm('The other payer took a record back. It is hidden; its versions are kept.'),
  quarantined: look(
    'Kept as received, but hidden from the member’s history, for the reason given.',
    'Read the reason and decide whether the other payer must correct it.',
  ),
  rejected: look(
    'The line is not a usable record. Only the raw line is kept.',
    'Tell the other payer, naming the file and the line.',
  ),
};

/** Why a line has its outcome. */
export const UNIT_REASONS = {
  'invalid-json': look('The line is not valid JSON.', 'Tell the other payer, naming the file and the line.'),
  'not-a-resource': look(
    'The line is not a single FHIR record.',
    'Tell the other payer, naming the file and the line.',
  ),
  'missing-id': look(
    'The record has no usable id, so it could not be kept apart from others.',
    'Tell the other payer.',
  ),
  'too-large': look('The line is longer than 16 MiB.', 'Tell the other payer.'),
  'file-aborted': look('The file was given up as broken before this line.', 'Ask the other payer for the file again.'),
  'invalid-resource': look(
    'The record breaks the structure that FHIR requires.',
    'Tell the other payer; a corrected copy in a later pull is taken up by itself.',
  ),
  'unknown-type': look(
    'A type of record that this exchange does not take in.',
    'Nothing, unless the type should be taken in.',
  ),
  'modifier-extension': look(
    'The record carries an extension that may change its meaning and that we do not know.',
    'Ask the other payer what the extension means.',
  ),
  'implicit-rules': look(
    'The record may only be read under rules of its sender that we do not know.',
    'Ask the other payer to send it without implicit rules.',
  ),
  'wrong-patient': act(
    'The record is about a person whom we did not ask for.',
    'Treat it as a possible disclosure: tell the privacy office and the other payer today.',
  ),
  'contained-person': act(
    'Something in the record is about a person with another first name, or another sex, than the member’s, it names another member beside this one, or it is a document made about another Patient of the payer’s: maybe somebody else, maybe the member under another name.',
    'Compare the person in the record with the member. If it is the member, release it; if not, discard it, and tell the privacy office and the other payer today.',
  ),
  'unsupported-subject': look('The record is about a group, a device or a place, not about a person.', 'Nothing.'),
  'dangling-reference': look(
    'The record does not say whose it is, or is about a record that did not arrive.',
    'Tell the other payer which record is missing.',
  ),
  'denied-pa': calm('A prior authorization that was denied. The rule leaves those out of the exchange.'),
  'drug-pa': calm('A prior authorization for a drug. The rule leaves those out of the exchange.'),
  'consent-scope': act(
    'The record is sensitive and the member’s choice does not cover sensitive records.',
    'Leave it hidden; tell the other payer that it sent more than was asked for.',
  ),
  'consent-withdrawn': act(
    'The member withdrew the choice before the record was taken up.',
    'Leave it hidden until the privacy office decides.',
  ),
  'named-in-error': act(
    'The payer turned out to be named by mistake before the record was taken up.',
    'Leave it hidden until somebody has said whose it is: release it if it is the member’s, or discard it.',
  ),
  'patient-change': look(
    'The other payer changed or deleted its record of the person, says that a record of one person is now another’s or sends one id for two people, or a claim names another person’s claim as a version of itself.',
    'Nothing of our own was changed. Ask the other payer whose the record is; what waits says which other one it is about; then release it, and it is the person’s whom it names now, or discard it.',
  ),
  'deleted-at-source': calm('The other payer says that it deleted the record.'),
  'entered-in-error': calm('The other payer says that the record was entered in error.'),
  'asked-group': calm(
    'The Group that was asked for: it says whom the answer is about and is no record of a member. Nothing of it is kept.',
  ),
  'stale-version': calm('An older version than the one we hold.'),
  'duplicate-in-job': calm('The same record came more than once in this pull; the newest was taken.'),
  'already-retracted': calm('A record that was taken back before; this copy is not newer.'),
  reinstated: look(
    'A record that had been taken back came again in a newer version and is shown again.',
    'Check that the other payer meant to send it.',
  ),
} as const satisfies Readonly<Record<string, Meaning>>;

/** What was noticed about a record, a file or a pull. A finding changes no outcome. */
export const FINDINGS = {
  'money-present': look(
    'Amounts of money were sent. They were removed before the record was kept.',
    'Tell the other payer.',
  ),
  'profile-violation': look(
    'Records do not keep all rules of their profile. They were taken in as they are.',
    'Tell the other payer in the weekly digest.',
  ),
  'older-than-5y': calm('Services of more than five years ago. They were kept.'),
  'part2-no-notice': look('Substance-use records without the notice that must go with them.', 'Tell the other payer.'),
  'terminology-unknown': look('A code that we do not know.', 'Nothing, unless it matters for care.'),
  'narrative-dropped': look(
    'The text part held a script or links to other addresses, and is left out. The data of the record are all there, and the line as it came is kept.',
    'Nothing, unless the text says what the data do not.',
  ),
  'attachment-unsafe': look('An attachment of a kind that is not opened here.', 'Open it only in a safe place.'),
  'attachment-not-fetched': look(
    'An attachment was given by an address, and was not fetched.',
    'See the table of attachments for the reasons.',
  ),
  'attachment-empty': look(
    'A document was named and neither its bytes nor its address came with it.',
    'Ask the other payer for the documents, or whether its other ways of answering give them.',
  ),
  'implausible-date': look('A date that cannot be right.', 'Tell the other payer.'),
  'dangling-soft': calm(
    'References to records that did not arrive. They are kept as what the other payer called them.',
  ),
  'possible-duplicate': look('It may tell of the same thing as another record.', 'Compare both.'),
  'echo-modified': look('Our own record came back changed.', 'Compare both; ours was not changed.'),
  'possible-echo': look('It may be our own record coming back.', 'Compare both.'),
  'chain-anomaly': look('The line of its origin does not fit together.', 'Ask the other payer.'),
  'deceased-mismatch': act('One side says that the member has died.', 'Ask enrollment today; ours was not changed.'),
  'value-mismatch': look(
    'The same event is told with another value. Both are kept and shown.',
    'A clinical reviewer compares both.',
  ),
  'status-mismatch': look(
    'The same thing is told with another status. Both are kept.',
    'A clinical reviewer compares both.',
  ),
  'dosage-mismatch': look('The same drug with another dosage. Both are kept.', 'A clinical reviewer compares both.'),
  'demographic-mismatch': look('Name, address, birth date or sex differ. Ours stays.', 'Enrollment compares both.'),
  'identity-doubt': act(
    'Whose it is is in doubt: birth date or sex differ after a match, or the name and the birth date are another member’s, or the other payer deleted its record of the person, or says of a record or a claim that it is one person’s and another’s.',
    'The privacy office reviews the match today.',
  ),
  'coverage-overlap': look('Both coverages run at the same time.', 'The member is asked about again each quarter.'),
  'duplicate-order': look('Two active orders for the same thing. Both are kept.', 'A clinical reviewer compares both.'),
  'count-mismatch': act(
    'The file has another number of lines than the manifest declared.',
    'Ask the other payer; then accept the pull as it is, or have it pulled again.',
  ),
  'count-missing': look(
    'The manifest does not say how many lines the file has.',
    'Ask the other payer to declare counts.',
  ),
  'hash-mismatch': act('The file is not what the manifest says.', 'Ask the other payer for it again.'),
  'mixed-types': look('The file holds other types than declared.', 'Tell the other payer.'),
  'duplicate-id': look('The same id came with different contents in one pull.', 'Tell the other payer.'),
  'peer-rekey': act(
    'Most ids of the other payer are new: it may have renumbered its records.',
    'Ask the other payer first.',
  ),
  'large-cluster': look(
    'So many records are linked with one another, or share what they would be linked by, that not all were compared.',
    'Check the identifiers that link them.',
  ),
  'missing-at-source': look('Records that came before did not come this time.', 'Ask the other payer.'),
  'no-provenance': look('Records came without a statement of their origin.', 'Tell the other payer.'),
  'denied-pa': look(
    'An authorization came with lines that were denied or are for a drug. Those lines are not kept.',
    'Tell the other payer.',
  ),
  reinstated: UNIT_REASONS.reinstated,
  'patient-change': UNIT_REASONS['patient-change'],
  ...PEER_FAULTS,
} as const satisfies Readonly<Record<string, Meaning>>;

/** Findings that are faults of the payer that sent the answer: what it is to be told, or asked about. */
export const THEIR_FAULTS: readonly string[] = Object.entries(FINDINGS).flatMap(([kind, { todo }]) =>
  /^(?:Tell|Ask) the other payer/.test(todo) ? kind : [],
);

/** Why a line was kept out, where the payer that sent it is to be told or asked. */
export const LINES_TO_TELL: readonly string[] = Object.entries(UNIT_REASONS).flatMap(([reason, { todo }]) =>
  /\b(?:tell|ask) [^.;]*the other payer/i.test(todo) ? reason : [],
);

const TABLES = {
  outcome: OUTCOMES,
  reason: UNIT_REASONS,
  finding: FINDINGS,
  pull: PULL_REASONS,
  match: MATCH_OUTCOMES,
  decision: DECISIONS,
  withheld: WITHHELD,
  clock: CLOCK_REASONS,
  state: PULL_STATES,
  attachment: ATTACHMENT_REASONS,
} as const;
export type CodeKind = keyof typeof TABLES;

/**
 * What a code means. A code with an HTTP status or an error at its end (`file-404`) means what its beginning means, and the
 * status is told with it.
 */
export function meaning(kind: CodeKind, code: string): Meaning {
  const table: Readonly<Record<string, Meaning>> = TABLES[kind];
  for (let known = code; known !== ''; known = known.slice(0, Math.max(0, known.lastIndexOf('-')))) {
    const row = Object.hasOwn(table, known) ? table[known] : undefined;
    if (row === undefined) continue;
    const status = /^-([1-5]\d\d)$/.exec(code.slice(known.length))?.[1];
    return status === undefined ? row : { ...row, text: `${row.text.replace(/\.$/, '')} (HTTP ${status}).` };
  }
  return look(`Code “${code}”, which this version has no sentence for.`, 'Ask operations.');
}

// What the audit says was done, in words. Codes stand in rows, files and filters; people read these.
import { PULL_STATES } from '../../reconcile/pull-reasons.ts';

const ACTION_TEXTS: Readonly<Record<string, string>> = {
  // peers
  token: 'asked for a token',
  access: 'asked for something of ours',
  match: 'asked for a member',
  'match-requested': 'sent a match request',
  'match-sequence': 'asked for numbers in a row',
  'match-revoked': 'match request ended with the payer',
  'match-request-removed': 'match request removed, its time was over',
  'export-requested': 'asked for an export',
  export: 'export made',
  'export-deleted': 'request ended by the payer',
  'export-revoked': 'export taken back',
  'export-member': 'export that holds the member’s records',
  'export-withdrawn': 'payer notified that the records it has of the member may not be used any more',
  file: 'file of an export fetched',
  read: 'record read',
  search: 'records found by a search',
  everything: 'whole record asked for',
  attachment: 'document fetched from a payer',
  'pull-files-removed': 'files of a pull removed, their time was over',
  'document-removed': 'fetched document removed, its time was over',
  // the node
  'pull-planned': 'request to a payer planned',
  received: 'records received',
  'content-checked': 'export walked for what must not leave',
  'relabel-begun': 'labelling sensitive records again begun',
  relabel: 'sensitive records labelled again',
  import: 'own records and enrolment loaded',
  'absent-ended': 'coverage ended of those absent from a full file',
  'audit-verify': 'audit trail verified',
  'evidence-pack': 'evidence pack made',
  invite: 'links for members made',
  'reconcile-replay': 'rules run again on a pull',
  'reconcile-release': 'released record taken in',
  volume: 'an unusual day of a payer or person',
  key: 'key of ours that signs',
  settings: 'settings of the node',
  // people
  view: 'looked',
  'reason-given': 'said what numbers and birth dates are needed for',
  'reason-ended': 'had numbers and birth dates hidden again',
  'sign-in': 'signed in',
  'sign-out': 'signed out',
  'sessions-ended': 'ended the sessions of a person',
  'export-report': 'took a page as a file',
  manage: 'tried to change a payer',
  accept: 'accepted a pull as it was',
  'give-up': 'gave a pull up',
  decide: 'decided an item',
  'decide-all': 'decided all items of a kind, payer and pull alike',
  'emergency-begun': 'opened emergency access',
  'emergency-ended': 'ended emergency access',
  'emergency-look': 'looked by emergency access',
  'events-reviewed': 'signed for the security events',
  'report-issued': 'issued a report',
  'hold-placed': 'placed a legal hold',
  'hold-lifted': 'lifted a legal hold',
  'case-opened': 'opened a case',
  'case-entry': 'wrote into a case',
  'case-closed': 'closed a case',
  'case-reopened': 'opened a case again',
  'restore-drill': 'recorded that a backup was restored',
  'members-one': 'made two members one person',
  'members-two': 'took back that two members are one person',
  choice: 'recorded a choice',
  contact: 'recorded an offer or question',
  'payer-named': 'recorded another payer',
  'payer-in-error': 'took back a payer that was named by mistake',
  'request-asked': 'asked for a payer to be asked',
  'clock-note': 'said why a duty was late',
  'member-link': 'opened the member’s link',
  'peer-added': 'registered a payer',
  'peer-approved': 'approved a payer',
  'peer-suspended': 'suspended a payer',
  'peer-closed': 'closed a payer',
  'peer-changed': 'changed a payer’s record',
  'peer-change-proposed': 'proposed a change of a payer’s record',
  'peer-change-rejected': 'rejected a change of a payer',
  'peer-limited': 'set a payer’s limit',
  'peer-relearned': 'had a payer asked again in every form',
  'peer-checked': 'asked a payer for its documents',
  'peer-keys-changed': 'a payer’s keys changed',
  'peer-key-blocked': 'blocked a payer’s key',
  'peer-key-unblocked': 'let a payer’s key in again',
  'peer-document-added': 'noted a document of a payer',
  'peer-document-proposed': 'proposed a document of a payer',
  'peer-document-ended': 'ended a document of a payer',
};

/** An action of the audit in words; undefined when none are known, so that the code stands. */
export function deedWords(action: string): string | undefined {
  if (Object.hasOwn(ACTION_TEXTS, action)) return ACTION_TEXTS[action];
  const state = action.startsWith('pull-') ? action.slice('pull-'.length) : '';
  const words: Readonly<Record<string, { text: string }>> = PULL_STATES;
  return Object.hasOwn(words, state) ? `pull: ${words[state]?.text ?? ''}` : undefined;
}

/** What names and records may be taken along for, and identifiers be seen whole for, by the code that the audit keeps. */
export const PURPOSES = {
  audit: 'an audit or review',
  member: 'the member, who asked for it',
  payer: 'settling something with another payer',
  quality: 'putting data right',
  care: 'the member’s care',
  incident: 'a privacy or security incident',
  legal: 'a legal matter',
} as const;
/** In words; undefined where none was said. */
export const purposeWords = (code: string | null): string | undefined =>
  code !== null && Object.hasOwn(PURPOSES, code) ? PURPOSES[code as keyof typeof PURPOSES] : undefined;

/** What was looked at, by the code that the audit keeps with a look. */
const LOOKED_AT = {
  member: 'the member’s page',
  members: 'a list of members',
  'members-beside': 'two members side by side',
  'record-merged': 'the merged record',
  'record-sensitive': 'the merged record, with sensitive records',
  everything: 'the whole record, taken as a file',
  'everything-sensitive': 'the whole record with sensitive records, taken as a file',
  attachment: 'a document of the record',
  'attachment-sensitive': 'a sensitive document of the record',
  disclosures: 'what was disclosed',
  looks: 'who looked',
  report: 'the report of a pull',
  messages: 'messages of a payer',
  lines: 'received lines of a pull',
  record: 'one received line, with the record',
  conflicts: 'conflicts to decide',
  conflict: 'one conflict, with its records',
  match: 'members of a payer’s request',
  matches: 'decisions of matching',
  clocks: 'duties',
  clock: 'one duty',
  'to-tell': 'what to tell a payer',
  case: 'a case',
  compliance: 'the compliance report',
  'issued-report': 'an issued report',
  'compliance-choices': 'choices behind the compliance report',
  'compliance-asked': 'members asked for, behind the compliance report',
  'compliance-answers': 'answers behind the compliance report',
  'compliance-lines': 'received lines behind the compliance report',
  'compliance-given': 'members whose records were given, behind the compliance report',
  'compliance-held': 'held records behind the compliance report',
} as const;
export type LookedAt = keyof typeof LOOKED_AT;

/** A look in words: which page, and as which file it was taken. A code of before that has none stands. */
export function lookedAtWords(page: string, format: string | null): string {
  const words = Object.hasOwn(LOOKED_AT, page) ? LOOKED_AT[page as LookedAt] : page;
  return format === 'csv' || format === 'json' ? `${words}, as ${format.toUpperCase()}` : words;
}

// Why a harvest stopped, or is not whole. Tables for staff, the log and docs/federation.md are made from this one.

/** `blocked`: only the owner of the peer can change it. `unsupported`: the next rung is tried. `transient`: later again. */
export type FaultKind = 'blocked' | 'unsupported' | 'transient' | 'failed';

export const REASONS = {
  'refused-address': {
    kind: 'failed',
    text: 'The address may not be asked: not public, not https, or a port that is not allowed.',
  },
  'foreign-host': { kind: 'failed', text: 'A page link leads to a host that is not registered for this peer.' },
  'moved-host': { kind: 'failed', text: 'The peer redirects to another host. Register the new address to accept it.' },
  'too-many-redirects': { kind: 'failed', text: 'More than five redirects.' },
  unreachable: { kind: 'transient', text: 'The peer cannot be reached, or its TLS certificate is not valid.' },
  'tls-fault': {
    kind: 'failed',
    text: "The peer's TLS certificate or its chain is not valid. There is no way around that here; tell the peer.",
  },
  throttled: { kind: 'transient', text: 'The peer asks us to wait.' },
  'retry-after-absurd': {
    kind: 'transient',
    text: 'The peer asks us to wait for more than seven days; we wait seven.',
  },
  'server-error': { kind: 'transient', text: 'The peer answers with errors of its own (5xx) again and again.' },
  'challenge-page': {
    kind: 'blocked',
    text: 'A page for browsers came instead of FHIR: a firewall or a sign-in. Write to the owner.',
  },
  forbidden: { kind: 'blocked', text: 'The peer refuses us (401 or 403). Write to the owner.' },
  'not-json': { kind: 'failed', text: 'The answer is not JSON.' },
  'not-utf8': {
    kind: 'failed',
    text: 'The answer is not in UTF-8: names would come out wrong, so nothing of it is taken.',
  },
  xml: { kind: 'failed', text: 'The answer is XML although JSON was asked for, twice.' },
  'outcome-instead-of-bundle': { kind: 'failed', text: 'Status 200 with an OperationOutcome instead of a Bundle.' },
  'not-a-bundle': { kind: 'failed', text: 'The answer is no Bundle.' },
  'not-found': { kind: 'unsupported', text: 'The peer has no such path (404).' },
  'bad-request': { kind: 'unsupported', text: 'The peer does not take this request (4xx).' },
  'page-too-large': { kind: 'failed', text: 'A page is larger than 50 MB.' },
  'file-too-large': { kind: 'failed', text: 'A file is larger than 8 GB, or inflates more than two hundredfold.' },
  'body-cut': { kind: 'transient', text: 'An answer broke off before its end.' },
  'not-a-manifest': { kind: 'failed', text: 'The manifest has not the required form.' },
  'unknown-file': {
    kind: 'failed',
    text: 'A file of the manifest has no type that we know; a missing file must not look like a missing type.',
  },
  'damaged-file': {
    kind: 'failed',
    text: 'A file holds lines that cannot be read. The good lines are kept, nothing is taken for deleted.',
  },
  'abridged-records': {
    kind: 'failed',
    text: 'Records came abridged (SUBSETTED). What was known of them stays; nothing is taken for deleted.',
  },
  'count-differs': { kind: 'failed', text: 'A file holds fewer or more lines than its manifest says.' },
  'page-loop': { kind: 'failed', text: 'A page, or the link to one, came again: the end was never reached.' },
  endless: {
    kind: 'failed',
    text: 'The peer returned more than 50,000,000 records, or many pages without any; reading stopped.',
  },
  'page-link-lost': { kind: 'transient', text: 'A page link expired three times.' },
  'empty-tail': {
    kind: 'failed',
    text: 'The last page that was linked is empty: whether that is the end is unknown.',
  },
  'order-unstable': {
    kind: 'failed',
    text: 'The order changes between pages, and after three passes there were still new records.',
  },
  'short-of-total': { kind: 'failed', text: 'Fewer records came than the peer counts itself.' },
  'capped-results': {
    kind: 'failed',
    text: 'The peer gives only its first results, and they cannot be parted by time.',
  },
  'not-enumerable': {
    kind: 'failed',
    text: 'The peer lists nothing without a search: it was read by walking, which is never whole.',
  },
  'sudden-nothing': {
    kind: 'failed',
    text: 'A type that had records has none today. That is believed only when a person releases it.',
  },
  'walk-incomplete': { kind: 'failed', text: 'Reading along references finds only what we already know to look for.' },
  'export-pending': {
    kind: 'transient',
    text: 'The export of the peer is not ready. Others have their turn, and this one is looked at again every five minutes, for a day.',
  },
  'export-failed': { kind: 'failed', text: 'The export of the peer failed.' },
  'staging-lost': { kind: 'transient', text: 'What was read is gone after a crash of the database; it is read again.' },
  'peer-switched-off': { kind: 'failed', text: 'The peer was paused or blocked while its harvest ran.' },
  'chain-closed': { kind: 'failed', text: 'The chain of the peer ended; it is read from its root again.' },
  'no-address': { kind: 'failed', text: 'The peer has no address that can be harvested.' },
  'via-ourselves': {
    kind: 'failed',
    text: 'The peer says that the request came from itself (508): it leads back to us.',
  },
  unexpected: { kind: 'failed', text: 'Something went wrong on our side; the log has the run number.' },
} as const satisfies Record<string, { kind: FaultKind; text: string }>;
export type Reason = keyof typeof REASONS;

export const isReason = (text: string): text is Reason => Object.hasOwn(REASONS, text);

/** A harvest cannot go on this way. `detail` names what, without contents of records. */
export class HarvestFault extends Error {
  readonly reason: Reason;
  readonly detail: string;
  /** not before this time, when the peer said so */
  readonly until: Date | undefined;
  constructor(reason: Reason, detail = '', options: { until?: Date; cause?: unknown } = {}) {
    super(`${reason}${detail === '' ? '' : ` (${detail})`}`, { cause: options.cause });
    this.name = 'HarvestFault';
    this.reason = reason;
    this.detail = detail;
    this.until = options.until;
  }
  get kind(): FaultKind {
    return REASONS[this.reason].kind;
  }
}

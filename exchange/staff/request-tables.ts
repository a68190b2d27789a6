// The tables of a request of another payer: what was decided, held back, counted, walked over and made, and which files were fetched.
import type { Cell, Table } from '../../src/ui/table.ts';
import { type ContentCheck, proofCell, proofFaults } from '../compliance/export-check/export-check-text.ts';
import { meaning } from '../reconcile/reasons.ts';
import type { BulkFile, DecisionCount, RequestLine } from './data/lists.ts';
import { clockCell, codeCell, count, numberCell, requestStateCell, timeCell } from './data/texts.ts';

export const KINDS = { match: 'Find members', export: 'Export history' } as const;
/** Where a member is placed in the answer to a match. */
const PLACED: Readonly<Record<string, string>> = {
  match: 'matched',
  nomatch: 'not matched',
  consentconstraint: 'held by consent',
};
const COUNTED: Readonly<Record<string, string>> = {
  ...PLACED,
  members: 'members',
  resources: 'records made ready',
  deleted: 'reported as deleted',
};

const clockOf = (r: RequestLine): string =>
  r.answeredAt !== null
    ? r.answeredAt <= r.dueAt
      ? 'met'
      : 'met-late'
    : r.state === 'cancelled' || r.state === 'revoked'
      ? 'not-applicable'
      : 'open';

function resultOf({ kind, counts }: RequestLine): string | null {
  if (kind === 'export')
    return counts['resources'] === undefined ? null : `${count(counts['resources'], 'record')} made ready`;
  if (counts['match'] === undefined) return null;
  const all = counts['match'] + (counts['nomatch'] ?? 0) + (counts['consentconstraint'] ?? 0);
  return `${counts['match']} of ${count(all, 'member')} matched`;
}

/** Requests, a row each. */
export function requestTable(
  rows: readonly RequestLine[],
  { name, caption, timeZone, now }: { name: string; caption: string; timeZone: string; now: Date },
): Table {
  return {
    name,
    caption,
    columns: [
      { key: 'request', label: 'Request', kind: 'head' },
      { key: 'kind', label: 'Asked for' },
      { key: 'payer', label: 'By' },
      { key: 'state', label: 'State' },
      { key: 'received', label: 'Received' },
      { key: 'due', label: 'Due' },
      { key: 'clock', label: 'Clock' },
      { key: 'answered', label: 'Answered' },
      { key: 'result', label: 'Result' },
    ],
    rows: rows.map((r): Cell[] => [
      { value: r.id, text: r.id.slice(0, 8), code: true, href: `/staff/requests/${r.id}` },
      { value: r.kind, text: KINDS[r.kind] },
      { value: r.peerId, text: r.peerName },
      requestStateCell(r.state, r.answeredAt !== null),
      timeCell(r.receivedAt, timeZone),
      timeCell(r.dueAt, timeZone),
      clockCell({ state: clockOf(r), dueAt: r.dueAt, closedAt: r.answeredAt }, now),
      timeCell(r.answeredAt, timeZone),
      { value: resultOf(r) },
    ]),
    empty: 'No payer has asked for anything yet.',
  };
}

/** What a match decided, by reason. */
export const decisionTable = (decisions: readonly DecisionCount[]): Table => ({
  name: 'decisions',
  caption: 'Decisions',
  columns: [
    { key: 'reason', label: 'Reason', kind: 'head' },
    { key: 'group', label: 'Placed in' },
    { key: 'members', label: 'Members', kind: 'number' },
    { key: 'meaning', label: 'Meaning' },
  ],
  rows: decisions.map((d) => [
    codeCell(d.reason, 'decision'),
    { value: d.outcome, text: PLACED[d.outcome] ?? d.outcome },
    numberCell(d.n),
    { value: meaning('decision', d.reason).text },
  ]),
  empty: 'Nothing is decided yet.',
});

const WITHHELD = 'withheld-';
const withheldOf = (counts: RequestLine['counts']) =>
  Object.entries(counts).flatMap(([key, n]) =>
    key.startsWith(WITHHELD) ? [[key.slice(WITHHELD.length), n] as const] : [],
  );

/** How many records an export held back. */
export const heldBack = ({ counts }: RequestLine): number => withheldOf(counts).reduce((sum, [, n]) => sum + n, 0);

export const withheldTable = (request: RequestLine): Table => ({
  name: 'withheld',
  caption: 'Held back',
  columns: [
    { key: 'reason', label: 'Reason', kind: 'head' },
    { key: 'records', label: 'Records', kind: 'number' },
    { key: 'meaning', label: 'Meaning' },
  ],
  rows: withheldOf(request.counts).map(([reason, n]) => [
    codeCell(reason),
    numberCell(n),
    { value: meaning('withheld', reason).text },
  ]),
  total: [{ value: 'All reasons' }, numberCell(heldBack(request)), { value: null, text: '' }],
  empty: 'Nothing was held back.',
});

export const countTable = ({ counts }: RequestLine): Table => ({
  name: 'counts',
  caption: 'Counts',
  columns: [
    { key: 'count', label: 'Count', kind: 'head' },
    { key: 'value', label: 'Value', kind: 'number' },
  ],
  rows: Object.entries(counts)
    .filter(([key]) => !key.startsWith(WITHHELD))
    .map(([key, n]) => [{ value: key, text: COUNTED[key] ?? key }, numberCell(n)]),
  empty: 'Nothing is counted yet.',
});

export function proofTable(proof: ContentCheck | undefined, files: readonly BulkFile[], timeZone: string): Table {
  const placeOf = (id: string) => files.find((f) => f.id === id)?.position ?? id;
  return {
    name: 'proof',
    caption: 'Walk over the files for what must not leave',
    note: 'Every line of every file: messages and lists of what is gone, too.',
    columns: [
      { key: 'at', label: 'When', kind: 'head' },
      { key: 'files', label: 'Files', kind: 'number' },
      { key: 'lines', label: 'Lines', kind: 'number' },
      { key: 'found', label: 'Found' },
      { key: 'places', label: 'Places' },
    ],
    rows:
      proof === undefined
        ? []
        : [
            [
              timeCell(proof.at, timeZone),
              numberCell(proof.files),
              numberCell(proof.lines),
              proofCell(proof),
              {
                value: proofFaults(proof)
                  .map((f) => `file ${placeOf(f.file)}, line ${f.line}: ${f.what}`)
                  .join('; '),
              },
            ],
          ],
    empty:
      'The files have not been walked yet: that is done once the export is finished, also after its payer has ended it.',
  };
}

/** @param fetched when each was first fetched, by its id */
export const fileTable = (
  request: RequestLine,
  files: readonly BulkFile[],
  fetched: ReadonlyMap<string, Date>,
  timeZone: string,
): Table => ({
  name: 'files',
  caption: 'Files',
  note:
    request.expiresAt === null || files.every((f) => f.removedAt !== null)
      ? undefined
      : `Files stay until ${timeCell(request.expiresAt, timeZone).text ?? ''}, or until the payer ends the request.`,
  columns: [
    { key: 'file', label: 'File', kind: 'head' },
    { key: 'kind', label: 'Kind' },
    { key: 'type', label: 'Type' },
    { key: 'lines', label: 'Lines', kind: 'number' },
    { key: 'bytes', label: 'Bytes', kind: 'number' },
    { key: 'sha256', label: 'SHA-256', kind: 'hash' },
    { key: 'fetched', label: 'First fetched' },
    { key: 'removed', label: 'Removed' },
  ],
  rows: files.map((f) => [
    { value: f.position },
    { value: f.kind },
    { value: f.type === '' ? 'by patient' : f.type },
    numberCell(f.lines),
    numberCell(f.bytes),
    { value: f.textSha256 ?? f.sha256, code: true },
    timeCell(fetched.get(f.id) ?? null, timeZone),
    timeCell(f.removedAt, timeZone),
  ]),
  empty: request.answeredAt === null ? 'No files yet.' : 'The answer has no files.',
});

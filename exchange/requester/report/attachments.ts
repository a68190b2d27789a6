// Attachments that records give by address, as rows for people: of a pull by what became of them, of records one by one.
import type { Cell, Table } from '../../../src/ui/table.ts';
import { meaning } from '../../reconcile/reasons.ts';
import type { AttachmentCount, AttachmentLine } from '../../records/attachment.ts';
import { codeCell, grouped, numberCell } from '../../staff/data/texts.ts';

const STATES: Readonly<Record<AttachmentLine['state'], string>> = {
  kept: 'kept',
  due: 'to be fetched',
  'not-fetched': 'not fetched',
};

/** Where a document is opened. */
const attachmentPath = (memberId: string, documentId: string): string =>
  `/staff/members/${memberId}/attachments/${documentId}`;

/** What became of the attachments of a pull: their sum is all that its records name. */
export function attachmentCounts(counts: readonly AttachmentCount[]): Table {
  return {
    name: 'attachments',
    caption: 'Attachments given by address',
    note: 'Records may give a document by an address of the other payer. Each is fetched after its record was taken in, and is accounted for here with the pull that named it last.',
    columns: [
      { key: 'state', label: 'State', kind: 'head' },
      { key: 'type', label: 'Type of the record' },
      { key: 'attachments', label: 'Attachments', kind: 'number' },
      { key: 'bytes', label: 'Bytes kept', kind: 'number' },
      { key: 'reason', label: 'Reason' },
      { key: 'meaning', label: 'Meaning' },
      { key: 'todo', label: 'What to do' },
    ],
    rows: counts.map((c) => {
      const means = c.reason === null ? undefined : meaning('attachment', c.reason);
      return [
        { value: c.state, text: STATES[c.state] },
        { value: c.type },
        numberCell(c.n),
        numberCell(c.bytes),
        codeCell(c.reason, 'attachment'),
        { value: means?.text ?? null },
        { value: means?.todo ?? null },
      ];
    }),
    empty: 'No record of this pull gives one by address.',
  };
}

const stateCell = (a: AttachmentLine): Cell =>
  a.state === 'not-fetched' && a.reason !== null
    ? { ...codeCell(a.reason, 'attachment'), value: a.reason }
    : { value: a.state, text: STATES[a.state] };

/** Documents of some records, each with where it is opened. */
export function attachmentTable(lines: readonly AttachmentLine[], what: (a: AttachmentLine) => string): Table {
  return {
    name: 'attachments',
    caption: 'Attachments given by address',
    columns: [
      { key: 'record', label: 'Of', kind: 'head' },
      { key: 'media', label: 'Kind' },
      { key: 'bytes', label: 'Bytes', kind: 'number' },
      { key: 'state', label: 'State' },
      { key: 'open', label: 'Open' },
      { key: 'sha256', label: 'SHA-256', kind: 'hash' },
    ],
    rows: lines.map((a) => [
      { value: what(a) },
      { value: a.media },
      a.bytes === null ? { value: null } : numberCell(a.bytes),
      stateCell(a),
      a.state === 'kept'
        ? {
            value: a.documentId,
            text: `open, ${grouped(a.bytes ?? 0)} bytes`,
            href: attachmentPath(a.memberId, a.documentId),
          }
        : { value: null },
      { value: a.sha256, code: true },
    ]),
    empty: 'None.',
  };
}

// What is to be reported to a payer, as tables that can be sent to it: in its own ids, without ours and without names.
import type { Deps } from '../../../src/deps.ts';
import type { Table } from '../../../src/ui/table.ts';
import { instantsOf, type Period } from '../../compliance/report/period.ts';
import { findPeer } from '../../peers/peer.ts';
import { LINES_TO_TELL, meaning, THEIR_FAULTS } from '../../reconcile/reasons.ts';
import { ITEM_KINDS } from '../../review/kinds.ts';
import { grouped, numberCell, timeCell } from '../../staff/data/texts.ts';
import { countLinesToTell, faultsToTell, linesToTell, recordsToTell } from './peer-message-rows.ts';

/** Lines that are listed one by one; all are under their pulls. */
const MOST_LINES = 1000;

export async function toTell(
  deps: Pick<Deps, 'database' | 'config'>,
  peerId: string,
  period: Period,
): Promise<{ name: string; tables: Table[] } | undefined> {
  const { sql } = deps.database;
  const peer = await findPeer(sql, peerId);
  if (!peer) return undefined;
  const { timeZone } = deps.config;
  const span = instantsOf(period, timeZone);
  const [records, faults, counts, lines] = await Promise.all([
    recordsToTell(sql, peerId, span),
    faultsToTell(sql, peerId, span),
    countLinesToTell(sql, peerId, span, LINES_TO_TELL),
    linesToTell(sql, peerId, span, LINES_TO_TELL, MOST_LINES),
  ]);
  const all = counts.reduce((n, c) => n + c.n, 0);
  return {
    name: peer.name,
    tables: [
      {
        name: 'records',
        caption: 'Records that people decided to report',
        columns: [
          { key: 'record', label: 'Record there', kind: 'head' },
          { key: 'what', label: 'What is wrong' },
          { key: 'detail', label: 'Detail' },
          { key: 'decided', label: 'Decided' },
          { key: 'line', label: 'Line', kind: 'number' },
          { key: 'sha256', label: 'SHA-256 of the file', kind: 'hash' },
        ],
        rows: records.map((r) => [
          { value: r.sourceId === null ? r.type : `${r.type}/${r.sourceId}`, code: true },
          { value: r.kind, text: ITEM_KINDS[r.kind]?.label ?? r.kind },
          { value: r.detail === '' ? null : r.detail },
          timeCell(r.decidedAt, timeZone),
          { value: r.line },
          { value: r.sha256, code: true },
        ]),
        empty: 'No one decided to report a record in this period.',
      },
      {
        name: 'faults',
        caption: 'What its answers lacked',
        columns: [
          { key: 'what', label: 'What was noted', kind: 'head' },
          { key: 'type', label: 'Type' },
          { key: 'times', label: 'Times', kind: 'number' },
          { key: 'pulls', label: 'Pulls', kind: 'number' },
          { key: 'last', label: 'Last' },
        ],
        rows: faults
          .filter((f) => THEIR_FAULTS.includes(f.kind))
          .map((f) => [
            { value: f.kind, text: meaning('finding', f.kind).text },
            { value: f.type },
            numberCell(f.n),
            numberCell(f.pulls),
            timeCell(f.last, timeZone),
          ]),
        empty: 'Nothing was noted that this payer should know.',
      },
      {
        name: 'kept-out',
        caption: 'How many lines were kept out, by reason',
        columns: [
          { key: 'what', label: 'What is wrong', kind: 'head' },
          { key: 'type', label: 'Type' },
          { key: 'lines', label: 'Lines', kind: 'number' },
          { key: 'pulls', label: 'Pulls', kind: 'number' },
          { key: 'last', label: 'Last' },
        ],
        rows: counts.map((c) => [
          { value: c.reason, text: meaning('reason', c.reason).text },
          c.type === null ? { value: null, text: 'cannot be read' } : { value: c.type, code: true },
          numberCell(c.n),
          numberCell(c.pulls),
          timeCell(c.last, timeZone),
        ]),
        empty: 'No line was kept out that this payer should know of.',
      },
      {
        name: 'lines',
        caption: 'Each of these lines, in its own ids',
        columns: [
          { key: 'record', label: 'Record there', kind: 'head' },
          { key: 'what', label: 'What is wrong' },
          { key: 'line', label: 'Line', kind: 'number' },
          { key: 'sha256', label: 'SHA-256 of the file', kind: 'hash' },
          { key: 'received', label: 'Received' },
        ],
        rows: lines.map((l) => [
          {
            value: l.sourceId === null ? l.type : `${l.type}/${l.sourceId}`,
            code: true,
            ...(l.sourceId === null && l.type === null ? { text: 'cannot be read' } : {}),
          },
          { value: l.reason, text: meaning('reason', l.reason).text },
          { value: l.line },
          { value: l.sha256, code: true },
          timeCell(l.at, timeZone),
        ]),
        empty: 'No line was kept out that this payer should know of.',
        ...(all > lines.length
          ? {
              note: `The first ${grouped(lines.length)} of ${grouped(all)}, of the newest pulls. All are under their pulls.`,
            }
          : {}),
      },
    ],
  };
}

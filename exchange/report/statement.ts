// What passed between a payer and us in a period, without any member: to settle disputes.
import type { Deps } from '../../src/deps.ts';
import type { Table } from '../../src/ui/table.ts';
import { meaning } from '../reconcile/reasons.ts';
import { findPeer } from '../store/peer.ts';
import { complianceRows } from '../store/report-compliance.ts';
import { instantsOf, type Period } from './period.ts';
import { numberCell, requestStateCell, spanText, timeCell } from './words.ts';

export async function peerStatement(
  deps: Pick<Deps, 'database' | 'clock' | 'config'>,
  peerId: string,
  period: Period,
): Promise<{ name: string; table: Table } | undefined> {
  const { sql } = deps.database;
  const peer = await findPeer(sql, peerId);
  if (!peer) return undefined;
  const { timeZone } = deps.config;
  const rows = await complianceRows(sql, 'statement', {
    ...instantsOf(period, timeZone),
    now: deps.clock(),
    peerId,
    lob: null,
  });
  const date = (v: unknown) => (v instanceof Date ? v : null);
  return {
    name: peer.name,
    table: {
      name: 'statement',
      caption: 'Requests both ways, in the order of time',
      columns: [
        { key: 'direction', label: 'Direction', kind: 'head' },
        { key: 'kind', label: 'Kind' },
        { key: 'id', label: 'Id' },
        { key: 'received', label: 'Received or sent' },
        { key: 'due', label: 'Due' },
        { key: 'answered', label: 'Answered' },
        { key: 'took', label: 'Took' },
        { key: 'members', label: 'Members', kind: 'number' },
        { key: 'state', label: 'State' },
        { key: 'reason', label: 'Reason' },
        { key: 'sha256', label: 'SHA-256 of files', kind: 'hash' },
      ],
      rows: rows.map((r) => {
        const [at, done] = [date(r['at']), date(r['answered'])];
        const state = String(r['state']);
        return [
          { value: String(r['direction']) },
          { value: String(r['kind']) },
          { value: String(r['id']), code: true },
          timeCell(at, timeZone),
          timeCell(date(r['due']), timeZone),
          timeCell(done, timeZone),
          at && done
            ? {
                value: Math.round((done.getTime() - at.getTime()) / 1000),
                text: spanText(done.getTime() - at.getTime()),
              }
            : { value: null },
          numberCell(Number(r['size'] ?? 0)),
          r['kind'] === 'pull' ? { value: state, text: meaning('state', state).text } : requestStateCell(state),
          { value: r['reason'] === null || r['reason'] === undefined ? null : String(r['reason']) },
          { value: r['hashes'] === null || r['hashes'] === undefined ? null : String(r['hashes']), code: true },
        ];
      }),
      empty: 'Nothing passed between this payer and us.',
    },
  };
}

// What a payer sent that no record of a member shows, by reason, as it stands now.
import type { Deps } from '../../../src/deps.ts';
import type { Table } from '../../../src/ui/table.ts';
import { complianceRows } from '../../compliance/report/report-figures.ts';
import { look, type Meaning } from '../../reconcile/meaning.ts';
import { meaning } from '../../reconcile/reasons.ts';
import { numberCell } from '../../staff/data/texts.ts';
import { type NotShown, notShown } from './not-shown.ts';

const WHY: Readonly<Record<NotShown['reason'], Meaning>> = {
  withdrawn: look(
    'The member has taken the choice back, or said no.',
    'Nothing: it is shown when the member chooses again.',
  ),
  'identity-doubt': look(
    'The payer may mean another person than the member.',
    'Decide it under Conflicts: whose a record is.',
  ),
  outlived: look(
    'It is a copy of a record that the payer whose it was has taken back, or of ours from before we changed it.',
    'Nothing, unless that was a mistake there.',
  ),
  'denied-since': look('The authorization, or a part of it, was denied since.', 'Nothing.'),
  'preferred-away': look(
    'A person preferred another copy, which is shown.',
    'Nothing: the decision can be taken back under Conflicts.',
  ),
};

/** Records in quarantine, and those that were taken in and are not shown, each under one reason. */
export async function notShownTable(
  deps: Pick<Deps, 'database' | 'clock' | 'config'>,
  peer: { id: string; name: string },
): Promise<Table> {
  const { sql } = deps.database;
  const now = deps.clock();
  const soon = new Date(now.getTime() + 1);
  const scope = { from: now, to: soon, now, peerId: peer.id, lob: null, timeZone: deps.config.timeZone };
  const [held, taken] = [await complianceRows(sql, 'quarantine', scope), await notShown(sql, peer.id)];
  const rows = [
    ...held.map((r) => ({
      code: String(r['reason']),
      kind: 'held back',
      n: Number(r['n']),
      members: null,
      means: meaning('reason', String(r['reason'])),
    })),
    ...taken.map((t) => ({ code: t.reason, kind: 'taken in', n: t.records, members: t.members, means: WHY[t.reason] })),
  ];
  return {
    name: 'not-shown',
    caption: `What ${peer.name} sent and no record shows, as it stands now`,
    columns: [
      { key: 'reason', label: 'Reason', kind: 'head' },
      { key: 'kind', label: 'What it is' },
      { key: 'records', label: 'Records', kind: 'number' },
      { key: 'members', label: 'Members', kind: 'number' },
      { key: 'todo', label: 'What to do' },
    ],
    rows: rows.map((r) => [
      { value: r.code, text: r.means.text },
      { value: r.kind },
      numberCell(r.n),
      r.members === null ? { value: null } : numberCell(r.members),
      { value: r.means.todo },
    ]),
    total: [
      { value: 'Sum' },
      { value: null, text: '' },
      numberCell(rows.reduce((sum, r) => sum + r.n, 0)),
      { value: null, text: '' },
      { value: null, text: '' },
    ],
    empty: 'Everything that it sent is shown.',
  };
}

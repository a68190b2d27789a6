// Records of other people that payers sent, and emergency access to those of members: tables of the compliance report.
import type { Table } from '../../../src/ui/table.ts';
import { meaning } from '../../reconcile/reasons.ts';
import type { Row } from '../../store/report/report-compliance.ts';
import { instants, num, of, table, text } from './compliance-cells.ts';

export function incidentsTable(rows: readonly Row[], timeZone: string): Table {
  const when = instants(timeZone);
  return table(
    'incidents',
    'Records of other people',
    rows,
    [
      [
        'pull',
        'Pull',
        (r) => ({ value: text(r, 'pull'), href: `/staff/pulls/${text(r, 'pull') ?? ''}`, code: true }),
        'head',
      ],
      of('payer', 'Payer'),
      [
        'reason',
        'Reason',
        (r) => ({ value: text(r, 'reason'), text: meaning('reason', text(r, 'reason') ?? '').text }),
      ],
      of('n', 'Records', 'number'),
      when('at', 'When'),
      of('held', 'Still held back', 'number'),
      of('open', 'Of these not decided', 'number'),
      ['days', 'Days open', (r) => ({ value: r['days'] === null ? null : num(r, 'days') }), 'number'],
      when('told', 'List for the payer taken'),
    ],
    'No payer sent records of somebody else.',
  );
}

export function emergenciesTable(rows: readonly Row[], timeZone: string): Table {
  const when = instants(timeZone);
  return table(
    'emergencies',
    'Emergency access to members’ records',
    rows,
    [
      of('subject', 'By', 'head'),
      when('beganAt', 'Opened'),
      of('reason', 'Reason'),
      when('untilAt', 'Until'),
      of('members', 'Members looked at', 'number'),
    ],
    'It was not used.',
  );
}

// Duties that were not met in time, each with its reason. Pure.
import type { Table } from '../../../src/ui/table.ts';
import { CLOCK_RULES, type ClockKind, LATE_REASONS } from '../../members/deadlines/rules.ts';
import { meaning } from '../../reconcile/reasons.ts';
import { clockCell } from '../../staff/data/texts.ts';
import { cutTo, instants, num, of, onPage, text } from './compliance-cells.ts';
import type { Row } from './report-figures.ts';

export function lateTable(
  rows: Row[],
  { timeZone, now, keyOf }: { timeZone: string; now: Date; keyOf: (memberId: string) => string },
): Table {
  const when = instants(timeZone);
  return cutTo(
    onPage(
      'not-in-time',
      'Every clock that was not met in time, with its reason',
      rows,
      [
        [
          'kind',
          'Duty',
          (r) => ({
            value: text(r, 'kind'),
            text: CLOCK_RULES[text(r, 'kind') as ClockKind]?.name ?? '',
            href: `/staff/clocks/${text(r, 'id') ?? ''}`,
          }),
          'head',
        ],
        [
          'member',
          'Member',
          (r) => ({ value: r['memberId'] === null ? null : keyOf(String(r['memberId'])), code: true }),
        ],
        of('payer', 'Other payer'),
        when('dueAt', 'Due'),
        [
          'stands',
          'Stands at',
          (r) =>
            clockCell(
              {
                state: String(r['state']),
                dueAt: r['dueAt'] as Date,
                closedAt: r['closedAt'] as Date | null,
                kind: String(r['kind']),
              },
              now,
            ),
        ],
        [
          'reason',
          'Reason',
          (r) => {
            const code = text(r, 'reason');
            return code === null
              ? { value: null, text: 'no reason given yet', tone: 'act' }
              : { value: code, text: LATE_REASONS[code as keyof typeof LATE_REASONS] ?? meaning('clock', code).text };
          },
        ],
        of('action', 'Corrective action'),
        of('by', 'Said by'),
      ],
      'No clock that is due by now was late or missed.',
    ),
    num(rows[0] ?? {}, 'ofAll'),
  );
}

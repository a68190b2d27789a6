// Was the choice of members in force whenever we asked for them and whenever something of them left? Pure.
import type { Table } from '../../../src/ui/table.ts';
import { eventCell } from '../../members/deadlines/event-texts.ts';
import { numberCell } from '../../staff/data/texts.ts';
import { cutTo, instants, num, of, onPage, table, text } from './compliance-cells.ts';
import type { Row } from './report-figures.ts';

export function choiceTables(
  consents: Row[],
  missed: Row[],
  view: { timeZone: string; keyOf: (memberId: string) => string },
): Table[] {
  const all = consents.reduce((n, r) => n + num(r, 'n') - num(r, 'held'), 0);
  return [
    table(
      'consents',
      'Consent was valid at each request and disclosure',
      consents,
      [
        of('direction', 'What', 'head'),
        of('payer', 'Payer'),
        of('n', 'Times, for each member', 'number'),
        [
          'held',
          'Choice or consent in force',
          (r) => ({ ...numberCell(num(r, 'held')), tone: num(r, 'held') < num(r, 'n') ? 'act' : 'good' }),
          'number',
        ],
      ],
      'Nothing was asked and nothing disclosed.',
    ),
    cutTo(
      onPage(
        'consentsMissed',
        'Requests and disclosures without a choice in force, each',
        missed,
        [
          of('direction', 'What', 'head'),
          of('payer', 'Payer'),
          ['member', 'Member', (r) => ({ value: view.keyOf(String(r['memberId'])), code: true })],
          instants(view.timeZone)('at', 'When'),
          ['object', 'Where', (r) => eventCell(text(r, 'object'))],
          instants(view.timeZone)('learned', 'The no of before was recorded only'),
        ],
        'None: the choice was in force each time.',
      ),
      all,
    ),
  ];
}

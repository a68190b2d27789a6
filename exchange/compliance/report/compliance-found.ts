// What was found: about records that came, and in files that left. Tables of the compliance report.
import type { Cell, Table } from '../../../src/ui/table.ts';
import { meaning } from '../../reconcile/reasons.ts';
import { numberCell } from '../../staff/data/texts.ts';
import { instants, num, of, table, text } from './compliance-cells.ts';
import { type Lead, leading } from './links.ts';
import type { Row } from './report-figures.ts';

export function findingsTable(rows: readonly Row[]): Table {
  const found = (r: Row) => meaning('finding', text(r, 'kind') ?? '');
  return table(
    'findings',
    'Findings',
    rows,
    [
      of('payer', 'Payer', 'head'),
      ['kind', 'Kind', (r) => ({ value: text(r, 'kind'), code: true })],
      of('n', 'Times', 'number'),
      // what people decide nothing about is not open, nor is it settled
      ['open', 'To decide', (r) => (r['open'] === null ? { value: null } : numberCell(num(r, 'open'))), 'number'],
      ['meaning', 'Meaning', (r) => ({ value: found(r).text })],
      ['what', 'What to do', (r) => ({ value: found(r).todo })],
    ],
    'Nothing was found.',
  );
}

/** The lines of a pull with an outcome, of one reason. */
const linesOf = (pull: Row[string] | undefined, outcome: string, reason: Row[string] | undefined): string =>
  `/staff/pulls/${String(pull)}/lines?outcome=${outcome}${typeof reason === 'string' ? `&reason=${encodeURIComponent(reason)}` : ''}`;

/** What is kept out, as of the end of the period, each leading to lines of the newest pull that holds some. */
export function quarantineTable(rows: readonly Row[], { timeZone, lead }: { timeZone: string; lead: Lead }): Table {
  const when = instants(timeZone);
  return table(
    'quarantine',
    'In quarantine at the end of the period',
    rows,
    [
      of('payer', 'Payer', 'head'),
      [
        'reason',
        'Reason',
        (r) => ({ value: text(r, 'reason'), text: meaning('reason', text(r, 'reason') ?? '').text }),
      ],
      leading('n', 'Records', (r) => lead('held', { peer: r['peer'], reason: r['reason'] })),
      leading('discarded', 'of these discarded', (r) =>
        lead('held', { peer: r['peer'], reason: r['reason'], show: 'discarded' }),
      ),
      when('oldest', 'Oldest'),
      [
        'newest',
        'Affected lines (latest pull)',
        (r) => ({
          value: text(r, 'pull'),
          text: num(r, 'pulls') > 1 ? `one of ${num(r, 'pulls')} pulls` : 'the lines',
          href: linesOf(r['pull'], 'quarantined', r['lineReason']),
        }),
      ],
    ],
    'Nothing is in quarantine.',
  );
}

export function rejectedTable(rows: readonly Row[], timeZone: string): Table {
  const when = instants(timeZone);
  return table(
    'rejected',
    'Lines of the period that are no usable record',
    rows,
    [
      of('payer', 'Payer', 'head'),
      [
        'reason',
        'Reason',
        (r) => ({ value: text(r, 'reason'), text: meaning('reason', text(r, 'reason') ?? '').text }),
      ],
      of('n', 'Lines', 'number'),
      when('last', 'Last'),
      [
        'newest',
        'Lines of the newest pull',
        (r) => ({ value: text(r, 'pull'), text: 'the lines', href: linesOf(r['pull'], 'rejected', r['reason']) }),
      ],
    ],
    'Every line was a record.',
  );
}

/** Nothing found proves nothing of what was not looked at. */
function foundCell(r: Row): Cell {
  const [faults, left] = [num(r, 'faults'), num(r, 'exports') - num(r, 'walked')];
  const said = num(r, 'walked') === 0 ? 'not walked yet' : `${faults}; of ${left} not known yet`;
  return {
    value: faults,
    ...(left > 0 ? { text: said } : {}),
    tone: faults > 0 ? 'act' : left > 0 ? 'look' : 'calm',
  };
}

/** The exports that were asked for in the period: what was walked of their files, and what was withheld. */
export function proofsTable(rows: readonly Row[]): Table {
  return table(
    'proofs',
    'Outbound check: every export file scanned for payments, denied or drug authorizations, and other members’ records',
    rows,
    [
      of('payer', 'Made for', 'head'),
      of('exports', 'Exports', 'number'),
      of('walked', 'Walked', 'number'),
      of('files', 'Files', 'number'),
      of('lines', 'Lines', 'number'),
      ['faults', 'Places that must not leave', foundCell, 'number'],
      of('money', 'Withheld: claims and payments', 'number'),
      of('denied', 'Denied or unclear authorizations', 'number'),
      of('drug', 'Authorizations for drugs', 'number'),
      of('sensitive', 'Sensitive beyond the choice', 'number'),
      of('window', 'Before the span of years', 'number'),
    ],
    'No export was made.',
  );
}

// Records of other people that payers sent, cases of incidents, and emergency access to records of members: tables of
// the compliance report.
import type { Table } from '../../../src/ui/table.ts';
import { owed } from '../../members/deadlines/breach.ts';
import { localDay } from '../../members/deadlines/business-day.ts';
import { meaning } from '../../reconcile/reasons.ts';
import { CASE_KINDS, NOTIFIED_WORDS, withState } from '../incidents/cases.ts';
import type { CaseRow, EntryRow } from '../incidents/incident-case.ts';
import { instants, num, of, table, text } from './compliance-cells.ts';
import type { Row } from './report-figures.ts';

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
    'No payer sent records of another person.',
  );
}

/** Those that were open in the period, as they stand now. It names no member: what people wrote is on the page of each. */
export function casesTable(rows: readonly Row[], view: { timeZone: string; now: Date }): Table {
  const when = instants(view.timeZone);
  const today = localDay(view.now, view.timeZone);
  const listed = rows.map((r): Row => {
    const entries = JSON.parse(text(r, 'entries') ?? '[]') as EntryRow[];
    const { state } = withState({ ...(r as unknown as CaseRow), entries });
    const [next] = state.isOpen ? owed(state) : [];
    const isLate = next !== undefined && next.due < today;
    return {
      ...r,
      state: state.isOpen ? (isLate ? 'overdue' : 'open') : 'closed',
      verdict: state.verdict,
      people: state.affected,
      next: next?.of ?? null,
      due: next?.due ?? null,
    };
  });
  return table(
    'cases',
    'Cases of incidents',
    listed,
    [
      [
        'number',
        'No.',
        (r) => ({ value: num(r, 'number'), text: `No. ${num(r, 'number')}`, href: `/staff/cases/${num(r, 'number')}` }),
        'head',
      ],
      [
        'kind',
        'Kind',
        (r) => ({ value: text(r, 'kind'), text: CASE_KINDS[text(r, 'kind') as keyof typeof CASE_KINDS] }),
      ],
      ['discovered', 'Discovered', (r) => ({ value: text(r, 'discoveredOn') })],
      when('openedAt', 'Opened'),
      of('openedBy', 'By'),
      of('state', 'State'),
      [
        'breach',
        'Breach',
        (r) =>
          r['verdict'] === null
            ? { value: null, text: 'not assessed' }
            : { value: text(r, 'verdict'), text: r['verdict'] === 'breach' ? 'yes' : 'no' },
      ],
      ['people', 'People', (r) => ({ value: r['people'] === null ? null : num(r, 'people') }), 'number'],
      [
        'next',
        'Due next',
        (r) => ({
          value: text(r, 'next'),
          text:
            r['next'] === null
              ? 'nothing'
              : r['next'] === 'assess'
                ? 'to be assessed'
                : NOTIFIED_WORDS[text(r, 'next') as keyof typeof NOTIFIED_WORDS],
        }),
      ],
      ['due', 'At the latest', (r) => ({ value: text(r, 'due') })],
    ],
    'No case was open.',
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

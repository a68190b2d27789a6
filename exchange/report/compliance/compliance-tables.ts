// The tables of the compliance report.
import { html } from '../../../src/ui/html.ts';
import type { Table } from '../../../src/ui/table.ts';
import { CLOCK_RULES, type ClockKind } from '../../clocks/rules.ts';
import { meaning, OUTCOME_NAMES, OUTCOMES } from '../../reconcile/reasons.ts';
import type { ComplianceQuery, Row } from '../../store/report/report-compliance.ts';
import type { GivenRows } from '../../store/report/report-given.ts';
import { refusalMeaning } from '../security.ts';
import {
  deed,
  figureTable,
  instants,
  minutes,
  of,
  outcomeRows,
  REQUEST_KINDS,
  table,
  text,
} from './compliance-cells.ts';
import { choiceTables } from './compliance-choice.ts';
import type { Figure, FigureRows } from './compliance-figures.ts';
import { findingsTable, proofsTable, quarantineTable, rejectedTable } from './compliance-found.ts';
import { incidentsTable } from './compliance-incidents.ts';
import { lateTable } from './compliance-late.ts';

/** What only the tables show, beside the rows of the figures. */
export const MORE = [
  'metrics',
  'decisions',
  'education',
  'findings',
  'incidents',
  'notInTime',
  'proofs',
  'refusals',
  'rejected',
] as const satisfies readonly ComplianceQuery[];
/** The Groups of an answer to a match request. */
const ANSWERS: Readonly<Record<string, string>> = {
  match: 'matched',
  nomatch: 'not found',
  consentconstraint: 'found, consent not enough',
};

export type Others = Record<(typeof MORE)[number], Row[]>;
export type MoreRows = Others & Omit<GivenRows, 'disclosed'>;

export function complianceTables(
  had: FigureRows,
  more: MoreRows,
  figureList: readonly Figure[],
  view: { before: string; timeZone: string; now: Date; keyOf: (memberId: string) => string },
): Table[] {
  const when = instants(view.timeZone);
  return [
    figureTable(figureList, view.before),
    table(
      'clocks',
      'Clocks due in the period',
      had.clocks,
      [
        [
          'kind',
          'Duty',
          (r) => ({ value: text(r, 'kind'), text: CLOCK_RULES[text(r, 'kind') as ClockKind]?.name ?? '' }),
          'head',
        ],
        of('due', 'Due', 'number'),
        of('met', 'Met in time', 'number'),
        of('late', 'Met late', 'number'),
        of('overdue', 'Overdue', 'number'),
        of('running', 'Still running', 'number'),
        of('attempted', 'Attempted', 'number'),
        of('blocked', 'Blocked', 'number'),
        of('withdrawn', 'Withdrawn', 'number'),
        of('notApplicable', 'Does not apply', 'number'),
        of('endedLate', 'Of these when overdue', 'number'),
      ],
      'No clock was due.',
    ),
    lateTable(more.notInTime, view),
    table(
      'opt-in',
      'Choices of members',
      [{ ...had.optIn, obeyed: had.withdrawals['obeyed'] ?? 0 }],
      [
        of('offered', 'Offered', 'number'),
        of('afterOffer', 'Opted in after an offer', 'number'),
        of('optedIn', 'Opted in', 'number'),
        of('declined', 'Declined', 'number'),
        of('withdrew', 'Withdrew', 'number'),
        of('obeyed', 'Withdrawals without a later request', 'number'),
        of('representatives', 'By a representative', 'number'),
        of('later', 'Choices recorded after the period', 'number'),
      ],
      '',
    ),
    table(
      'metrics',
      'Payer-to-payer numbers, ready when CMS asks',
      more.metrics,
      [
        of('requested', 'Members we asked for', 'number'),
        of('matched', 'Members matched', 'number'),
        of('received', 'Members whose records came', 'number'),
        of('disclosed', 'Members whose records we gave', 'number'),
        of('asked', 'Requests received', 'number'),
        of('inTime', 'Answered within one business day', 'number'),
        ['median', 'Median minutes to answer', (r) => minutes(r, 'medianMinutes'), 'number'],
      ],
      '',
    ),
    table(
      'we-asked',
      'Requests we made',
      had.weAsked,
      [
        of('payer', 'Payer', 'head'),
        of('pulls', 'Pulls', 'number'),
        of('submitted', 'Members', 'number'),
        of('matched', 'Matched', 'number'),
        of('unmatched', 'Not known there', 'number'),
        of('constrained', 'Consent not enough', 'number'),
        of('exports', 'Exports', 'number'),
        of('files', 'Files', 'number'),
        of('balanced', 'Balanced', 'number'),
        of('waiting', 'With a person', 'number'),
        of('failed', 'Failed or refused', 'number'),
        of('faulty', 'With faults of the payer', 'number'),
        ['median', 'Median minutes', (r) => minutes(r, 'medianMinutes'), 'number'],
        ['p95', '95th percentile', (r) => minutes(r, 'p95Minutes'), 'number'],
      ],
      'We asked nobody.',
    ),
    table(
      'they-asked',
      'Requests we answered',
      had.theyAsked,
      [
        of('payer', 'Payer', 'head'),
        [
          'kind',
          'Kind',
          (r) => ({ value: text(r, 'kind'), text: REQUEST_KINDS[String(r['kind'])] ?? String(r['kind']) }),
        ],
        of('received', 'Received', 'number'),
        of('answered', 'Answered', 'number'),
        of('inTime', 'Within one business day', 'number'),
        of('cancelled', 'Cancelled by the payer', 'number'),
        of('overdue', 'Overdue', 'number'),
        ['median', 'Median minutes', (r) => minutes(r, 'medianMinutes'), 'number'],
        ['p95', '95th percentile', (r) => minutes(r, 'p95Minutes'), 'number'],
      ],
      'Nobody asked.',
    ),
    table(
      'refusals',
      'Refusals to peers, by reason',
      more.refusals,
      [
        of('payer', 'Asked by', 'head'),
        deed('What'),
        [
          'reason',
          'Reason',
          (r) => {
            const code = text(r, 'reason') ?? '';
            const said =
              r['action'] === 'match' ? meaning('decision', code).text : refusalMeaning(String(r['action']), code).text;
            return { value: code, text: said };
          },
        ],
        [
          'by',
          'Decided by',
          (r) => ({
            value: text(r, 'by'),
            ...(r['by'] === null
              ? { text: r['reason'] === 'client-suspended' ? 'nobody has approved it yet' : 'a rule, for everybody' }
              : {}),
          }),
        ],
        of('criterion', 'Why, as they wrote'),
        of('n', 'Times', 'number'),
        when('first', 'First'),
        when('last', 'Last'),
      ],
      'Nothing was refused.',
    ),
    {
      ...table(
        'reconciliation',
        'What became of received lines',
        outcomeRows(had.outcomes),
        [
          of('payer', 'Payer', 'head'),
          of('type', 'Type'),
          ...OUTCOME_NAMES.map((o) => of(o, o, 'number')),
          of('sum', 'Lines', 'number'),
        ],
        'Nothing was received.',
      ),
      note: html`${OUTCOME_NAMES.map((o) => html`<b>${o}</b>: ${OUTCOMES[o].text} `)}`,
    },
    quarantineTable(had.quarantine, view.timeZone),
    rejectedTable(more.rejected, view.timeZone),
    findingsTable(more.findings),
    incidentsTable(more.incidents, view.timeZone),
    proofsTable(more.proofs),
    table(
      'disclosures',
      'Disclosures by recipient',
      more.disclosures,
      [
        of('payer', 'Recipient', 'head'),
        deed('How'),
        of('members', 'Members', 'number'),
        of('rows', 'Times', 'number'),
        when('first', 'First'),
        when('last', 'Last'),
        of('ready', 'Made ready, not fetched', 'number'),
      ],
      'Nothing was disclosed.',
    ),
    ...choiceTables(more.consents, more.consentsMissed, view),
    table(
      'matching',
      'Answers to match requests',
      had.matching,
      [
        of('payer', 'Payer', 'head'),
        [
          'outcome',
          'Answer',
          (r) => ({ value: text(r, 'outcome'), text: ANSWERS[String(r['outcome'])] ?? String(r['outcome']) }),
        ],
        [
          'reason',
          'Why',
          (r) => ({ value: text(r, 'reason'), text: meaning('decision', text(r, 'reason') ?? '').text }),
        ],
        of('n', 'Members', 'number'),
      ],
      'Nobody was looked for.',
    ),
    table(
      'decisions',
      'What people did',
      more.decisions,
      [
        deed('What', 'head'),
        of('actor', 'Who'),
        of('n', 'Times', 'number'),
        when('first', 'First'),
        when('last', 'Last'),
      ],
      'Nobody decided anything.',
    ),
    table(
      'education',
      'Texts shown to members',
      more.education,
      [
        of('id', 'Text', 'head'),
        of('version', 'Version'),
        of('language', 'Language'),
        [
          'sha256',
          'SHA-256',
          (r) => ({ value: text(r, 'sha256'), code: true, href: `/staff/texts/${text(r, 'sha256') ?? ''}` }),
          'hash',
        ],
        when('firstAt', 'First shown'),
        of('kind', 'With'),
        of('channel', 'How'),
        of('n', 'Times', 'number'),
      ],
      'No text was shown.',
    ),
  ];
}

// The tables of the compliance report.
import { html } from '../../../src/ui/html.ts';
import type { Table } from '../../../src/ui/table.ts';
import { CLOCK_RULES, type ClockKind } from '../../members/deadlines/rules.ts';
import { meaning, OUTCOME_NAMES, OUTCOMES } from '../../reconcile/reasons.ts';
import { refusalMeaning } from '../security/security-events.ts';
import { ANSWERS, deed, instants, minutes, of, outcomeRows, REQUEST_KINDS, table, text } from './compliance-cells.ts';
import { choiceTables } from './compliance-choice.ts';
import type { Figure, FigureRows } from './compliance-figures.ts';
import { findingsTable, proofsTable, quarantineTable, rejectedTable } from './compliance-found.ts';
import { casesTable, emergenciesTable, incidentsTable } from './compliance-incidents.ts';
import { lateTable } from './compliance-late.ts';
import { figureTable } from './figure-table.ts';
import { type Lead, leading, type Narrowing } from './links.ts';
import type { GivenRows } from './report-disclosed.ts';
import type { ComplianceQuery, Row } from './report-figures.ts';

/** What only the tables show, beside the rows of the figures. */
export const MORE = [
  'metrics',
  'cases',
  'decisions',
  'education',
  'emergencies',
  'findings',
  'incidents',
  'notInTime',
  'proofs',
  'refusals',
  'rejected',
] as const satisfies readonly ComplianceQuery[];
export type Others = Record<(typeof MORE)[number], Row[]>;
export type MoreRows = Others & Omit<GivenRows, 'disclosed'>;

/** What is counted in the tables whose numbers lead to no list. */
const COUNTED: Readonly<Record<string, string>> = {
  metrics:
    'Members count once over all payers, two who are one person once. Requests received are batches, exports and members asked for one by one; the median is of batches and exports.',
  refusals: 'Times that a payer was refused, as the audit has them. Each is listed under Security.',
  findings: 'What was found in pulls that began in the period; each stands on the page of its pull.',
  proofs: 'Exports that were asked for in the period and are ready; each stands on the page of its request.',
  disclosures:
    'Members count once for each recipient and way, times are disclosures; members lead to who they are, with their times. What left of one stands under Disclosures of the member.',
  decisions:
    'Of the audit, without looks, sign-ins, files taken, reports issued and packs made. Of a member they stand under Members.',
  education: 'Times that a text was shown in the period, with a contact or a choice.',
};
const counted = (of: Table): Table => {
  const note = of.note === undefined ? COUNTED[of.name] : undefined;
  return note === undefined ? of : { ...of, note: html`${note}` };
};

export function complianceTables(
  had: FigureRows,
  more: MoreRows,
  figureList: readonly Figure[],
  view: { before: string; timeZone: string; now: Date; keyOf: (memberId: string) => string; lead: Lead },
): Table[] {
  const when = instants(view.timeZone);
  const { lead } = view;
  const clocks = (key: string, label: string, more: Narrowing) =>
    leading(key, label, (r) => lead('clocks', { show: 'all', duty: r['kind'], ...more }));
  const choices = (key: string, label: string, show: string) => leading(key, label, () => lead('choices', { show }));
  const pulls = (key: string, label: string, show?: string) =>
    leading(key, label, (r) => lead('pulls', { peer: r['id'], show }));
  const asked = (key: string, label: string, show?: string) =>
    leading(key, label, (r) => lead('asked', { peer: r['id'], show }));
  // members who were asked for one by one stand with the other answers
  const requests = (key: string, label: string, show?: string) =>
    leading(key, label, (r) =>
      r['kind'] === 'single'
        ? lead('answers', { peer: r['id'], show: 'single' })
        : lead('requests', { peer: r['id'], kind: r['kind'], show }),
    );
  const tables: Table[] = [
    figureTable(figureList, view.before, lead),
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
        clocks('due', 'Due', {}),
        clocks('met', 'Met in time', { state: 'met' }),
        clocks('late', 'Met late', { state: 'met-late' }),
        clocks('overdue', 'Overdue', { show: 'overdue', state: 'open' }),
        clocks('running', 'Still running', { show: 'ahead', state: 'open' }),
        clocks('attempted', 'Attempted', { state: 'attempted' }),
        clocks('blocked', 'Blocked', { state: 'blocked' }),
        clocks('withdrawn', 'Withdrawn', { state: 'withdrawn' }),
        clocks('notApplicable', 'Does not apply', { state: 'not-applicable' }),
        clocks('endedLate', 'Blocked or withdrawn after the due date', { show: 'ended-late' }),
      ],
      'No clock was due.',
    ),
    lateTable(more.notInTime, view),
    table(
      'opt-in',
      'Choices of members',
      [{ ...had.optIn, obeyed: had.withdrawals['obeyed'] ?? 0 }],
      [
        choices('offered', 'Offered', 'offered'),
        choices('afterOffer', 'Opted in after an offer', 'after-offer'),
        choices('optedIn', 'Opted in', 'opted-in'),
        choices('declined', 'Declined', 'declined'),
        choices('withdrew', 'Withdrew', 'withdrew'),
        choices('obeyed', 'Withdrawals without a later request', 'obeyed'),
        choices('representatives', 'By a representative', 'representatives'),
        choices('later', 'Choices recorded after the period', 'later'),
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
        pulls('pulls', 'Pulls'),
        asked('submitted', 'Members'),
        asked('matched', 'Matched', 'matched'),
        asked('unmatched', 'Not known there', 'unmatched'),
        asked('constrained', 'Consent not enough', 'constrained'),
        asked('unanswered', 'Not answered', 'unanswered'),
        pulls('exports', 'Exports', 'exports'),
        of('files', 'Files', 'number'),
        pulls('balanced', 'Balanced', 'balanced'),
        pulls('waiting', 'With a person', 'waiting'),
        pulls('failed', 'Failed or refused', 'failed'),
        pulls('faulty', 'With faults of the payer', 'faulty'),
        ['median', 'Median minutes', (r) => minutes(r, 'medianMinutes'), 'number'],
        ['p95', '95th percentile', (r) => minutes(r, 'p95Minutes'), 'number'],
      ],
      'We asked no one.',
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
        requests('received', 'Received'),
        requests('answered', 'Answered', 'answered'),
        requests('inTime', 'Within one business day', 'in-time'),
        requests('cancelled', 'Cancelled by the payer', 'cancelled'),
        requests('overdue', 'Overdue', 'overdue'),
        ['median', 'Median minutes', (r) => minutes(r, 'medianMinutes'), 'number'],
        ['p95', '95th percentile', (r) => minutes(r, 'p95Minutes'), 'number'],
      ],
      'No one asked.',
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
              ? { text: r['reason'] === 'client-suspended' ? 'no one has approved it yet' : 'a rule, for everybody' }
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
          ...OUTCOME_NAMES.map((o) =>
            leading(o, o, (r) => lead('lines', { peer: r['peer'], type: r['type'], outcome: o })),
          ),
          leading('sum', 'Lines', (r) => lead('lines', { peer: r['peer'], type: r['type'] })),
        ],
        'Nothing was received.',
      ),
      note: html`${OUTCOME_NAMES.map((o) => html`<b>${o}</b>: ${OUTCOMES[o].text} `)}`,
    },
    quarantineTable(had.quarantine, view),
    rejectedTable(more.rejected, view.timeZone),
    findingsTable(more.findings),
    incidentsTable(more.incidents, view.timeZone),
    casesTable(more.cases, view),
    emergenciesTable(more.emergencies, view.timeZone),
    proofsTable(more.proofs),
    table(
      'disclosures',
      'Disclosures by recipient',
      more.disclosures,
      [
        of('payer', 'Recipient', 'head'),
        deed('How'),
        leading('members', 'Members', (r) => lead('given', { peer: r['peer'], how: r['action'] })),
        of('rows', 'Times', 'number'),
        when('first', 'First'),
        when('last', 'Last'),
        leading('ready', 'Made ready, not fetched', (r) =>
          lead('given', { peer: r['peer'], how: r['action'], show: 'ready' }),
        ),
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
        leading('n', 'Members', (r) =>
          lead('answers', { peer: r['peer'], outcome: r['outcome'], reason: r['reason'] }),
        ),
      ],
      'No one was looked for.',
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
      'No one decided anything.',
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
  return tables.map(counted);
}

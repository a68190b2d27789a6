// The lists behind the numbers of the compliance report, as tables. Pure.
import type { Cell, Table } from '../../../src/ui/table.ts';
import { meaning, OUTCOME_NAMES } from '../../reconcile/reasons.ts';
import { memberCell, numberCell } from '../../staff/data/texts.ts';
import { HOW } from '../disclosures/disclosures.ts';
import { ANSWERS, cutTo, deed, instants, num, of, onPage, type Spec, text } from './compliance-cells.ts';
import type { Behind } from './drill-down-rows.ts';
import type { Row } from './report-figures.ts';

export type BehindView = { timeZone: string; keyOf: (memberId: string) => string; mayOpen: boolean };
type Kind = {
  title: string;
  /** what one row is */
  lead: string;
  /** can it be of one payer? */
  isOfPayers: boolean;
  /** names of the query values that narrow it */
  narrowing: readonly [first?: string, second?: string];
  /** what may stand in them, where that is a closed list */
  known?: Readonly<Record<string, readonly string[]>>;
  shows: Readonly<Record<string, string>>;
  empty: string;
  specs: (view: BehindView) => Spec[];
};

const CHOSEN: Readonly<Record<string, string>> = {
  offer: 'offered',
  'opt-in': 'opted in',
  decline: 'declined',
  withdraw: 'withdrew',
};
const member =
  (view: BehindView) =>
  (r: Row): Cell => {
    const id = text(r, 'memberId');
    return memberCell(id === null ? null : view.keyOf(id), id, view.mayOpen);
  };
const pullCell = (r: Row, more = ''): Cell => {
  const id = text(r, 'pull');
  return id === null
    ? { value: null }
    : { value: id, text: id.slice(0, 8), code: true, href: `/staff/pulls/${id}${more}` };
};
const ASKED_AS = (r: Row): Cell =>
  r['matched'] === true
    ? { value: 'matched', text: 'matched', tone: 'good' }
    : r['constrained'] === true
      ? { value: 'constrained', text: 'consent not enough', tone: 'look' }
      : r['answered'] === true
        ? { value: 'not-matched', text: 'not known there' }
        : { value: 'unanswered', text: 'not answered', tone: 'look' };

export const BEHIND_LISTS: Readonly<Record<Behind, Kind>> = {
  choices: {
    title: 'Choices of members',
    lead: 'Where members are counted, a member stands once, with the newest; where choices are counted, each stands. When a choice was given counts, not when it was recorded.',
    isOfPayers: false,
    narrowing: [],
    shows: {
      offered: 'members who were offered the choice',
      'after-offer': 'members who opted in after an offer',
      'opted-in': 'members who opted in',
      declined: 'members who declined',
      withdrew: 'members who withdrew',
      representatives: 'members for whom a representative chose',
      later: 'choices that were recorded after the period',
      withdrawals: 'withdrawals',
      obeyed: 'withdrawals after which nothing was sent',
      'not-obeyed': 'withdrawals after which something was sent',
    },
    empty: 'None in this period.',
    specs: (view) => [
      ['member', 'Member', member(view), 'head'],
      ['choice', 'What', (r) => ({ value: text(r, 'choice'), text: CHOSEN[text(r, 'choice') ?? ''] ?? '' })],
      instants(view.timeZone)('at', 'When'),
      instants(view.timeZone)('recorded', 'Recorded'),
      of('givenBy', 'Given by'),
      of('channel', 'How'),
      instants(view.timeZone)('sent', 'First sent after it'),
      ['pull', 'By', (r) => pullCell(r)],
      of('times', 'Times', 'number'),
    ],
  },
  asked: {
    title: 'Members we asked for',
    lead: 'Each member once for each payer, however often it was asked, with the newest pull that asked.',
    isOfPayers: true,
    narrowing: [],
    shows: {
      all: 'all',
      matched: 'matched',
      unmatched: 'not known there',
      constrained: 'consent not enough',
      unanswered: 'not answered',
    },
    empty: 'No one was asked for in this period.',
    specs: (view) => [
      ['member', 'Member', member(view), 'head'],
      of('payer', 'Payer'),
      ['answer', 'Answer', ASKED_AS],
      instants(view.timeZone)('at', 'Newest pull began'),
      ['pull', 'Newest pull', (r) => pullCell(r, '#t-members')],
      of('times', 'Pulls', 'number'),
    ],
  },
  answers: {
    title: 'Answers to payers who asked for members',
    lead: 'Each question for a member, by batch or one by one, with what was answered and why.',
    isOfPayers: true,
    narrowing: ['outcome', 'reason'],
    known: { outcome: ['match', 'nomatch', 'consentconstraint'] },
    shows: { all: 'by batch and one by one', single: 'one by one' },
    empty: 'No one was looked for in this period.',
    specs: (view) => [
      instants(view.timeZone)('at', 'Received'),
      of('payer', 'Payer'),
      [
        'request',
        'Asked by',
        (r) => {
          const id = text(r, 'request');
          return id === null
            ? { value: null, text: 'one by one' }
            : { value: id, text: `batch ${id.slice(0, 8)}`, href: `/staff/requests/${id}` };
        },
      ],
      ['outcome', 'Answer', (r) => ({ value: text(r, 'outcome'), text: ANSWERS[text(r, 'outcome') ?? ''] ?? '' })],
      ['reason', 'Why', (r) => ({ value: text(r, 'reason'), text: meaning('decision', text(r, 'reason') ?? '').text })],
      ['member', 'Member', member(view)],
    ],
  },
  lines: {
    title: 'Received lines, by pull',
    lead: 'Pulls that ended in the period, with how many of their lines came to what; the sum is the number of the report. Each number leads to the lines.',
    isOfPayers: true,
    narrowing: ['outcome', 'type'],
    known: { outcome: OUTCOME_NAMES },
    shows: { all: 'all' },
    empty: 'No such line came in this period.',
    specs: (view) => [
      ['pull', 'Pull', (r) => pullCell(r), 'head'],
      of('payer', 'Payer'),
      instants(view.timeZone)('at', 'Ended'),
      of('outcome', 'Outcome'),
      [
        'n',
        'Lines',
        (r) =>
          numberCell(
            num(r, 'n'),
            view.mayOpen
              ? `/staff/pulls/${text(r, 'pull')}/lines?${new URLSearchParams({
                  outcome: text(r, 'outcome') ?? '',
                  ...(r['type'] === null || r['type'] === undefined || r['type'] === ''
                    ? {}
                    : { type: String(r['type']) }),
                })}`
              : undefined,
          ),
        'number',
      ],
    ],
  },
  given: {
    title: 'Members whose records we gave',
    lead: 'Each member once for each recipient and way. What left of whom stands under Disclosures of the member.',
    isOfPayers: true,
    narrowing: ['how'],
    known: { how: Object.keys(HOW) },
    shows: { all: 'given', ready: 'made ready, and not fetched' },
    empty: 'Of no one in this period.',
    specs: (view) => [
      [
        'member',
        'Member',
        (r) => {
          const id = text(r, 'memberId');
          return {
            value: id && view.keyOf(id),
            code: true,
            ...(id !== null && view.mayOpen ? { href: `/staff/disclosures/${id}` } : {}),
          };
        },
        'head',
      ],
      of('payer', 'Recipient'),
      deed('How'),
      instants(view.timeZone)('first', 'First'),
      instants(view.timeZone)('last', 'Last'),
      of('times', 'Times', 'number'),
      of('ready', 'Made ready, not fetched', 'number'),
    ],
  },
  held: {
    title: 'Records in quarantine at the end of the period',
    lead: 'Each record that was held then, once for each reason, with the line of the newest pull that brought it.',
    isOfPayers: true,
    narrowing: ['reason'],
    shows: { all: 'all', waiting: 'that no one discarded', discarded: 'discarded' },
    empty: 'None was held then.',
    specs: (view) => [
      [
        'line',
        'Line',
        (r) => ({
          value: text(r, 'line'),
          text: `${text(r, 'type')} ${text(r, 'id')}`,
          ...(view.mayOpen ? { href: `/staff/pulls/${text(r, 'line')}` } : {}),
        }),
        'head',
      ],
      of('payer', 'Payer'),
      [
        'reason',
        'Reason',
        (r) => ({ value: text(r, 'reason'), text: meaning('reason', text(r, 'reason') ?? '').text }),
      ],
      ['member', 'Member', member(view)],
      instants(view.timeZone)('at', 'Since'),
      [
        'discarded',
        'Discarded',
        (r) => ({ value: r['discarded'] === true, text: r['discarded'] === true ? 'yes' : 'no' }),
      ],
      of('times', 'Pulls that brought it', 'number'),
    ],
  },
};

/** @param what it is narrowed to, in words */
export function behindTable(list: Behind, what: string, rows: Row[], view: BehindView): Table {
  const kind = BEHIND_LISTS[list];
  const specs = kind.specs(view);
  // what nothing of the list has is no column of it
  const used = specs.filter(
    ([key]) =>
      rows.length === 0 ||
      (key === 'times' && list !== 'given'
        ? rows.some((r) => num(r, key) > 1)
        : !['sent', 'pull', 'givenBy', 'recorded'].includes(key) || rows.some((r) => r[key] != null)),
  );
  const table = cutTo(onPage(list, what, rows, used, kind.empty), num(rows[0] ?? {}, 'ofAll'));
  if (list !== 'lines' || rows.length === 0) return table;
  const total = rows.reduce((sum, r) => sum + num(r, 'n'), 0);
  return {
    ...table,
    total: used.map(([key], i) =>
      key === 'n' ? numberCell(total) : i === 0 ? { value: 'Sum' } : { value: null, text: '' },
    ),
  };
}

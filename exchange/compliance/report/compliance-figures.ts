// The figures of the compliance report, each with what it counts. Pure.
import type { Row } from './report-figures.ts';

export type FigureRows = {
  clocks: Row[];
  optIn: Row;
  withdrawals: Row;
  weAsked: Row[];
  theyAsked: Row[];
  matching: Row[];
  outcomes: Row[];
  quarantine: Row[];
};
export type Figure = {
  id: string;
  name: string;
  value: string;
  numerator: number | null;
  denominator: number | null;
  before: string;
  means: string;
  /** where its rows are */
  table?: string;
};

const num = (row: Row | undefined, key: string): number => Number(row?.[key] ?? 0);
const sum = (rows: readonly Row[], key: string): number => rows.reduce((a, r) => a + num(r, key), 0);

/** One decimal; a figure whose denominator is 0 is `n/a`. */
export const share = (part: number, whole: number): string =>
  whole === 0 ? 'n/a' : `${(Math.round((part / whole) * 1000) / 10).toFixed(1)} %`;

type Ratio = [part: number, whole: number];
type Rule = {
  id: string;
  name: string;
  means: string;
  table: string;
  of: (r: FigureRows) => Ratio | string;
  /** kind of the clocks whose share of what was overdue when it ended counts against it: how it is without these is reported as well */
  late?: string;
  /** what has to be reported beside what is counted */
  more?: (r: FigureRows) => string;
};

const clock = (r: FigureRows, kind: string) => r.clocks.find((c) => c['kind'] === kind);
/** met in time of those that count (members/deadlines/deadline-terms.ts) */
const onTime = (r: FigureRows, kind: string): Ratio => {
  const k = clock(r, kind);
  return [num(k, 'met'), num(k, 'counted')];
};
/** Of what takes less than a minute the seconds: `0.0 min` says nothing. */
const took = (minutes: number): string =>
  minutes < 1 ? `${(minutes * 60).toFixed(1)} s` : `${minutes.toFixed(1)} min`;
const time = (r: FigureRows, kind: string): string => {
  const rows = r.theyAsked.filter((t) => t['kind'] === kind && t['medianMinutes'] !== null);
  if (rows.length === 0) return 'n/a';
  const worst = (key: string) => Math.max(...rows.map((t) => num(t, key)));
  return rows.length === 1
    ? `${took(worst('medianMinutes'))} / ${took(worst('p95Minutes'))}`
    : `at most ${took(worst('medianMinutes'))} / ${took(worst('p95Minutes'))} by payer`;
};
/** Outcomes of lines that are in the member's record. */
export const USED = ['created', 'updated', 'unchanged', 'linked-duplicate', 'echo', 'shared'];

const RULES: readonly Rule[] = [
  {
    id: 'F1',
    late: 'C1-offer',
    name: 'Offer on time',
    table: 'clocks',
    means: 'Offers met in time, of those due in the period by now that apply',
    of: (r) => onTime(r, 'C1-offer'),
  },
  {
    id: 'F2',
    late: 'C1b-identify',
    name: 'Identification on time',
    table: 'clocks',
    means: 'Other-payer inquiries completed on time ÷ inquiries due',
    of: (r) => onTime(r, 'C1b-identify'),
  },
  {
    id: 'F3',
    name: 'Opt-in rate',
    table: 'opt-in',
    means: 'Opt-ins during the period ÷ offers during the period. Offers may be older, so this can exceed 100 %.',
    of: (r) => [num(r.optIn, 'afterOffer'), num(r.optIn, 'offered')],
  },
  {
    id: 'F4',
    late: 'C2',
    name: 'Request on time',
    table: 'clocks',
    means:
      'Requests made on time ÷ requests due. Requests cancelled because the member withdrew or left are not counted',
    of: (r) => onTime(r, 'C2'),
  },
  {
    id: 'F5',
    name: 'Response on time',
    table: 'clocks',
    means:
      'Export answers within one business day, of those due by now, less those that the payer cancelled or that ended with its suspension before they were late',
    of: (r) => onTime(r, 'C3-export'),
  },
  {
    id: 'F6',
    name: 'Match response time',
    table: 'they-asked',
    means: 'Median and 95th percentile from receipt to answer',
    of: (r) => time(r, 'match'),
  },
  {
    id: 'F7',
    name: 'Export response time',
    table: 'they-asked',
    means: 'Median and 95th percentile from receipt to files ready',
    of: (r) => time(r, 'export'),
  },
  {
    id: 'F8',
    late: 'C4',
    name: 'Quarterly on time',
    table: 'clocks',
    means:
      'Quarterly requests met in time, of those due by now, less those that a withdrawal or the end of a coverage ended before they were late',
    of: (r) => onTime(r, 'C4'),
  },
  {
    id: 'F9',
    name: 'Match rate (we ask)',
    table: 'we-asked',
    means: 'Members matched, of those submitted, whether their payer answered or not',
    of: (r) => [sum(r.weAsked, 'matched'), sum(r.weAsked, 'submitted')],
  },
  {
    id: 'F10',
    name: 'Constrained rate',
    table: 'we-asked',
    means: 'Members whose consent was not enough there, of those submitted',
    of: (r) => [sum(r.weAsked, 'constrained'), sum(r.weAsked, 'submitted')],
  },
  {
    id: 'F11',
    name: 'Answer rate (they ask)',
    table: 'matching',
    means: 'Members put into the match Group, of those submitted to us',
    of: (r) => [
      sum(
        r.matching.filter((m) => m['outcome'] === 'match'),
        'n',
      ),
      sum(r.matching, 'n'),
    ],
  },
  {
    id: 'F12',
    name: 'Incorporated share',
    table: 'reconciliation',
    means: 'Lines created, updated, unchanged, linked, shared or returned copies ÷ all lines',
    of: (r) => [
      sum(
        r.outcomes.filter((o) => USED.includes(String(o['outcome']))),
        'n',
      ),
      sum(r.outcomes, 'n'),
    ],
  },
  {
    id: 'F13',
    name: 'Quarantine rate',
    table: 'quarantine',
    means: 'Records in quarantine at the end that no one discarded, of all lines of the period',
    of: (r) => [sum(r.quarantine, 'n') - sum(r.quarantine, 'discarded'), sum(r.outcomes, 'n')],
  },
  {
    id: 'F14',
    name: 'Balanced pulls',
    table: 'we-asked',
    means: 'Balanced pulls ÷ pulls that finished (balanced or waiting for review)',
    of: (r) => [sum(r.weAsked, 'balanced'), sum(r.weAsked, 'finished')],
  },
  {
    id: 'F15',
    name: 'Peer fault rate',
    table: 'we-asked',
    means:
      'Exports with a fault of the payer, be it a finding or that a person had to decide about the files, of exports received',
    of: (r) => [sum(r.weAsked, 'faulty'), sum(r.weAsked, 'exports')],
  },
  {
    id: 'F16',
    name: 'Withdrawal effect',
    table: 'opt-in',
    means: 'Withdrawals after which no request was sent, of all, by when they were given',
    more: (r) => learnedText(num(r.withdrawals, 'learned')),
    of: (r) => [num(r.withdrawals, 'obeyed'), num(r.withdrawals, 'all')],
  },
];

/** No one can obey what is not known yet; the member's word holds all the same (docs/decisions/024). */
const learnedText = (n: number): string =>
  n === 0 ? '' : `. Of the others ${n} became known here only after the request`;

/** What a figure counts; where late is late (docs/decisions/021), also how it is when all that ended is left out. */
function meansOf(rule: Rule, is: Ratio | undefined, r: FigureRows): string {
  if (rule.late === undefined || is === undefined) return `${rule.means}${rule.more?.(r) ?? ''}`;
  const [met, due] = [is[0], is[1] - num(clock(r, rule.late), 'endedLate')];
  return `${rule.means}. With all left out that ended unmet, overdue or not: ${share(met, due)} (${met} of ${due})`;
}

export function figures(now: FigureRows, before: FigureRows): Figure[] {
  return RULES.map((rule) => {
    const is = rule.of(now);
    const was = rule.of(before);
    const ratio = typeof is === 'string' ? undefined : is;
    return {
      id: rule.id,
      name: rule.name,
      table: rule.table,
      means: meansOf(rule, ratio, now),
      value: typeof is === 'string' ? is : share(...is),
      numerator: ratio ? ratio[0] : null,
      denominator: ratio ? ratio[1] : null,
      before: typeof was === 'string' ? was : share(...was),
    };
  });
}

// Where each number of the compliance report leads: to a list with as many rows. Pure.
import type { Cell } from '../../../src/ui/table.ts';
import { numberCell } from '../../staff/data/texts.ts';
import { num, type Spec } from './compliance-cells.ts';
import { USED } from './compliance-figures.ts';
import type { Row } from './report-figures.ts';

/** Lists that a number leads to. The first four are pages of their own, the others stand under `/staff/compliance/rows`. */
export type LeadsTo = 'clocks' | 'pulls' | 'requests' | 'choices' | 'asked' | 'answers' | 'lines' | 'given' | 'held';
/** `period` under which name each page takes it */
const PAGES: Readonly<Record<LeadsTo, { path: string; period: string }>> = {
  clocks: { path: '/staff/clocks', period: 'due' },
  pulls: { path: '/staff/pulls', period: 'began' },
  requests: { path: '/staff/requests', period: 'received' },
  choices: { path: '/staff/compliance/rows/choices', period: 'period' },
  asked: { path: '/staff/compliance/rows/asked', period: 'period' },
  answers: { path: '/staff/compliance/rows/answers', period: 'period' },
  lines: { path: '/staff/compliance/rows/lines', period: 'period' },
  given: { path: '/staff/compliance/rows/given', period: 'period' },
  held: { path: '/staff/compliance/rows/held', period: 'period' },
};
/** Lists that are of everybody, whichever payer or line of business the report is of. */
const NO_PEER: readonly LeadsTo[] = ['choices'];
const NO_LOB: readonly LeadsTo[] = ['pulls', 'requests', 'answers'];

export type Narrowing = Readonly<Record<string, string | number | boolean | Date | null | undefined>>;
/** The address of a list of a report's scope. */
export type Lead = (to: LeadsTo, narrowing?: Narrowing) => string;

/** @param scope of the report: `period` by its name */
export function leads(scope: { period: string; peerId: string | undefined; lob: string | undefined }): Lead {
  return (to, narrowing = {}) => {
    const { path, period } = PAGES[to];
    const all: Narrowing = {
      [period]: scope.period,
      peer: NO_PEER.includes(to) ? undefined : scope.peerId,
      lob: NO_LOB.includes(to) ? undefined : scope.lob,
      ...narrowing,
    };
    const given = Object.entries(all).filter(([, v]) => v !== undefined && v !== null);
    return `${path}?${new URLSearchParams(given.map(([k, v]) => [k, String(v)]))}`;
  };
}

/** A column of numbers, each of which leads to its rows. */
export const leading = (key: string, label: string, href: (row: Row) => string): Spec => [
  key,
  label,
  (r): Cell => numberCell(num(r, key), href(r)),
  'number',
];

type Target = [to: LeadsTo, narrowing: Narrowing];
const ofDuty = (duty: string): [Target, Target] => [
  ['clocks', { show: 'all', duty, state: 'met' }],
  ['clocks', { show: 'counted', duty }],
];
/** Rows of the numerator and of the denominator of each figure; of a figure without them, what it is the middle of. */
const FIGURE_ROWS: Readonly<Record<string, readonly [Target, Target?]>> = {
  F1: ofDuty('C1-offer'),
  F2: ofDuty('C1b-identify'),
  F3: [
    ['choices', { show: 'after-offer' }],
    ['choices', { show: 'offered' }],
  ],
  F4: ofDuty('C2'),
  F5: ofDuty('C3-export'),
  F6: [['requests', { kind: 'match', show: 'answered' }]],
  F7: [['requests', { kind: 'export', show: 'answered' }]],
  F8: ofDuty('C4'),
  F9: [
    ['asked', { show: 'matched' }],
    ['asked', {}],
  ],
  F10: [
    ['asked', { show: 'constrained' }],
    ['asked', {}],
  ],
  F11: [
    ['answers', { outcome: 'match' }],
    ['answers', {}],
  ],
  F12: [
    ['lines', { outcome: USED.join(' ') }],
    ['lines', {}],
  ],
  F13: [
    ['held', { show: 'waiting' }],
    ['lines', {}],
  ],
  F14: [
    ['pulls', { show: 'balanced' }],
    ['pulls', { show: 'finished' }],
  ],
  F15: [
    ['pulls', { show: 'faulty' }],
    ['pulls', { show: 'exports' }],
  ],
  F16: [
    ['choices', { show: 'obeyed' }],
    ['choices', { show: 'withdrawals' }],
  ],
};

/** Where numerator and denominator of a figure lead. */
export const figureRows = (lead: Lead, id: string): [string | undefined, string | undefined] => {
  const [part, whole] = FIGURE_ROWS[id] ?? [];
  return [part && lead(...part), whole && lead(...whole)];
};

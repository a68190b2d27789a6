// Which clocks a list of /staff/clocks shows: what is chosen in its address.
import type { Deps } from '../../src/deps.ts';
import { instantsOf, readPeriod } from '../compliance/report/period.ts';
import { addMonths, localDay } from '../members/deadlines/business-day.ts';
import { CLOCK_RULES, type ClockKind, LINES_OF_BUSINESS, type LineOfBusiness } from '../members/deadlines/rules.ts';
import { CLOCK_STATES } from './data/lists.ts';
import type { StaffContext } from './frame.ts';
import { choice } from './paging.ts';

export const CLOCK_FILTERS = {
  open: 'running',
  ahead: 'not due yet',
  soon: 'due soon',
  overdue: 'overdue now',
  late: 'late',
  unmet: 'not met in time, for whatever reason',
  'ended-late': 'ended by something else when they were overdue',
  blocked: 'blocked',
  closed: 'ended',
  counted: 'counted in the share met in time',
  all: 'all',
} as const;
export const CLOCK_STATE_WORDS: Readonly<Record<(typeof CLOCK_STATES)[number], string>> = {
  open: 'running',
  met: 'met in time',
  'met-late': 'met late',
  attempted: 'asked in vain',
  blocked: 'blocked',
  withdrawn: 'ended: withdrawn',
  'not-applicable': 'does not apply',
};

/** Months that can be chosen for when a duty began, the newest first. */
const MONTHS = 24;

export function readClockList(
  c: StaffContext,
  { clock, config: { timeZone } }: Pick<Deps, 'clock' | 'config'>,
  peers: readonly { id: string }[],
) {
  const days = c.req.query('during')?.trim() ?? '';
  const during = readPeriod(days);
  // of days that are over, all that ran then is meant, what has ended since too
  const usual = during || c.req.query('state') ? ('all' as const) : ('open' as const);
  const filter = choice(c, 'show', Object.keys(CLOCK_FILTERS) as (keyof typeof CLOCK_FILTERS)[]) ?? usual;
  const thisMonth = `${localDay(clock(), timeZone).slice(0, 7)}-01`;
  // any period may stand in an address that someone writes
  const began = readPeriod(c.req.query('began') ?? '');
  const given = c.req.query('due')?.trim() ?? '';
  const due = readPeriod(given);
  return {
    filter,
    usual,
    days,
    during,
    given,
    due,
    began,
    months: Array.from({ length: MONTHS }, (_, i) => addMonths(thisMonth, -i).slice(0, 7)),
    scope: {
      duty: choice(c, 'duty', Object.keys(CLOCK_RULES) as ClockKind[]),
      state: choice(c, 'state', CLOCK_STATES),
      peerId: choice(
        c,
        'peer',
        peers.map((p) => p.id),
      ),
      lob: choice(c, 'lob', Object.keys(LINES_OF_BUSINESS) as LineOfBusiness[]),
      due: due && instantsOf(due, timeZone),
      began: began && instantsOf(began, timeZone),
      during: during && instantsOf(during, timeZone),
    },
  };
}

// Times, spans and codes as a reader says them. Pure; `now` and the zone are passed in.
import type { Cell, Tone } from '../../../src/ui/table.ts';
import { timeCell, timeText } from '../../../src/ui/time.ts';
import { CLOCK_RULES } from '../../members/deadlines/rules.ts';
import { type CodeKind, meaning } from '../../reconcile/reasons.ts';

export { timeCell, timeText };

/** A span in its two greatest units: `2 days 3 hours`, `5 minutes`. */
export function spanText(ms: number): string {
  const minutes = Math.floor(Math.abs(ms) / 60_000);
  const units: [number, string][] = [
    [Math.floor(minutes / 1440), 'day'],
    [Math.floor((minutes % 1440) / 60), 'hour'],
    [minutes % 60, 'minute'],
  ];
  const first = units.findIndex(([n]) => n > 0);
  if (first === -1) return 'less than a minute';
  return units
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => count(n, unit))
    .join(' ');
}

export const grouped = (n: number): string => n.toLocaleString('en-US');

/** `1 record`, `2 records`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${grouped(n)} ${n === 1 ? one : many}`;
}

/** How the clock of a payer stands to ours. @param seconds by which it is ahead */
export const aheadText = (seconds: number): string =>
  `its clock is ${spanText(seconds * 1000)} ${seconds > 0 ? 'ahead of' : 'behind'} ours: one of the two is wrong, and tokens may be refused`;

/** A number with thousands separated; `href` only when there is something to see. */
export function numberCell(n: number, href?: string): Cell {
  return { value: n, text: grouped(n), ...(href !== undefined && n > 0 ? { href } : {}) };
}

/**
 * How late what ended is. A choice of which only the day is known counts from the first instant of that day, the one
 * after a due day ends.
 */
const overText = (ms: number): string => (ms === 1 ? 'a day, as far as days are known' : spanText(ms));

/** Where a clock stands, at a time. */
export function clockCell(
  clock: { state: string; dueAt: Date; closedAt?: Date | null; kind?: string },
  now: Date,
): Cell {
  const left = clock.dueAt.getTime() - now.getTime();
  const say = (text: string, tone: Tone): Cell => ({ value: text, tone });
  switch (clock.state) {
    case 'met':
      return say('met in time', 'good');
    case 'met-late':
      return say(
        clock.closedAt ? `met ${overText(clock.closedAt.getTime() - clock.dueAt.getTime())} late` : 'met late',
        'act',
      );
    case 'withdrawn':
    case 'not-applicable': {
      const words =
        clock.state === 'not-applicable'
          ? 'does not apply'
          : clock.kind?.startsWith('C3') === true
            ? 'ended: the payer cancelled'
            : 'ended: the member’s choice';
      const over = clock.closedAt ? clock.closedAt.getTime() - clock.dueAt.getTime() : 0;
      return over > 0 ? say(`${words}, when it was late by ${overText(over)}`, 'act') : say(words, 'calm');
    }
    case 'blocked':
      return say(left >= 0 ? 'blocked' : `blocked, late by ${spanText(left)}`, left >= 0 ? 'look' : 'act');
    case 'attempted':
      return say(
        left >= 0 ? `asked, ${spanText(left)} left` : `asked, late by ${spanText(left)}`,
        left >= 0 ? 'look' : 'act',
      );
    default:
      return left >= 0 ? say(`${spanText(left)} left`, 'calm') : say(`late by ${spanText(left)}`, 'act');
  }
}

export const CLOCK_KINDS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(CLOCK_RULES).map(([kind, rule]) => [kind, rule.name]),
);

export const CAUSES: Readonly<Record<string, string>> = {
  'opt-in': 'Members’ choice: what was due',
  comparison: 'Everything once a quarter, to compare',
  command: 'Started by hand',
};

const REQUEST_STATES: Readonly<Record<string, { text: string; tone: Tone }>> = {
  queued: { text: 'Waiting', tone: 'calm' },
  running: { text: 'At work', tone: 'calm' },
  complete: { text: 'Answered', tone: 'good' },
  failed: { text: 'Failed', tone: 'act' },
  cancelled: { text: 'Ended by the asker', tone: 'calm' },
  revoked: { text: 'Revoked (consent or approval ended)', tone: 'look' },
};
/** State of a request to us. `wasAnswered`: the asker ended it after it had the answer, which is how it should be. */
export function requestStateCell(state: string, wasAnswered = false): Cell {
  if (state === 'cancelled' && wasAnswered)
    return { value: state, text: 'Answered, and ended by the asker', tone: 'good' };
  const row = REQUEST_STATES[state];
  return { value: state, text: row?.text ?? state, ...(row ? { tone: row.tone } : {}) };
}

/** State of a pull: `value` is the code. */
export function pullStateCell(state: string): Cell {
  const known = meaning('state', state);
  return { value: state, text: known.text, tone: state === 'done' ? 'good' : known.severity };
}

/** A code as it stands in the data. */
export function codeCell(code: string | null, kind?: CodeKind, href?: string): Cell {
  if (code === null) return { value: null };
  const severity = kind === undefined ? undefined : meaning(kind, code).severity;
  return { value: code, code: true, ...(severity ? { tone: severity } : {}), ...(href === undefined ? {} : { href }) };
}

/** A member by key, which leads to the member where who looks may see records. */
export const memberCell = (key: string | null, memberId: string | null, mayOpen = true): Cell =>
  key === null || memberId === null
    ? { value: null }
    : { value: key, code: true, ...(mayOpen ? { href: `/staff/members/${memberId}` } : {}) };

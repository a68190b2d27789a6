// What the figures of a period count of its clocks, as SQL: the report and the list behind each number say it with the same words.

/** May clock `c` still be met in time, at an instant? */
const NOT_YET = (c: string, now: string) =>
  `(${c}.state in ('open', 'attempted', 'blocked') and ${c}.due_at >= ${now})`;

/** Did what ended clock `c` (a choice, a coverage, a death, the payer that asked) end it when it was overdue? docs/decisions/021 */
export const ENDED_LATE = (c: string) =>
  `(${c}.state in ('withdrawn', 'not-applicable') and ${c}.closed_at > ${c}.due_at)`;

/** Does clock `c` count in the share of its duty met in time: not what may still be met, nor what ended before it was late. */
export const COUNTS = (c: string, now: string) =>
  `(not ${NOT_YET(c, now)} and (${c}.state not in ('withdrawn', 'not-applicable') or ${ENDED_LATE(c)}))`;

/**
 * Will be late soon when nothing happens: in the last fifth of its time, two days at most; an answer to a payer in its
 * last two hours. As SQL, with `now` a parameter. deadline_due.
 */
export const DUE_SOON = (c: string, now: string): string => `${c}.state in ('open', 'attempted')
  and ${c}.due_at >= ${now}::timestamptz and ${c}.due_at < ${now}::timestamptz + interval '2 days'
  and ${c}.due_at - ${now}::timestamptz <= case when ${c}.kind in ('C3-match', 'C3-export') then interval '2 hours'
    else (${c}.due_at - ${c}.starts_at) * 0.2 end`;

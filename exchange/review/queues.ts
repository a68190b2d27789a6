// What waits for people, by who decides it and until when it should be decided. Pure. Targets are those of spec compliance.md §9 (a design of ours, no rule).
import { addDays, type Day, nextBusinessDay } from '../members/deadlines/business-day.ts';

type Holidays = { extraHolidays: readonly Day[] };
export type Queue = {
  label: string;
  owner: string;
  /** in words */
  target: string;
  /** the last day on which something that came on a day is in time; undefined where nothing is wanted */
  dueOn?: (day: Day, calendar: Holidays) => Day;
  /** kinds of items in it; none of what is no item */
  kinds: readonly string[];
};

const within =
  (days: number) =>
  (day: Day, { extraHolidays }: Holidays): Day => {
    let due = day;
    for (let n = 0; n < days; n++) due = nextBusinessDay(due, extraHolidays);
    return due;
  };

export const QUEUES = {
  persons: {
    label: 'Whose a record is',
    owner: 'privacy',
    target: 'the same day',
    dueOn: within(0),
    kinds: ['wrong-patient', 'identity-doubt', 'contained-person', 'patient-change', 'ambiguous-match', 'two-cards'],
  },
  clocks: {
    label: 'Duties that are overdue',
    owner: 'compliance',
    target: 'the same day',
    dueOn: within(0),
    kinds: [],
  },
  pulls: {
    label: 'Pulls that do not balance, or wait',
    owner: 'operations',
    target: '1 business day',
    dueOn: within(1),
    kinds: [],
  },
  safety: {
    label: 'Contradictions that matter for care',
    owner: 'clinical reviewer',
    target: '5 business days',
    dueOn: within(5),
    kinds: [
      'deceased-mismatch',
      'status-mismatch',
      'dosage-mismatch',
      'value-mismatch',
      'echo-modified',
      'own-unclear-pa',
      'unclear-pa',
    ],
  },
  quarantine: {
    label: 'Records that are held back',
    owner: 'data quality',
    target: '10 business days',
    dueOn: within(10),
    kinds: [
      'consent-scope',
      'consent-withdrawn',
      'named-in-error',
      'modifier-extension',
      'implicit-rules',
      'invalid-resource',
      'denied-pa',
      'drug-pa',
    ],
  },
  chains: {
    label: 'Versions of claims that do not fit',
    owner: 'data quality',
    target: '30 days',
    dueOn: (day) => addDays(day, 30),
    kinds: ['chain-anomaly'],
  },
  events: {
    label: 'Security events that nobody has reviewed',
    owner: 'security',
    target: '7 days',
    dueOn: (day) => addDays(day, 7),
    kinds: [],
  },
  others: {
    label: 'Other contradictions',
    owner: 'data quality',
    target: 'none',
    kinds: ['possible-duplicate', 'duplicate-order', 'demographic-mismatch', 'coverage-overlap'],
  },
} as const satisfies Record<string, Queue>;
export type QueueName = keyof typeof QUEUES;

/** Nothing is wanted later than this many days after it came. */
const LONGEST = 60;

/** The last day on which something came that should have been decided before a day; undefined where nothing is wanted. */
export function lastPast(queue: Queue, today: Day, calendar: Holidays): Day | undefined {
  if (queue.dueOn === undefined) return undefined;
  let day = addDays(today, -1);
  for (let n = 0; n < LONGEST && queue.dueOn(day, calendar) >= today; n++) day = addDays(day, -1);
  return day;
}

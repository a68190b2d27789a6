// The table of alerts on the overview.
import type { Cell, Table } from '../../src/ui/table.ts';
import type { Alert, ListedAlert } from './data/lists.ts';
import { CLOCK_KINDS, grouped, timeCell } from './data/texts.ts';

const KINDS: Readonly<Record<Alert['kind'], { text: string; href: (subject: string) => string }>> = {
  'clocks-overdue': {
    text: 'Clocks are overdue',
    href: (duty) => `/staff/clocks?show=overdue&duty=${encodeURIComponent(duty)}`,
  },
  'clocks-due-soon': {
    text: 'Clocks are due soon, and what is to be done is not done',
    href: (duty) => `/staff/clocks?show=soon&duty=${encodeURIComponent(duty)}`,
  },
  'pull-waits': { text: 'A pull waits for a person', href: (id) => `/staff/pulls/${id}` },
  'pull-incomplete': {
    text: 'The last answer of a payer was not complete, and it is not asked again by itself',
    href: (id) => `/staff/pulls/${id}`,
  },
  'pull-failed': {
    text: 'The last pull from a payer failed, and it is not asked again by itself',
    href: (id) => `/staff/pulls/${id}`,
  },
  'pull-repeats': {
    text: 'The answers of a payer are not complete time after time, and it is asked for the same each time',
    href: (id) => `/staff/pulls/${id}`,
  },
  'release-waits': {
    text: 'A decision about a held record is not carried out',
    href: (id) => `/staff/conflicts/${id}`,
  },
  'peer-failing': { text: 'Pulls from a payer fail again and again', href: (id) => `/staff/peers/${id}` },
  'types-refused': {
    text: 'A payer gives no records of some types, which are missing',
    href: (id) => `/staff/peers/${id}`,
  },
  'wrong-patient': { text: 'A payer sent records of another person', href: (id) => `/staff/pulls/${id}` },
  'one-for-two': { text: 'A payer gave one person for two of our members', href: (id) => `/staff/pulls/${id}` },
  'audit-changed': { text: 'The audit trail was changed', href: () => '/staff/trail' },
  'peer-changed': { text: 'A payer publishes other addresses than its record has', href: (id) => `/staff/peers/${id}` },
  'must-not-leave': { text: 'An export holds what must not leave', href: (id) => `/staff/requests/${id}` },
  'request-failed': {
    text: 'A request of a payer failed and is not tried again',
    href: (id) => `/staff/requests/${id}`,
  },
  'request-waits': {
    text: 'Export failing (e.g. disk full); retrying',
    href: (id) => `/staff/requests/${id}`,
  },
  'request-kept': {
    text: 'Retention: match request could not be deleted',
    href: (id) => `/staff/requests/${id}`,
  },
  'emergency-access': {
    text: 'An administrator has members’ records open by emergency access',
    href: () => '/staff/emergency',
  },
  'unusual-members': {
    text: 'A payer asked for many more members in a day than is usual for it',
    href: (id) => `/staff/peers/${id}#t-volume`,
  },
  'unusual-records': {
    text: 'A payer took many more records in a day than is usual for it',
    href: (id) => `/staff/peers/${id}#t-volume`,
  },
  'unusual-looks': {
    text: 'A person had numbers and birth dates of unusually many members shown in a day',
    href: () => '/staff/events?reason=unusual-looks',
  },
  'card-trying': {
    text: 'A payer tries cards or people: its questions about them are not looked at, and are answered as no match',
    href: (id) => `/staff/matches?peer=${encodeURIComponent(id)}&reason=throttled`,
  },
  'match-misses': {
    text: 'A payer asks for many people who are not found here',
    href: (id) => `/staff/matches?peer=${encodeURIComponent(id)}&reason=no-match`,
  },
  'match-sequence': {
    text: 'A payer asks for card numbers in a row, most of which are no member’s',
    href: (id) => `/staff/events?peer=${encodeURIComponent(id)}&reason=sequential-ids`,
  },
  'restore-due': {
    text: 'Restore drill overdue',
    href: () => '/staff/restores',
  },
  'case-due': {
    text: 'Incident: an assessment or notification is due within days',
    href: (number) => `/staff/cases/${number}`,
  },
  'case-overdue': {
    text: 'Incident: an assessment or notification is overdue',
    href: (number) => `/staff/cases/${number}`,
  },
  'quarantine-full': { text: 'Many records are in quarantine', href: () => '/staff/compliance#t-quarantine' },
};

/** What the amount of an alert counts, one and several; where nothing stands, it is what the alert is about. */
const UNITS: Readonly<Partial<Record<Alert['kind'], readonly [string, string]>>> = {
  'clocks-overdue': ['clock', 'clocks'],
  'clocks-due-soon': ['clock', 'clocks'],
  'peer-failing': ['pull', 'pulls'],
  'types-refused': ['type', 'types'],
  'wrong-patient': ['record', 'records'],
  'one-for-two': ['member', 'members'],
  'must-not-leave': ['place', 'places'],
  'request-failed': ['try', 'tries'],
  'request-waits': ['try', 'tries'],
  'unusual-members': ['member', 'members'],
  'unusual-records': ['record', 'records'],
  'unusual-looks': ['member', 'members'],
  'card-trying': ['question', 'questions'],
  'match-misses': ['member', 'members'],
  'match-sequence': ['number', 'numbers'],
  'restore-due': ['day', 'days'],
  'case-due': ['day', 'days'],
  'case-overdue': ['day', 'days'],
  'peer-changed': ['address', 'addresses'],
  'quarantine-full': ['record', 'records'],
};

const amountCell = ({ kind, amount }: Alert): Cell => {
  const [one, several] = UNITS[kind] ?? [];
  const unit = amount === 1 ? one : several;
  return { value: amount, text: unit === undefined ? grouped(amount) : `${grouped(amount)} ${unit}` };
};

/** Alerts on the overview. */
export const MOST_ALERTS = 50;

/** @param alerts one more than {@link MOST_ALERTS} where there are more */
export function alertTable(alerts: readonly ListedAlert[], timeZone: string): Table {
  const about = (a: ListedAlert): Cell => ({
    value: a.subject,
    text:
      a.payer ??
      (a.kind.startsWith('clocks-') ? CLOCK_KINDS[a.subject] : undefined) ??
      (a.kind.startsWith('case-') ? `Case No. ${a.subject}` : a.subject),
    href: a.decided === null ? KINDS[a.kind].href(a.subject) : `/staff/pulls/${a.decided}`,
  });
  return {
    name: 'alerts',
    caption: 'Alerts',
    columns: [
      { key: 'what', label: 'What', kind: 'head' },
      { key: 'about', label: 'About' },
      { key: 'amount', label: 'How much', kind: 'number' },
      { key: 'since', label: 'Since' },
      { key: 'until', label: 'Until' },
      { key: 'told', label: 'Sent' },
    ],
    ...(alerts.length > MOST_ALERTS ? { note: `There are more: these are the newest ${MOST_ALERTS} that go on.` } : {}),
    rows: alerts
      .slice(0, MOST_ALERTS)
      .map((a) => [
        { value: a.kind, text: KINDS[a.kind].text, tone: a.clearedAt === null ? 'act' : 'calm' },
        about(a),
        amountCell(a),
        timeCell(a.firstAt, timeZone),
        a.clearedAt === null ? { value: null, text: 'goes on' } : timeCell(a.clearedAt, timeZone),
        timeCell(a.sentAt, timeZone),
      ]),
    empty: 'Nothing needs attention.',
  };
}

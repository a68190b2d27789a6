// Cases of incidents: opened from what was seen, with each thing that was found, done and reported of them, until
// someone closes them (45 CFR 164.308(a)(6), 164.404 to 164.414).
import type { Deps } from '../../../src/deps.ts';
import type { Condition } from '../../alerts/alert.ts';
import {
  type CaseFact,
  type CaseState,
  caseState,
  NOTIFIED,
  type Notified,
  owed,
  VERDICTS,
  type Verdict,
} from '../../members/deadlines/breach.ts';
import { type Day, localDay } from '../../members/deadlines/business-day.ts';
import type { StaffSession } from '../../staff/data/sessions.ts';
import { auditRow, writeAudit } from '../audit/audit.ts';
import {
  addCase,
  addEntry,
  type CaseRow,
  type EntryRow,
  hasOrigin,
  holdCases,
  incidentCases,
  openCases,
} from './incident-case.ts';

export const CASE_KINDS = {
  'wrong-person': 'Records of one person came to, or left as, another’s',
  misdirected: 'Records left to someone who must not have them',
  access: 'Someone looked at, or tried to get, what is not theirs',
  credentials: 'A key, token or account is lost, stolen or misused',
  outage: 'The node or its data were not there, or damaged',
  other: 'Something else',
} as const;
type CaseKind = keyof typeof CASE_KINDS;
export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  breach: 'It is a breach: people are notified',
  'low-risk': 'No breach: low probability that records were compromised (164.402(2))',
  'no-breach': 'No breach: no unsecured records, or an exception (164.402(1))',
};
export const NOTIFIED_WORDS: Readonly<Record<Notified, string>> = {
  people: 'The people whose records they are (164.404)',
  hhs: 'The Secretary of HHS (164.408)',
  media: 'Media of the State (164.406)',
};
export const ENTRY_WORDS: Readonly<Record<string, string>> = {
  note: 'Found or done',
  assessed: 'Assessed',
  delayed: 'Law enforcement asks to wait (164.412)',
  'told-people': 'People were notified',
  'told-hhs': 'HHS was notified',
  'told-media': 'Media were notified',
  closed: 'Closed',
  reopened: 'Opened again',
};
const MOST_WORDS = 4000;
const MOST_TITLE = 200;
const MOST_PEOPLE = 1_000_000_000;

export const CASE_FAULTS = {
  kind: 'Say of which kind it is.',
  title: `Give it a title, in 3 to ${MOST_TITLE} characters, without names of members.`,
  words: `Say what happened or was done, in 3 to ${MOST_WORDS} characters.`,
  discovered: 'Write the day on which it was discovered, as 2027-03-31: not one to come.',
  day: 'Write the day, as 2027-03-31: from the discovery on, and not one to come.',
  until:
    'Write the last day of the time for which law enforcement has asked to wait, as 2027-03-31: after the discovery.',
  verdict: 'Say whether it is a breach.',
  affected:
    'Say how many people it concerns, and how many of them in the one State with most of them: the second is no more than the first, and of a breach the first is one at least.',
  what: 'Say what is written down.',
  origin: 'What it was to be opened from is not there.',
  unknown: 'There is no such case.',
  closed: 'The case is closed. Open it again, with the reason, before anything is added.',
  open: 'The case is open.',
  owed: 'It cannot be closed yet: it has to be assessed, and of a breach everybody has to be notified who is owed it.',
} as const;
export type CaseFault = keyof typeof CASE_FAULTS;

export type IncidentCase = CaseRow & { state: CaseState };
type Needs = Pick<Deps, 'database' | 'clock' | 'config'>;
type Who = { session: Pick<StaffSession, 'subject' | 'development'>; requestId: string };

const factOf = (e: EntryRow): CaseFact => {
  if (e.what === 'assessed')
    return {
      what: 'assessed',
      verdict: e.verdict as Verdict,
      affected: e.affected ?? 0,
      inOneState: e.inOneState ?? 0,
    };
  if (e.what === 'delayed') return { what: 'delayed', until: e.on ?? '' };
  const notified = NOTIFIED.find((t) => e.what === `told-${t}`);
  if (notified !== undefined) return { what: 'told', whom: notified, on: e.on ?? '' };
  return { what: e.what === 'closed' || e.what === 'reopened' ? e.what : 'note' };
};
export const withState = (c: CaseRow): IncidentCase => ({
  ...c,
  state: caseState(c.discoveredOn, c.entries.map(factOf)),
});

export const casesOf = async (
  deps: Pick<Deps, 'database'>,
  of: { origin?: string | undefined; before?: number | undefined; most: number },
): Promise<IncidentCase[]> => (await incidentCases(deps.database.sql, of)).map(withState);

export async function findCase(deps: Pick<Deps, 'database'>, number: number): Promise<IncidentCase | undefined> {
  const [found] = await incidentCases(deps.database.sql, { number, most: 1 });
  return found && withState(found);
}

/** So many days before the last one it is reported that someone has to be notified. */
const SOON_DAYS = 14;
const daysBetween = (from: Day, to: Day): number => Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);

/**
 * Alerts about open cases, by number: how many days there still are, or for how many it is late. @param today
 * YYYY-MM-DD where the plan is
 */
export async function caseConditions(deps: Pick<Deps, 'database'>, today: Day): Promise<Condition[]> {
  return (await openCases(deps.database.sql)).flatMap((row): Condition[] => {
    const [next] = owed(withState(row).state);
    if (next === undefined) return [];
    const days = daysBetween(today, next.due);
    if (days > SOON_DAYS) return [];
    const subject = String(row.number);
    return [days < 0 ? { kind: 'case-overdue', subject, amount: -days } : { kind: 'case-due', subject, amount: days }];
  });
}

const DAY = /^\d{4}-\d\d-\d\d$/;
const isDay = (text: string): boolean =>
  DAY.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text);
/** What someone typed, with the ends of lines that browsers send made plain. */
const plain = (text: string | undefined): string => (text ?? '').replaceAll('\r\n', '\n').trim();
const within = (text: string, most: number): boolean => text.length >= 3 && text.length <= most;
const countOf = (text: string | undefined): number | undefined => {
  const n = /^\d{1,10}$/.test(plain(text)) ? Number(plain(text)) : undefined;
  return n !== undefined && n <= MOST_PEOPLE ? n : undefined;
};

type Typed = Readonly<Record<string, string | undefined>>;

/** Kind and id of what a case is opened from: `event/17`. */
const ORIGIN = /^(event|pull|item|request)\/([\w.-]{1,80})$/;

/** @param typed `kind`, `title`, `discovered`, `words`, and `origin`, which may be empty */
export async function openCase(
  deps: Needs,
  typed: Typed,
  who: Who,
): Promise<{ number: number } | { fault: CaseFault }> {
  const { sql } = deps.database;
  const [kind, title, discoveredOn, words, origin] = [
    typed['kind'],
    typed['title'],
    typed['discovered'],
    typed['words'],
    typed['origin'],
  ].map(plain) as [string, string, string, string, string];
  const at = deps.clock();
  if (!Object.hasOwn(CASE_KINDS, kind)) return { fault: 'kind' };
  if (!within(title, MOST_TITLE)) return { fault: 'title' };
  if (!isDay(discoveredOn) || discoveredOn > localDay(at, deps.config.timeZone)) return { fault: 'discovered' };
  if (!within(words, MOST_WORDS)) return { fault: 'words' };
  if (origin !== '' && !(await isOrigin(deps, origin))) return { fault: 'origin' };
  const by = who.session.subject;
  return sql.begin(async (tx) => {
    await holdCases(tx);
    const number = await addCase(tx, {
      openedAt: at,
      openedBy: by,
      kind: kind as CaseKind,
      title,
      origin,
      discoveredOn,
    });
    await addEntry(tx, number, {
      at,
      by,
      what: 'note',
      on: null,
      verdict: null,
      affected: null,
      inOneState: null,
      words,
    });
    await writeAudit(tx, [
      trail('case-opened', number, at, who, { kind, discovered: discoveredOn, ...(origin === '' ? {} : { origin }) }),
    ]);
    return { number };
  });
}

export async function isOrigin(deps: Pick<Deps, 'database'>, origin: string): Promise<boolean> {
  const [, kind, id] = ORIGIN.exec(origin) ?? [];
  return kind !== undefined && id !== undefined && (await hasOrigin(deps.database.sql, kind, id));
}

/** @param typed `what`, `words`, and by it `on`, `verdict`, `affected` and `state` */
export async function addToCase(deps: Needs, number: number, typed: Typed, who: Who): Promise<CaseFault | undefined> {
  const at = deps.clock();
  const today = localDay(at, deps.config.timeZone);
  const words = plain(typed['words']);
  return deps.database.sql.begin(async (tx) => {
    await holdCases(tx);
    const [found] = await incidentCases(tx, { number, most: 1 });
    if (!found) return 'unknown';
    const read = readEntry(withState(found), typed, today);
    if (typeof read === 'string') return read;
    if (!within(words, MOST_WORDS)) return 'words';
    await addEntry(tx, number, { ...read, at, by: who.session.subject, words });
    await writeAudit(tx, [
      trail(
        read.what === 'closed' ? 'case-closed' : read.what === 'reopened' ? 'case-reopened' : 'case-entry',
        number,
        at,
        who,
        {
          what: read.what,
          ...(read.on === null ? {} : { on: read.on }),
          ...(read.verdict === null
            ? {}
            : { verdict: read.verdict, affected: read.affected, inOneState: read.inOneState }),
        },
      ),
    ]);
    return undefined;
  });
}

const NOTHING = { on: null, verdict: null, affected: null, inOneState: null };
type Read = Omit<EntryRow, 'at' | 'by' | 'words'>;

/** What an entry says, or why it says nothing that can be taken of this case. */
export function readEntry(c: IncidentCase, typed: Typed, today: Day): Read | CaseFault {
  const [what, on] = [plain(typed['what']), plain(typed['on'])];
  if (what === 'reopened') return c.state.isOpen ? 'open' : { ...NOTHING, what };
  if (!Object.hasOwn(ENTRY_WORDS, what)) return 'what';
  if (!c.state.isOpen) return 'closed';
  if (what === 'note') return { ...NOTHING, what };
  if (what === 'closed') return c.state.verdict === null || owed(c.state).length > 0 ? 'owed' : { ...NOTHING, what };
  if (what === 'delayed') return isDay(on) && on > c.discoveredOn ? { ...NOTHING, what, on } : 'until';
  if (what !== 'assessed') return isDay(on) && on >= c.discoveredOn && on <= today ? { ...NOTHING, what, on } : 'day';
  const verdict = VERDICTS.find((v) => v === plain(typed['verdict']));
  if (verdict === undefined) return 'verdict';
  const [affected, inOneState] = [countOf(typed['affected']), countOf(typed['state'])];
  if (
    affected === undefined ||
    inOneState === undefined ||
    inOneState > affected ||
    (verdict === 'breach' && affected === 0)
  )
    return 'affected';
  return { what, on: null, verdict, affected, inOneState };
}

const trail = (
  action: string,
  number: number,
  at: Date,
  { session, requestId }: Who,
  detail: Record<string, unknown>,
) =>
  auditRow({
    at,
    actorKind: 'staff',
    actor: session.subject,
    action,
    object: `case/${number}`,
    requestId,
    detail: { ...detail, ...(session.development ? { dev: true } : {}) },
  });

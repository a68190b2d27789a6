// Whom a plan has to tell of a breach of unsecured records, and by when: 45 CFR 164.404 (the people), 164.406 (media),
// 164.408 (the Secretary of HHS), 164.412 (law enforcement asks to wait). Days are those of the plan's calendar. Pure.
import { addDays, type Day } from './business-day.ts';

/**
 * "Without unreasonable delay and in no case later than 60 calendar days after discovery": the day is the last one, not
 * the one that is meant.
 */
const DAYS = 60;
/** From so many people on HHS is notified when they are; of fewer, after the year in which it was discovered. */
const MANY = 500;

export const NOTIFIED = ['people', 'hhs', 'media'] as const;
export type Notified = (typeof NOTIFIED)[number];
export const VERDICTS = ['breach', 'no-breach', 'low-risk'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What an entry of a case says. The later one of two holds. */
export type CaseFact =
  | { what: 'assessed'; verdict: Verdict; affected: number; inOneState: number }
  /** @param until the last day of the time for which law enforcement has asked to wait */
  | { what: 'delayed'; until: Day }
  | { what: 'told'; whom: Notified; on: Day }
  | { what: 'closed' | 'reopened' | 'note' };

export type Duty = { of: 'assess' | Notified; due: Day; doneOn: Day | null };
export type CaseState = { isOpen: boolean; verdict: Verdict | null; affected: number | null; duties: Duty[] };

/** What holds of a case by its entries, in their order. */
export function caseState(discoveredOn: Day, facts: readonly CaseFact[]): CaseState {
  let assessed: Extract<CaseFact, { what: 'assessed' }> | undefined;
  let until: Day | undefined;
  let isOpen = true;
  const notified = new Map<Notified, Day>();
  for (const f of facts) {
    if (f.what === 'assessed') assessed = f;
    else if (f.what === 'delayed') until = f.until;
    else if (f.what === 'closed') isOpen = false;
    else if (f.what === 'reopened') isOpen = true;
    else if (f.what === 'told') notified.set(f.whom, f.on);
  }
  const later = (due: Day): Day => (until !== undefined && until > due ? until : due);
  const soon = later(addDays(discoveredOn, DAYS));
  const duty = (of: Notified, due = soon): Duty => ({ of, due, doneOn: notified.get(of) ?? null });
  const duties: Duty[] =
    assessed === undefined
      ? [{ of: 'assess', due: addDays(discoveredOn, DAYS), doneOn: null }]
      : assessed.verdict !== 'breach'
        ? []
        : [
            duty('people'),
            duty('hhs', assessed.affected >= MANY ? soon : later(addDays(`${discoveredOn.slice(0, 4)}-12-31`, DAYS))),
            ...(assessed.inOneState > MANY ? [duty('media')] : []),
          ];
  return { isOpen, verdict: assessed?.verdict ?? null, affected: assessed?.affected ?? null, duties };
}

/** What is still to be done, the first due first. */
export const owed = (state: CaseState): Duty[] =>
  state.duties.filter((d) => d.doneOn === null).sort((a, b) => (a.due < b.due ? -1 : a.due > b.due ? 1 : 0));

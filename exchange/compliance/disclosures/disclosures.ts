// The accounting of disclosures of a member (45 CFR 164.528) as rows.
import type { Deps } from '../../../src/deps.ts';
import { addDays, endOfDay, localDay, yearsBefore } from '../../members/deadlines/business-day.ts';
import { memberKeys } from '../../members/member-key.ts';
import { idsOfPerson, timesAsOther } from '../../members/merge/member-merge.ts';
import { type DayRange, rangeOf } from '../../records/facts/service-days.ts';
import { type Disclosure, findMemberId, memberDisclosures, memberIdPages } from './disclosure-rows.ts';

export type { Disclosure };

/** The rule asks for six years. */
export const ACCOUNT_YEARS = 6;
/** So many are listed at once; each says how many there are (`ofAll`). */
const MOST = 10_000;
export const WHY =
  'Payer-to-payer exchange, asked for by the member (42 CFR 422.121(b), 431.61(b), 457.731(b); 45 CFR 156.222(b))';
export const HOW: Readonly<Record<Disclosure['action'], string>> = {
  'export-member': 'Files of an export',
  read: 'Reading of a record',
  search: 'Search',
  everything: 'All records at once',
};

/** What left: records by type, or the number of those that a search reported. */
export const leftOf = ({ types, object, counted }: Disclosure): { what: string; n: number; isNumber?: true }[] =>
  counted === null
    ? Object.entries(types).map(([what, n]) => ({ what, n }))
    : [{ what: `the number of ${object}`, n: counted, isNumber: true }];

export const DAYS_NOT_KEPT = 'not kept then';
export const NO_DAYS = 'none of them has one';
/**
 * The days of service of what left, of the types that were fetched. What has no day (a person, an allergy, a condition
 * that lasts, an authorization) is not listed by it.
 * @returns why there is no range, when there is none
 */
export function serviceDays({ days, types, counted }: Disclosure): DayRange | typeof DAYS_NOT_KEPT | typeof NO_DAYS {
  // a number tells of no day
  if (counted !== null) return NO_DAYS;
  return days === null ? DAYS_NOT_KEPT : (rangeOf(days, Object.keys(types)) ?? NO_DAYS);
}

/** The day six years ago is the first of them, from its beginning where the plan is. YYYY-MM-DD */
export const accountFrom = ({ clock, config }: Pick<Deps, 'clock' | 'config'>): string =>
  yearsBefore(localDay(clock(), config.timeZone), ACCOUNT_YEARS);

export async function disclosuresOf(
  deps: Pick<Deps, 'database' | 'clock' | 'config'>,
  memberId: string,
): Promise<Disclosure[] | undefined> {
  const { sql } = deps.database;
  if ((await findMemberId(sql, memberId)) !== memberId) return undefined;
  const { timeZone } = deps.config;
  const day = accountFrom(deps);
  const from = new Date(endOfDay(addDays(day, -1), timeZone).getTime() + 1);
  const ids = await idsOfPerson(sql, memberId);
  return memberDisclosures(sql, ids, await timesAsOther(sql, ids), from, MOST);
}

const MEMBER_KEY = /^M-[0-9a-f]{10}$/;

/** Was a member found by the number of a card, and not by the id or key that our pages show? */
export const isCardNumber = (written: string, memberId: string): boolean =>
  written !== memberId && !MEMBER_KEY.test(written);

/** The member behind a Patient id, a member number or the key by which pages and reports name members. */
export async function memberBehind(
  deps: Pick<Deps, 'database' | 'keys'>,
  written: string,
): Promise<string | undefined> {
  const { sql } = deps.database;
  const found = await findMemberId(sql, written);
  if (found !== undefined || !MEMBER_KEY.test(written)) return found;
  // a key leads back only by making those of all members; two may have the same
  const keyOf = await memberKeys(deps);
  const behind: string[] = [];
  for await (const page of memberIdPages(sql)) behind.push(...page.filter((id) => keyOf(id) === written));
  return behind.length === 1 ? behind[0] : undefined;
}

// Whose records a search looks at: members that it names, those that an index finds for what it asks, or all whom the
// peer may see, in windows.
import type { Deps } from '../../../src/deps.ts';
import type { Caller } from '../authorize.ts';
import { birthDate } from '../match/normalize.ts';
import {
  claimsIdentified,
  membersBorn,
  membersHolding,
  membersIdentified,
  membersOfUmbs,
} from './candidate-members.ts';
import { grantsFrom, grantsOf } from './member-access.ts';
import type { Grant, Position } from './member-read-rows.ts';
import type { MemberSearch } from './member-search-request.ts';

/**
 * Claims that one search by identifier may mean, and members by a birth date or an identifier; of more, all that the
 * peer may see are looked at.
 */
const MOST_IDENTIFIED = 100;
const MOST_MEMBERS = 5000;
/** Members whose records are put in order at once: of all whom a peer may see there are many, and each batch would order all of theirs. */
const WINDOW = 200;
/** No member has this id: it is too long. */
const UNKNOWN = '-'.repeat(65);

/**
 * `grants`: undefined when all are looked at whom the peer may see. `asked`: the granted members that the query names. `missed`: what it
 * names besides, one entry for each, whether or not there is such a member: the work must not tell.
 */
export type Searched = { grants: Grant[] | undefined; asked: string[]; missed: string[] };

/** `search` gets the ids of what an index finds. */
export async function searchedMembers(deps: Deps, caller: Caller, search: MemberSearch): Promise<Searched> {
  const { members, umbs } = search;
  const known = umbs === undefined ? undefined : await membersOfUmbs(deps.database.sql, umbs);
  const found = (umbs ?? []).map((umb) => known?.get(umb) ?? UNKNOWN);
  const named = known ? found.filter((m) => members?.includes(m) ?? true) : members;
  const holders = named ?? (await holdersOf(deps, search));
  if (holders === undefined) return { grants: undefined, asked: [], missed: [] };
  const grants = await grantsOf(deps, caller.peer.id, holders);
  const granted = new Set(grants.map((g) => g.memberId));
  const away = (named ?? []).filter((m) => !granted.has(m));
  // a member found by an identifier is not named to the peer's disadvantage: its id is not in the event
  const missed = away.map((m) => (members?.includes(m) ? `Patient/${m}` : ''));
  return { grants, asked: (named ?? []).filter((m) => granted.has(m)), missed };
}

/** Members that may hold what is asked for without naming any. Undefined where they cannot be determined, or are too many. */
async function holdersOf(deps: Deps, search: MemberSearch): Promise<string[] | undefined> {
  const { sql } = deps.database;
  if (search.ids !== undefined) return membersHolding(sql, search.type, search.ids);
  if (search.type === 'Patient') return peopleOf(deps, search);
  const codes = search.criteria.find((c) => c.parameter.isAlone)?.codes;
  if (codes === undefined) return undefined;
  const claims = await claimsIdentified(sql, codes, MOST_IDENTIFIED + 1);
  // what so many have is no number of a claim
  if (claims.length > MOST_IDENTIFIED) return undefined;
  search.ids = claims.map((c) => c.id);
  return [...new Set(claims.map((c) => c.memberId))];
}

/** Members by an identifier or a birth date. A day on which matching takes no one for born is in no index. */
async function peopleOf(deps: Deps, { criteria }: MemberSearch): Promise<string[] | undefined> {
  const { sql } = deps.database;
  const codes = criteria.find((c) => c.codes !== undefined && c.parameter.paths.includes('identifier'))?.codes;
  const identified = codes && (await membersIdentified(sql, codes, MOST_MEMBERS + 1));
  // the unique member id stands in the Patient only as it leaves
  if (identified && identified.length <= MOST_MEMBERS)
    return [...new Set([...identified, ...(await membersOfUmbs(sql, codes)).values()])];
  const now = deps.clock();
  const days = criteria.find((c) => c.days?.every((day) => birthDate(day, now).length > 0))?.days;
  const born = days && (await membersBorn(sql, days, MOST_MEMBERS + 1));
  return born && born.length <= MOST_MEMBERS ? born : undefined;
}

/** All whom a peer may see, from the one on where the last page ended. */
export async function* windowsOf(deps: Deps, caller: Caller, after: Position | undefined): AsyncGenerator<Grant[]> {
  for (let from = after?.memberId ?? ''; ; ) {
    const grants = await grantsFrom(deps, caller.peer.id, from, WINDOW);
    if (grants.length > 0) yield grants;
    const last = grants.at(-1);
    if (last === undefined || grants.length < WINDOW) return;
    // the least text that is greater
    from = `${last.memberId}\u0001`;
  }
}

// Members by name and birth date, for a call in which no one has the card at hand. Names are compared as in matching
// (accents, nicknames, parts of double names); the birth date must be the same.
import type { Deps } from '../../src/deps.ts';
import { patientTexts } from '../requester/report/line-rows.ts';
import { birthDate, familyName, givenNames, tokens } from '../responder/match/normalize.ts';
import { type FoundMember, firstMembers, membersByTokens } from './member-find.ts';
import { personOf } from './member-page-data.ts';

type Needs = Pick<Deps, 'database' | 'clock'>;

/** More than a call needs: who finds as many has asked with too little. */
export const MOST_FOUND = 20;

export type Found = {
  memberId: string;
  name: string;
  birthDate: string | null;
  /** numbers of all cards */
  numbers: string[];
  /** which of the names that were asked for; left out where no one asked */
  agrees?: 'both names' | 'family name' | 'first name';
};

/** What was typed; `bornOn` as YYYY-MM-DD. One of the names may be empty. */
export type Asked = { family: string; given: string; bornOn: string };

const FAMILY = 3;
const GIVEN = 4;

/** Undefined when there is no full birth date or no name to look for. At most {@link MOST_FOUND}, both names first. */
export async function findMembers(deps: Needs, asked: Asked): Promise<Found[] | undefined> {
  const names = {
    dob: birthDate(asked.bornOn, deps.clock()),
    family: familyName(asked.family).names,
    given: givenNames([asked.given]),
  };
  const wanted = tokens({ ...names, mb: [], sub: [], mbi: [], umb: [] });
  if (wanted.length === 0) return undefined;
  const found = await membersByTokens(deps.database.sql, wanted, MOST_FOUND);
  return named(deps, found, ({ kinds }) =>
    kinds.includes(FAMILY) ? (kinds.includes(GIVEN) ? 'both names' : 'family name') : 'first name',
  );
}

/** Some members of a sandbox, so that there is someone to look at. */
export async function demoMembers(deps: Needs, most: number): Promise<Found[]> {
  return named(deps, await firstMembers(deps.database.sql, most), () => undefined);
}

async function named(
  deps: Needs,
  found: readonly FoundMember[],
  agreesOf: (one: FoundMember) => Found['agrees'],
): Promise<Found[]> {
  const patients = await patientTexts(
    deps.database.sql,
    found.map((f) => f.memberId),
  );
  return found.map((f) => {
    const agrees = agreesOf(f);
    const person = personOf(patients.get(f.memberId));
    return { memberId: f.memberId, ...person, numbers: f.numbers, ...(agrees === undefined ? {} : { agrees }) };
  });
}

// Whose a received unit may be, and whether it is. Pure.
import { type JsonObject, objects, strings, text } from '../../src/fhir/resource.ts';
import { birthDate, givenNames, memberIds } from '../match/normalize.ts';
import type { KnownPerson } from '../store/member-read.ts';
import type { Person } from '../transform/others-within.ts';
import { isBaseOf } from './rewrite.ts';

/** `doubtful`: the same person there was matched to two of our members. `moved`: until now that person was another member of ours. */
export type UnitMember = {
  memberId: string;
  policy: string;
  withdrawn: boolean;
  doubtful?: boolean;
  moved?: boolean;
  /** what we know of the person */
  person?: KnownPerson;
};

type Whose = { peerBase: string; latest: string; members: ReadonlyMap<string, UnitMember> };

/** Is it the member whose record it is, or, of a statement about records, one of those asked for? */
export const isMember =
  (patientId: string | undefined, { members, peerBase }: Whose) =>
  ({ id, base }: Person): boolean => {
    const named = base === undefined || isBaseOf(base, peerBase) ? members.get(id)?.memberId : undefined;
    return named !== undefined && (patientId === undefined || named === members.get(patientId)?.memberId);
  };

/**
 * Is a Patient that a record contains somebody else than the member? By the birth date; else, when no number of the member's alone is there
 * as well, by a first name (twins have one birthday, a mother and her newborn one family name); else by the sex. What is not said on both
 * sides says nothing, nor do days that stand for none, nor a family name: it changes.
 */
export const isAnother =
  (member: UnitMember | undefined, { latest }: Whose) =>
  (patient: JsonObject): boolean => {
    const known = member?.person;
    if (known === undefined) return false;
    const differs = (said: readonly string[], ours: readonly string[]) =>
      said.length > 0 && ours.length > 0 && !said.some((v) => ours.includes(v));
    const day = birthDate(text(patient['birthDate']), new Date(latest));
    if (differs(day, known.births)) return true;
    const numbers = objects(patient['identifier']).flatMap((i) => memberIds(text(i['value'])));
    if (numbers.some((n) => known.numbers.includes(n))) return false;
    const given = objects(patient['name']).flatMap((n) => strings(n['given']).flatMap((g) => givenNames([g])));
    if (differs(given, known.given)) return true;
    const isSame = day.length > 0 && known.births.length > 0 && given.length > 0 && known.given.length > 0;
    const sexes = [text(patient['gender']), known.gender ?? undefined];
    return !isSame && sexes.includes('male') && sexes.includes('female');
  };

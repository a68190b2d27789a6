// Whose a received unit may be, and whether it is. Pure.

import { isBaseOf } from '../../src/fhir/reference.ts';
import { type JsonObject, objects, text } from '../../src/fhir/resource.ts';
import type { Person } from '../records/facts/others-within.ts';
import type { KnownPerson } from '../records/known-person.ts';
import type { LeftOut } from '../requester/pull-member.ts';
import { allGiven, birthDate, memberIds } from '../responder/match/normalize.ts';

/** `withdrawn`: why the member is asked for no more. `doubtful`: the same person there was matched to two of our members. `moved`: until now that person was another member of ours. */
export type UnitMember = {
  memberId: string;
  policy: string;
  withdrawn: false | LeftOut;
  doubtful?: boolean;
  moved?: boolean;
  /** what we know of the person */
  person?: KnownPerson;
};

type Whose = { peerBase: string; ourBase: string; latest: string; members: ReadonlyMap<string, UnitMember> };

/** Ids there of our members, for payers that name people by their addresses here. */
const patientsOf = new WeakMap<Whose['members'], ReadonlyMap<string, string>>();

/**
 * Id there of the Patient that a person is named by, be it as a Patient of the payer's or, by the address here, as one of ours. undefined: a Patient of
 * another server, or of ours who was not asked for.
 */
export function patientThere({ id, base }: Person, { members, peerBase, ourBase }: Whose): string | undefined {
  if (base === undefined || isBaseOf(base, peerBase)) return id;
  if (!isBaseOf(base, ourBase)) return undefined;
  let there = patientsOf.get(members);
  if (there === undefined) {
    there = new Map([...members].map(([patient, { memberId }]) => [memberId, patient]));
    patientsOf.set(members, there);
  }
  return there.get(id);
}

/** Is it the member whose record it is, or, of a statement about records, one of those asked for? */
export const isMember =
  (patientId: string | undefined, whose: Whose) =>
  (person: Person): boolean => {
    const there = patientThere(person, whose);
    const named = there === undefined ? undefined : whose.members.get(there)?.memberId;
    return named !== undefined && (patientId === undefined || named === whose.members.get(patientId)?.memberId);
  };

/** Is it a Patient of the payer's, or of ours, and not the member's? Whom a Patient of another server is says nothing. */
export const isOtherThere =
  (patientId: string | undefined, whose: Whose) =>
  (person: Person): boolean => {
    const { base } = person;
    const isNear = base === undefined || isBaseOf(base, whose.peerBase) || isBaseOf(base, whose.ourBase);
    return isNear && !isMember(patientId, whose)(person);
  };

type Within = (patient: JsonObject) => boolean;

const differ = (said: readonly string[], ours: readonly string[]): boolean =>
  said.length > 0 && ours.length > 0 && !said.some((v) => ours.includes(v));

const bornOf = (patient: JsonObject, { latest }: Whose) => birthDate(text(patient['birthDate']), new Date(latest));

/** Is a Patient that a record contains somebody else than the member? Who was born on another day is. Days that stand for none say nothing. */
export const isAnother =
  (member: UnitMember | undefined, whose: Whose): Within =>
  (patient) =>
    differ(bornOf(patient, whose), member?.person?.births ?? []);

/**
 * May a Patient that a record contains be somebody else than the member, as a person has to say? When no number of the member's alone is
 * there: by another first name (twins have one birthday, a mother and her newborn one family name; but people take other names as well), or by the
 * sex where neither name nor day can be compared. What is not said on both sides says nothing, nor does a family name: it changes.
 */
export const mayBeAnother =
  (member: UnitMember | undefined, whose: Whose): Within =>
  (patient) => {
    const known = member?.person;
    if (known === undefined) return false;
    const numbers = objects(patient['identifier']).flatMap((i) => memberIds(text(i['value'])));
    if (numbers.some((n) => known.numbers.includes(n))) return false;
    const given = allGiven(patient['name']);
    if (given.length > 0 && known.given.length > 0) return differ(given, known.given);
    if (bornOf(patient, whose).length > 0 && known.births.length > 0) return false;
    const sexes = [text(patient['gender']), known.gender];
    return sexes.includes('male') && sexes.includes('female');
  };

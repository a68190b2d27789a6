// Whom a record's reference to its person names beside it. A reference may say a number and a name for whom it leads to; where these are another
// member's of the same answer, one of both is wrong, and a person has to say which. Pure.
import { fold } from '../../src/fhir/fold.ts';
import { isObject, type JsonObject, type Resource, text } from '../../src/fhir/resource.ts';
import { RECORD_TYPES } from '../records/facts/record-types.ts';
import { familyName, givenNames, memberIds } from '../responder/match/normalize.ts';
import type { UnitMember } from './unit-person.ts';

type Members = ReadonlyMap<string, UnitMember>;
/** Who has a number, and who has a family name. */
type Index = {
  numbers: Map<string, Set<UnitMember>>;
  families: Map<string, Set<UnitMember>>;
  /** what was said of a name beside a member: most records of one say the same */
  said: Map<string, boolean>;
};
const MOST_SAID = 20_000;

const indexes = new WeakMap<Members, Index>();

function indexOf(members: Members): Index {
  const made = indexes.get(members);
  if (made) return made;
  const index: Index = { numbers: new Map(), families: new Map(), said: new Map() };
  const note = (into: Map<string, Set<UnitMember>>, key: string, member: UnitMember) =>
    into.set(key, (into.get(key) ?? new Set()).add(member));
  for (const member of members.values()) {
    for (const number of numbersOf(member)) note(index.numbers, number, member);
    for (const family of member.person?.family ?? []) note(index.families, family, member);
  }
  indexes.set(members, index);
  return index;
}

const numbersOf = ({ person }: UnitMember): string[] => [...(person?.numbers ?? []), ...(person?.cards ?? [])];

function isNumberOfAnother(number: string, member: UnitMember, members: Members): boolean {
  const said = memberIds(number);
  const own = numbersOf(member);
  if (said.length === 0 || own.some((n) => said.includes(n))) return false;
  const { numbers } = indexOf(members);
  return said.some((n) => [...(numbers.get(n) ?? [])].some((m) => m.memberId !== member.memberId));
}

/** A name that has a first name of the member's in it may be theirs, whatever else it says; so may one of which nobody else has both names. */
function isNameOfAnother(name: string, member: UnitMember, members: Members): boolean {
  const words = fold(name)
    .split(/[^\p{L}\p{N}]+/u)
    .filter((w) => w.length > 1);
  const given = new Set(words.flatMap((w) => givenNames([w])));
  if (member.person === undefined || member.person.given.length === 0) return false;
  if (member.person.given.some((g) => given.has(g))) return false;
  const { families } = indexOf(members);
  return words
    .flatMap((w) => familyName(w).names)
    .some((family) =>
      [...(families.get(family) ?? [])].some(
        (m) => m.memberId !== member.memberId && m.person?.given.some((g) => given.has(g)) === true,
      ),
    );
}

const namesBeside = (reference: JsonObject, member: UnitMember, members: Members): boolean => {
  const number = isObject(reference['identifier']) ? text(reference['identifier']['value']) : undefined;
  if (number !== undefined && isNumberOfAnother(number, member, members)) return true;
  const name = text(reference['display']);
  if (name === undefined || name.length > LONGEST_NAME) return false;
  const { said } = indexOf(members);
  const key = `${member.memberId} ${name}`;
  const before = said.get(key);
  if (before !== undefined) return before;
  const is = isNameOfAnother(name, member, members);
  if (said.size < MOST_SAID) said.set(key, is);
  return is;
};
const LONGEST_NAME = 200;

/** Does the reference that says whose a record is name another member of the same answer, by number or by name? */
export function isNamedAnother(resource: Resource, member: UnitMember | undefined, members: Members): boolean {
  if (member === undefined || members.size < 2) return false;
  return (RECORD_TYPES[resource.resourceType]?.patient ?? []).some((path) => {
    const reference = resource[path];
    return isObject(reference) && namesBeside(reference, member, members);
  });
}

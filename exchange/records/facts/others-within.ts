// Whom what a record contains is about. It would be shown as the record's member's, and leave as the member's. Pure.
import { parseReference } from '../../../src/fhir/reference.ts';
import {
  isObject,
  isResource,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  text,
} from '../../../src/fhir/resource.ts';
import { type MemberOf, memberOf } from './member-of.ts';
import { RECORD_TYPES } from './record-types.ts';

/** A Patient as it is referred to; `base` when the reference was absolute. */
export type Person = { id: string; base?: string };
/** Of whatever is contained in the same record, as one may be a Patient. */
type Named = Person & { isWithin?: true };

const personOf = (reference: string): Named[] => {
  const parsed = parseReference(reference);
  if (parsed.kind === 'fragment') return [{ id: parsed.id, isWithin: true }];
  const isPerson = (parsed.kind === 'relative' || parsed.kind === 'absolute') && parsed.type === 'Patient';
  return isPerson ? [{ id: parsed.id, ...(parsed.kind === 'absolute' ? { base: parsed.base } : {}) }] : [];
};

/**
 * Whom a contained resource is about: of a type of the table as a line of that type would be; of any other (a List, a Task, a Bundle)
 * everybody whom it names, and whom what stands within it is about.
 */
function peopleOf(contained: Json): Named[] {
  if (!isResource(contained)) return peopleNamed(contained);
  const whose = memberOf(contained);
  if (whose.kind === 'patient') return [whose];
  if (whose.kind === 'targets')
    return whose.targets.flatMap((t) => (t.startsWith('Patient/') ? [{ id: t.slice('Patient/'.length) }] : []));
  const row = RECORD_TYPES[contained.resourceType];
  if (row === undefined) return peopleNamed(contained);
  if (whose.kind !== 'missing') return [];
  return (row.patient ?? []).flatMap((path) => peopleNamed(contained[path])).filter((p) => p.isWithin);
}

/** Everybody in a value of any shape; resources within it as {@link peopleOf} takes them. */
function peopleNamed(value: Json | undefined): Named[] {
  if (Array.isArray(value)) return value.flatMap(peopleNamed);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, within]) => {
    if (name === 'reference' && typeof within === 'string') return personOf(within);
    return isResource(within) ? peopleOf(within) : peopleNamed(within);
  });
}

const namedWithin = (resource: Resource): Named[] => objects(resource['contained']).flatMap(peopleOf);

const containedPatients = (resource: Resource): JsonObject[] =>
  objects(resource['contained']).filter((c) => text(c['resourceType']) === 'Patient');

/** Whom the contained resources of a record are about, each as often as they name one; but for Patients that are contained as well. */
export const peopleWithin = (resource: Resource): Person[] =>
  resource['contained'] === undefined ? [] : namedWithin(resource).filter((p) => !p.isWithin);

/**
 * Is something within a record about another person? A directory record is everybody's: nothing in it may name anyone, nor be a person.
 * @param isMember is it the person whose record it is
 * @param isAnother can a contained Patient, whom something else that is contained is about, not be that person; where the caller can tell
 */
export function holdsOthers(
  resource: Resource,
  owner: MemberOf,
  isMember: (person: Person) => boolean,
  isAnother?: (patient: JsonObject) => boolean,
): boolean {
  if (owner.kind === 'shared')
    return containedPatients(resource).length > 0 || peopleNamed(resource).some((p) => !p.isWithin);
  if (resource['contained'] === undefined) return false;
  const patients = containedPatients(resource);
  const people = namedWithin(resource);
  return people.some((p) =>
    p.isWithin ? isAnother !== undefined && patients.some((c) => c['id'] === p.id && isAnother(c)) : !isMember(p),
  );
}

/** Does a document say that it was made about another person (`context.sourcePatientInfo`), as far as the caller can tell? */
export const isMadeAboutAnother = (resource: Resource, isAnother: (person: Person) => boolean): boolean =>
  isObject(resource['context']) &&
  peopleNamed(resource['context']['sourcePatientInfo']).some((p) => !p.isWithin && isAnother(p));

/** Is it a Patient of our own and not the member? */
export const isOtherOfOurs =
  (memberId: string | undefined) =>
  ({ id, base }: Person): boolean =>
    base === undefined && id !== memberId;

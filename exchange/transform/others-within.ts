// Whom what a record contains is about. It would be shown as the record's member's, and leave as the member's. Pure.
import { parseReference } from '../../src/fhir/reference.ts';
import { isObject, isResource, type Json, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { type MemberOf, memberOf } from './member-of.ts';
import { RECORD_TYPES } from './record-types.ts';

/** A Patient as it is referred to; `base` when the reference was absolute. */
export type Person = { id: string; base?: string };

const personOf = (reference: string): Person[] => {
  const parsed = parseReference(reference);
  const isPerson = (parsed.kind === 'relative' || parsed.kind === 'absolute') && parsed.type === 'Patient';
  return isPerson ? [{ id: parsed.id, ...(parsed.kind === 'absolute' ? { base: parsed.base } : {}) }] : [];
};

/**
 * Whom a contained resource is about: of a type of the table as a line of that type would be; of any other (a List, a Task, a Bundle)
 * everybody whom it names, and whom what stands within it is about.
 */
function peopleOf(contained: Json): Person[] {
  if (!isResource(contained)) return peopleNamed(contained);
  const whose = memberOf(contained);
  if (whose.kind === 'patient') return [whose];
  if (whose.kind === 'targets')
    return whose.targets.flatMap((t) => (t.startsWith('Patient/') ? [{ id: t.slice('Patient/'.length) }] : []));
  return RECORD_TYPES[contained.resourceType] === undefined ? peopleNamed(contained) : [];
}

/** Everybody in a value of any shape; resources within it as {@link peopleOf} takes them. */
function peopleNamed(value: Json | undefined): Person[] {
  if (Array.isArray(value)) return value.flatMap(peopleNamed);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, within]) => {
    if (name === 'reference' && typeof within === 'string') return personOf(within);
    return isResource(within) ? peopleOf(within) : peopleNamed(within);
  });
}

/** Whom the contained resources of a record are about, each as often as they name one. */
export const peopleWithin = (resource: Resource): Person[] =>
  resource['contained'] === undefined ? [] : objects(resource['contained']).flatMap(peopleOf);

/**
 * Is something within a record about somebody else? A directory record is everybody's: nothing in it may be about anybody, nor be a person.
 * @param isMember is it the person whose record it is
 */
export function holdsOthers(resource: Resource, owner: MemberOf, isMember: (person: Person) => boolean): boolean {
  if (resource['contained'] === undefined) return false;
  const people = peopleWithin(resource);
  if (owner.kind !== 'shared') return people.some((p) => !isMember(p));
  return people.length > 0 || objects(resource['contained']).some((c) => text(c['resourceType']) === 'Patient');
}

// Whose record is it? The references that name a record's member, by type.

import { parseReference } from '../../../src/fhir/reference.ts';
import { isObject, type Json, objects, type Resource, text } from '../../../src/fhir/resource.ts';
import { RECORD_TYPES } from './record-types.ts';

export type MemberOf =
  /** `base` when the reference was absolute */
  | { kind: 'patient'; id: string; base?: string }
  /** a Patient resource itself */
  | { kind: 'self' }
  /** belongs to the member of the records it is about (Provenance, Binary): their keys, `Type/id` */
  | { kind: 'targets'; targets: string[] }
  | { kind: 'shared' }
  /** the subject is a Group, Device or Location */
  | { kind: 'unsupported-subject' }
  | { kind: 'missing' }
  | { kind: 'unknown-type' };

const referenceOf = (value: Json | undefined): string | undefined =>
  isObject(value) ? text(value['reference']) : undefined;

/** Which member a record names. Whether an absolute reference counts is for the caller to say. */
export function memberOf(resource: Resource): MemberOf {
  const row = RECORD_TYPES[resource.resourceType];
  if (!row) return { kind: 'unknown-type' };
  if (row.class === 'shared') return { kind: 'shared' };
  if (resource.resourceType === 'Patient') return { kind: 'self' };
  if (resource.resourceType === 'Provenance') {
    const targets = objects(resource['target'])
      .map((t) => text(t['reference']))
      .filter((r): r is string => r !== undefined)
      .map(parseReference)
      .flatMap((r) => (r.kind === 'relative' || r.kind === 'absolute' ? [`${r.type}/${r.id}`] : []));
    return targets.length === 0 ? { kind: 'missing' } : { kind: 'targets', targets: [...new Set(targets)] };
  }
  for (const path of row.patient ?? []) {
    const reference = referenceOf(resource[path]);
    if (reference === undefined) continue;
    const parsed = parseReference(reference);
    if (parsed.kind !== 'relative' && parsed.kind !== 'absolute') return { kind: 'missing' };
    // a document names the record that it belongs to
    if (resource.resourceType === 'Binary' && parsed.type !== 'Patient')
      return { kind: 'targets', targets: [`${parsed.type}/${parsed.id}`] };
    if (parsed.type !== 'Patient') return { kind: 'unsupported-subject' };
    return { kind: 'patient', id: parsed.id, ...(parsed.kind === 'absolute' ? { base: parsed.base } : {}) };
  }
  return { kind: 'missing' };
}

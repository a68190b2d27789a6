// The drug of a record that names a Medication instead of telling it by codes: many systems write all their orders so.
// https://hl7.org/fhir/us/core/StructureDefinition-us-core-medicationrequest.html
import { parseReference } from '../../../src/fhir/reference.ts';
import { isObject, type JsonObject, objects, type Resource, text } from '../../../src/fhir/resource.ts';

/** Types with `medication[x]`, by a concept or by reference. */
export const DRUG_TYPES: readonly string[] = [
  'MedicationAdministration',
  'MedicationDispense',
  'MedicationRequest',
  'MedicationStatement',
];

/** Medications by our key `Medication/id`. */
export type Drugs = ReadonlyMap<string, Resource>;
const NONE: Drugs = new Map();

/** The Medication that a record names, as `Medication/id` or `#id`, whether or not it tells its drug beside it. */
export function medicationOf(r: Resource): string | undefined {
  if (!DRUG_TYPES.includes(r.resourceType)) return undefined;
  const named = isObject(r['medicationReference']) ? text(r['medicationReference']['reference']) : undefined;
  if (named === undefined) return undefined;
  const read = parseReference(named);
  if (read.kind === 'fragment') return named;
  return read.kind === 'relative' || read.kind === 'absolute' ? `${read.type}/${read.id}` : undefined;
}

function drugOf(r: Resource, drugs: Drugs): JsonObject | undefined {
  const named = medicationOf(r);
  if (named?.startsWith('#')) return objects(r['contained']).find((c) => c['id'] === named.slice(1));
  return named === undefined ? undefined : drugs.get(named);
}

/**
 * The record as if it stated its drug by itself: by the Medication that it contains or names. The same object where
 * there is nothing to add.
 */
export function withDrug(r: Resource, drugs: Drugs = NONE): Resource {
  if (r['medicationCodeableConcept'] !== undefined) return r;
  const concept = drugOf(r, drugs)?.['code'];
  return concept === undefined ? r : { ...r, medicationCodeableConcept: concept };
}

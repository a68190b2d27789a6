// The drug of a record that names a Medication instead of telling it by codes: many systems write all their orders so.
// https://hl7.org/fhir/us/core/StructureDefinition-us-core-medicationrequest.html
import { isObject, type Json, objects, type Resource, text } from '../../src/fhir/resource.ts';

/** Types with `medication[x]`, by a concept or by reference. */
export const DRUG_TYPES: readonly string[] = [
  'MedicationAdministration',
  'MedicationDispense',
  'MedicationRequest',
  'MedicationStatement',
];

/** Concepts of Medications by our key `Type/id`. */
export type Drugs = ReadonlyMap<string, Json>;
const NONE: Drugs = new Map();

/** The Medication that a record names, as it writes it; undefined when it tells its drug by itself, or not at all. */
export function medicationOf(r: Resource): string | undefined {
  if (!DRUG_TYPES.includes(r.resourceType) || r['medicationCodeableConcept'] !== undefined) return undefined;
  const reference = r['medicationReference'];
  return isObject(reference) ? text(reference['reference']) : undefined;
}

/** The record as if it told its drug by itself: by the Medication that it contains or names. The same object where there is nothing to add. */
export function withDrug(r: Resource, drugs: Drugs = NONE): Resource {
  const named = medicationOf(r);
  if (named === undefined) return r;
  const concept = named.startsWith('#')
    ? objects(r['contained']).find((c) => c['id'] === named.slice(1))?.['code']
    : drugs.get(named);
  return concept === undefined ? r : { ...r, medicationCodeableConcept: concept };
}

// Records that cannot be versions of one, whatever they are told to be copies of.
import type { Resource } from '../../src/fhir/resource.ts';
import { codesOf, disjoint, drugCodes, overlap, vaccineCodes } from './codes.ts';
import { numberedApart } from './judge/numbers.ts';
import { referenceOf } from './judge/verdict.ts';

/** Its text alone does not tell of which drug it is. */
export const isOfDrug = (r: Resource): boolean => r.resourceType.startsWith('Medication');

/** By code, or as the Medication that it names; what a record contains it calls as it likes. */
function drugsOf(r: Resource): string[] {
  const named = referenceOf(r['medicationReference']);
  return [...drugCodes(r), ...(named === undefined || named.startsWith('#') ? [] : [named])];
}

/**
 * Two that are of other things whatever their times: another test, diagnosis, vaccine or drug, or another number where both have one of one system. Some call
 * by the address of a record what they made of it.
 */
export function areOfOtherThings(a: Resource, b: Resource): boolean {
  if (isOfDrug(a) && !overlap(drugsOf(a), drugsOf(b))) return true;
  const isOther = (name: string) => disjoint(codesOf(a[name]), codesOf(b[name]));
  return numberedApart(a, b) || isOther('code') || isOther('type') || disjoint(vaccineCodes(a), vaccineCodes(b));
}

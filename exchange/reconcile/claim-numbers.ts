// Which identifiers of a claim name that claim alone.
import { objects, type Resource, text } from '../../src/fhir/resource.ts';
import { bare } from './codes.ts';

/** The system of a number says that it is one of a group of claims, such as Synthea's and Blue Button's `claim-group`, `clm_grp_id`. */
const OF_CLAIM_GROUP = /[/:_-](claim|clm)[-_]?(group|grp)\b|[/:_-](claim|clm)_?(group|grp)_/i;
/** Identifiers of a claim without those of the group that it is in, which other claims of the person share. */
export const ungrouped = (r: Resource) =>
  objects(r['identifier']).filter((i) => !OF_CLAIM_GROUP.test(text(i['system']) ?? ''));
/** Identifiers that name the claim: those typed as unique claim ids; claims of others may type none, then what comes first. */
export function claimIdentifiers(r: Resource) {
  const all = ungrouped(r).filter((i) => i['use'] !== 'secondary');
  const typed = all.filter((i) => bare(i['type']).includes('uc'));
  return typed.length > 0 ? typed : all.slice(0, 1);
}

// Which identifiers of a claim name that claim alone, and for what kind of claim.
import { codings, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { bare } from './codes.ts';

/**
 * The system of a number ends with the name of a group of claims, such as Synthea's and Blue Button's `claim-group`, `clm_grp_id`. A payer whose
 * host is called so numbers claims all the same.
 */
const OF_CLAIM_GROUP =
  /[/:#](?:[\w.-]+[-_.])?(?:claim|clm)[-_]?(?:group|grp)(?:[-_/]?(?:id|identifier|no|num|number))?\/?$/i;

/** Identifiers of a claim without those of the group that it is in, which other claims of the person share, and without those that say no number. */
export const ungrouped = (r: Resource) =>
  objects(r['identifier']).filter(
    (i) => (text(i['value']) ?? '').trim() !== '' && !OF_CLAIM_GROUP.test(text(i['system']) ?? ''),
  );

/** Identifiers that name the claim: those typed as unique claim ids; claims of others may type none, then what comes first. */
export function claimIdentifiers(r: Resource) {
  const all = ungrouped(r).filter((i) => i['use'] !== 'secondary');
  const typed = all.filter((i) => bare(i['type']).includes('uc'));
  return typed.length > 0 ? typed : all.slice(0, 1);
}

const SUB_TYPES = '/C4BBInstitutionalClaimSubType';
/**
 * Inpatient or outpatient: both are of the type `institutional`, and payers number them each by themselves (CARIN Blue Button). Undefined where a claim
 * does not say it, or says both.
 */
export function institutionalSubType(r: Resource): string | undefined {
  const said = codings(r['subType']).flatMap((c) =>
    text(c['system'])?.endsWith(SUB_TYPES) ? (text(c['code']) ?? []) : [],
  );
  return new Set(said).size === 1 ? said[0] : undefined;
}

/** Do both say which they are, and is it not the same? */
export const isOtherSubType = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a !== b;

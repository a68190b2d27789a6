// What two records of one member may be to each other.
import { isObject, type Json, type Resource, text } from '../../../src/fhir/resource.ts';

/** Number of the rules by which pairs are judged and units decided; it rises whenever a decision changes. */
export const RULES_VERSION = 2;

export type LinkKind = 'same-record' | 'same-event' | 'derived-from' | 'coordination-of-benefits';
export type ConflictKind =
  | 'value-mismatch'
  | 'status-mismatch'
  | 'dosage-mismatch'
  | 'demographic-mismatch'
  | 'deceased-mismatch'
  | 'identity-doubt'
  | 'coverage-overlap'
  | 'duplicate-order';

export type Verdict =
  | { kind: LinkKind; score: 1 | 0.9 | 0.7; rule: string }
  | { kind: 'conflict'; conflict: ConflictKind; rule: string; detail?: string };

/** What is known beside the two records. */
export type Known = {
  /** NPI of a directory-type record by our key `Type/id` */
  npi: (key: string) => string | undefined;
  /** are two records of the member, by `Type/id`, linked as the same? */
  linked: (a: string, b: string) => boolean;
};

/** undefined: they have nothing to do with each other, or something says that they must not be linked. */
export type Judge = (a: Resource, b: Resource, known: Known) => Verdict | undefined;

export const sameRecord = (rule: string): Verdict => ({ kind: 'same-record', score: 1, rule });
/** `missing`: how many parts of the key one side lacks. One makes it a proposal, two nothing. */
export const sameEvent = (rule: string, missing = 0): Verdict | undefined =>
  missing === 0
    ? { kind: 'same-event', score: 0.9, rule }
    : missing === 1
      ? { kind: 'same-event', score: 0.7, rule }
      : undefined;
export const conflict = (kind: ConflictKind, rule: string, detail?: string): Verdict => ({
  kind: 'conflict',
  conflict: kind,
  rule,
  ...(detail === undefined ? {} : { detail }),
});

const identifierOf = (ref: Json | undefined): string | undefined => {
  if (!isObject(ref) || !isObject(ref['identifier'])) return undefined;
  const { system, value } = ref['identifier'];
  return text(value) === undefined ? undefined : `${text(system) ?? ''}|${String(value)}`;
};
export const referenceOf = (ref: Json | undefined): string | undefined =>
  isObject(ref) ? text(ref['reference']) : undefined;

/** Do two references lead to the same person, place or organization? undefined: it cannot be told. */
export function sameTarget(a: Json | undefined, b: Json | undefined, known: Known): boolean | undefined {
  const [ra, rb] = [referenceOf(a), referenceOf(b)];
  if (ra !== undefined && ra === rb) return true;
  const npi = (ref: string | undefined, given: string | undefined) =>
    (ref === undefined ? undefined : known.npi(ref)) ??
    (given?.startsWith('http://hl7.org/fhir/sid/us-npi|') ? given.slice(given.indexOf('|') + 1) : undefined);
  const [ia, ib] = [identifierOf(a), identifierOf(b)];
  const [na, nb] = [npi(ra, ia), npi(rb, ib)];
  if (na !== undefined && nb !== undefined) return na === nb;
  if (ia !== undefined && ia === ib) return true;
  return undefined;
}

/** The same of lists: true when one of each is the same, false when all can be told apart. */
export function sameOf(as: readonly Json[], bs: readonly Json[], known: Known): boolean | undefined {
  let unknown = as.length === 0 || bs.length === 0;
  for (const a of as)
    for (const b of bs) {
      const same = sameTarget(a, b, known);
      if (same === true) return true;
      if (same === undefined) unknown = true;
    }
  return unknown ? undefined : false;
}

/** One part of a key: 0 when it agrees or neither has it, 1 when it cannot be compared; undefined when it differs. */
export const part = (same: boolean | undefined, has: readonly [boolean, boolean]): 0 | 1 | undefined =>
  same === false ? undefined : same === true || (!has[0] && !has[1]) ? 0 : 1;

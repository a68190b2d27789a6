// What two records of one member may be to each other.
import { isNpiSystem } from '../../../src/fhir/npi.ts';
import { codings, isObject, type Json, type JsonObject, type Resource, text } from '../../../src/fhir/resource.ts';

/** Number of the rules by which pairs are judged and units decided; it rises whenever a decision changes. */
export const RULES_VERSION = 33;

/** Rule of an event that says to be a copy of one that we hold, and says something else than it. */
export const CHANGED_COPY = 'changed-copy';

type LinkKind = 'same-record' | 'same-event' | 'derived-from' | 'coordination-of-benefits';
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
  /** records of the member that are linked with one as the same, all by `Type/id` */
  linked: (key: string) => ReadonlySet<string> | undefined;
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

const NPI = 'http://hl7.org/fhir/sid/us-npi|';
/** Some say by the type of a number alone that it is an NPI (CARIN Blue Button: `npi`). */
const saysNpi = (identifier: JsonObject): boolean =>
  isNpiSystem(identifier['system']) ||
  (identifier['system'] === undefined && codings(identifier['type']).some((c) => /^npi$/i.test(text(c['code']) ?? '')));
const identifierOf = (ref: Json | undefined): string | undefined => {
  if (!isObject(ref) || !isObject(ref['identifier'])) return undefined;
  const { system, value } = ref['identifier'];
  if (text(value) === undefined) return undefined;
  return `${saysNpi(ref['identifier']) ? NPI : `${text(system) ?? ''}|`}${String(value)}`;
};
export const referenceOf = (ref: Json | undefined): string | undefined =>
  isObject(ref) ? text(ref['reference']) : undefined;

/** What tells whom a reference leads to. */
type Told = { ref: string | undefined; npi: string | undefined; id: string | undefined };

/** Does a reference name a clinician or an organization by the NPI alone? */
export const isNumbered = (reference: Json): boolean => identifierOf(reference)?.startsWith(NPI) === true;

function toldBy(reference: Json | undefined, known: Known): Told {
  const named = referenceOf(reference);
  // what is within a record has a name of its own making
  const ref = named?.startsWith('#') === true ? undefined : named;
  const id = identifierOf(reference);
  const npi =
    (ref === undefined ? undefined : known.npi(ref)) ?? (id?.startsWith(NPI) ? id.slice(NPI.length) : undefined);
  return { ref, npi, id };
}

/** Do two references lead to the same person, place or organization? undefined: it cannot be told. */
export function sameTarget(a: Json | undefined, b: Json | undefined, known: Known): boolean | undefined {
  const [x, y] = [toldBy(a, known), toldBy(b, known)];
  if (x.ref !== undefined && x.ref === y.ref) return true;
  if (x.npi !== undefined && y.npi !== undefined) return x.npi === y.npi;
  if (x.id !== undefined && x.id === y.id) return true;
  return undefined;
}

/** {@link sameTarget} with any of a list, which may be as long as a peer likes: it is looked through once. True for one that is among them. */
export function among(list: readonly Json[], known: Known): { has: (one: Json) => boolean; areNumbered: boolean } {
  const told = list.map((one) => toldBy(one, known));
  const refs = new Set(told.map((t) => t.ref));
  const npis = new Set(told.map((t) => t.npi));
  // two that have an NPI are told apart by it, whatever else they have in common
  const ids = new Set(told.map((t) => t.id));
  const unnumbered = new Set(told.flatMap((t) => (t.npi === undefined ? [t.id] : [])));
  return {
    has: (one) => {
      const { ref, npi, id } = toldBy(one, known);
      return (
        (ref !== undefined && refs.has(ref)) ||
        (npi !== undefined && npis.has(npi)) ||
        (id !== undefined && (npi === undefined ? ids : unnumbered).has(id))
      );
    },
    areNumbered: told.every((t) => t.npi !== undefined),
  };
}

/** The same of lists: true when one of each is the same, false when all can be told apart. */
export function sameOf(as: readonly Json[], bs: readonly Json[], known: Known): boolean | undefined {
  const [a, b] = [as[0], bs[0]];
  if (a === undefined || b === undefined) return undefined;
  if (as.length === 1 && bs.length === 1) return sameTarget(a, b, known);
  const theirs = among(bs, known);
  if (as.some(theirs.has)) return true;
  return theirs.areNumbered && among(as, known).areNumbered ? false : undefined;
}

/** Is each key among others, or linked with one that is? */
export function allAmong(keys: readonly string[], others: readonly string[], known: Known): boolean {
  const held = new Set(others);
  const isHeld = (key: string): boolean => {
    if (held.has(key)) return true;
    for (const same of known.linked(key) ?? []) if (held.has(same)) return true;
    return false;
  };
  return [...new Set(keys)].every(isHeld);
}

/** One part of a key: 0 when it agrees or neither has it, 1 when it cannot be compared; undefined when it differs. */
export const part = (same: boolean | undefined, has: readonly [boolean, boolean]): 0 | 1 | undefined =>
  same === false ? undefined : same === true || (!has[0] && !has[1]) ? 0 : 1;

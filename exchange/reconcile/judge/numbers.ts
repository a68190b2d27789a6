// What the numbers of two records say of them.
import type { Resource } from '../../../src/fhir/resource.ts';
import { identifiers, otherwiseCoded, otherwiseNumbered, overlap } from '../codes.ts';

/** Do both carry one and the same number that names the record? */
export const sharesIdentifier = (a: Resource, b: Resource): boolean => overlap(identifiers(a), identifiers(b));

const systemOf = (identifier: string) => identifier.slice(0, identifier.lastIndexOf('|'));
/** Systems in which everybody makes numbers: two of them say nothing. */
const NOBODYS = new Set(['urn:ietf:rfc:3986', '']);
/** Have two lists of numbers (`system|value`) other ones of one system? Then who gave them counted two things. */
export const numbersApart = (a: readonly string[], b: readonly string[]): boolean =>
  otherwiseNumbered(a, b, (i) => {
    const system = systemOf(i);
    return NOBODYS.has(system) ? undefined : system;
  });
/** Do both carry numbers of one system, and other ones? */
export const numberedApart = (a: Resource, b: Resource): boolean => numbersApart(identifiers(a), identifiers(b));

/**
 * Are the codes of two records the same, as far as they can be compared? Those that carry one number are one, whatever code systems they
 * are written in; codes of one system that differ are two.
 */
export const sameOrUncompared = (isSame: boolean, a: Resource, b: Resource, ca: string[], cb: string[]): boolean =>
  isSame || (sharesIdentifier(a, b) && !otherwiseCoded(ca, cb));

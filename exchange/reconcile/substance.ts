// What two records that are one thing have in common: their content without references and noted ids.
import { contentHashes, MEMBER_CONTENT } from '../../src/fhir/canonical.ts';
import { exactNumerals, longNumerals } from '../../src/fhir/numerals.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { factsOf } from '../records/facts/facts.ts';

/**
 * Of our own what peers get is compared: that is what may come back.
 * @returns SHA-256, lower-case hex
 */
export function substanceOf(body: string, isOwn: boolean): string {
  const resource = JSON.parse(body) as Resource;
  const shared = isOwn ? factsOf(resource, body).shared : undefined;
  const told = shared === undefined ? resource : (JSON.parse(shared) as Resource);
  return contentHashes(told, MEMBER_CONTENT, exactNumerals(longNumerals(shared ?? body))).substance;
}

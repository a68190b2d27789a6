// The page after this one, of a manifest or a Bundle.
import { isObject, type JsonObject, text } from '../../../src/fhir/resource.ts';
import { PeerFault } from './peer-fetch.ts';

/**
 * Address of the next page, as written; undefined: this is the last one. An address of null is none.
 * @param fault reason of a page whose links say that there is a next one and not where, or several: what they hold would be missing
 * @throws PeerFault
 */
export function nextPage(page: JsonObject, fault: string): string | undefined {
  const given = page['link'] ?? [];
  const links = Array.isArray(given) ? given : [given];
  if (!links.every(isObject)) throw new PeerFault(fault);
  const named = links.filter((l) => text(l['relation'])?.toLowerCase() === 'next' && l['url'] !== null);
  const addresses = new Set(named.map((l) => text(l['url'])));
  if (addresses.size > 1 || addresses.has(undefined)) throw new PeerFault(fault);
  return [...addresses][0];
}

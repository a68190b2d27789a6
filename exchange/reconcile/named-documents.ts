// Which documents does a text of a peer name? Of an authorization that is not taken in, or of lines that are dropped, they must not leave either.
import { referencesIn } from '../../src/fhir/json-text.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { isByUuid } from '../members/enrolment/read-own.ts';
import { decidedAhead, isHidden } from '../records/facts/prior-authorization.ts';
import { SUPPORTING_TYPES } from '../records/facts/record-types.ts';
import { localId, referredId } from './local-id.ts';
import { peerKey } from './rewrite.ts';

/** Our keys `Type/id` of the documents, whether or not they have come; of one that is named by its id alone, that of each type. */
export function namedDocuments(json: string, peer: { peerId: string; peerBase: string }): string[] {
  const found = new Set<string>();
  const add = (type: string, id: string) => found.add(`${type}/${referredId(peer.peerId, `${type}/${id}`)}`);
  for (const reference of referencesIn(json)) {
    const [type = '', id = ''] = peerKey(reference, peer.peerBase)?.split('/') ?? [];
    if (SUPPORTING_TYPES.includes(type)) add(type, id);
    else if (isByUuid(reference))
      for (const of of SUPPORTING_TYPES) add(of, reference.slice('urn:uuid:'.length).toLowerCase());
  }
  return [...found];
}

/**
 * Our keys of an authorization that must not leave, which is not taken in whatever it is held for, and of the documents that it names: they
 * do not leave either. Undefined of everything else.
 */
export function keptWith(
  resource: Resource,
  json: string,
  peer: { peerId: string; peerBase: string },
): string[] | undefined {
  const decided = decidedAhead(resource);
  if (decided === undefined || !isHidden(decided.state)) return undefined;
  const { resourceType: type } = resource;
  return [`${type}/${localId(peer.peerId, type, String(resource['id']))}`, ...namedDocuments(json, peer)];
}

// Which documents does a text of a peer name? Of an authorization that is not taken in, or of lines that are dropped, they must not leave either.
import { referencesIn } from '../../src/fhir/json-text.ts';
import { isByUuid } from '../members/read-own.ts';
import { SUPPORTING_TYPES } from '../transform/record-types.ts';
import { referredId } from './local-id.ts';
import { peerKey } from './rewrite.ts';

/** Our keys `Type/id` of the documents, whether or not they have come; of one that is named by its id alone, that of each type. */
export function namedDocuments(json: string, peer: { peerId: string; peerBase: string }): string[] {
  const found = new Set<string>();
  const add = (type: string, id: string) => found.add(`${type}/${referredId(peer.peerId, type, id)}`);
  for (const reference of referencesIn(json)) {
    const [type = '', id = ''] = peerKey(reference, peer.peerBase)?.split('/') ?? [];
    if (SUPPORTING_TYPES.includes(type)) add(type, id);
    else if (isByUuid(reference))
      for (const of of SUPPORTING_TYPES) add(of, reference.slice('urn:uuid:'.length).toLowerCase());
  }
  return [...found];
}

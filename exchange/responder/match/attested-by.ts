// By what the asker attests for each member of what it asks: looked for from the cheapest to the dearest, and no further than needed.
import type { Deps } from '../../../src/deps.ts';
import type { Peer } from '../../peers/peer.ts';
import { attestingPeers } from '../../peers/peer-document.ts';
import { peerKeys } from '../../peers/peer-keys.ts';
import { type Attested, type AttestedBy, attests, coverageAttests, readStatement, statementOf } from './attestation.ts';
import type { MemberBundle } from './read-member-bundle.ts';

/** @param batch the statement about all members of a batch, when there is one */
export function attestations(
  deps: Deps,
  peer: Peer,
  day: string,
  now: Date,
  batch?: string,
): (bundle: MemberBundle) => Promise<AttestedBy | undefined> {
  const keysFor = async (kid: string) => {
    const found = await peerKeys(deps, peer, kid);
    return 'fault' in found ? [] : found.keys;
  };
  const asker = { clientId: peer.clientIdHere ?? '', keysFor };
  let ofBatch: Promise<Attested> | undefined;
  let standing: Promise<boolean> | undefined;
  return async (bundle) => {
    if (coverageAttests(bundle.coverageToLink, { npi: peer.npi, name: peer.name })) return 'coverage';
    const own = statementOf(bundle.consent);
    if (own !== undefined && attests(await readStatement(own, asker, now), bundle)) return 'signed';
    if (batch !== undefined) {
      ofBatch ??= readStatement(batch, asker, now);
      if (attests(await ofBatch, bundle)) return 'signed';
    }
    standing ??= attestingPeers(deps.database.sql, [peer.id], day).then((found) => found.has(peer.id));
    return (await standing) ? 'document' : undefined;
  };
}

// Discovery of a peer: SMART configuration and CapabilityStatement. What differs from the pinned record stops the pull
// until a person looks: a taken-over discovery file must not collect our assertions.
import type { Deps } from '../../src/deps.ts';
import { isObject, type Json, objects, strings, text } from '../../src/fhir/resource.ts';
import type { Peer } from '../store/peer.ts';
import { askPeer, PeerFault, readJson } from './peer-fetch.ts';

export type Discovery = {
  tokenEndpoint: string;
  issuer: string | undefined;
  algorithms: string[];
  scopes: string[];
  fhirVersion: string | undefined;
  software: string | undefined;
  guides: string[];
  groupOperations: string[];
};

const MAX = 4 * 1024 * 1024;

/** Judges both documents. Throws PeerFault when the peer cannot be used. */
export function readDiscovery(smart: unknown, statement: unknown): Discovery {
  const s = smart as Json;
  if (!isObject(s)) throw new PeerFault('no-smart-configuration');
  const tokenEndpoint = text(s['token_endpoint']);
  if (tokenEndpoint === undefined || !URL.canParse(tokenEndpoint)) throw new PeerFault('no-token-endpoint');
  const methods = strings(s['token_endpoint_auth_methods_supported']);
  if (methods.length > 0 && !methods.includes('private_key_jwt')) throw new PeerFault('no-private-key-jwt');
  const c = statement as Json;
  const rest = isObject(c) ? (objects(c['rest'])[0] ?? {}) : {};
  const group = objects(rest['resource']).find((r) => r['type'] === 'Group');
  return {
    tokenEndpoint,
    issuer: text(s['issuer']),
    algorithms: strings(s['token_endpoint_auth_signing_alg_values_supported']),
    scopes: strings(s['scopes_supported']),
    fhirVersion: isObject(c) ? text(c['fhirVersion']) : undefined,
    software: isObject(c) && isObject(c['software']) ? text(c['software']['name']) : undefined,
    guides: isObject(c) ? strings(c['implementationGuide']) : [],
    groupOperations: objects(group?.['operation']).map((o) => text(o['name']) ?? ''),
  };
}

/** Asks a peer for both documents, without a token. */
export async function discover(deps: Deps, peer: Peer): Promise<Discovery> {
  if (peer.fhirBase === null) throw new PeerFault('no-endpoint');
  const get = async (path: string) => {
    const response = await askPeer(deps, peer, `${peer.fhirBase}${path}`, {
      headers: { accept: 'application/json, application/fhir+json' },
    });
    if (response.status !== 200) throw new PeerFault(`discovery-${response.status}`);
    return readJson(response, MAX);
  };
  return readDiscovery(await get('/.well-known/smart-configuration'), await get('/metadata'));
}

// References of a peer's records that have no address: by identifier, or, of a network, by its name (federation.md 8). They are
// resolved within the peer, and only when exactly one record answers to them. Pure.
import {
  codings,
  isObject,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  text,
} from '../../src/fhir/resource.ts';
import { type DirectoryType, isDirectoryType } from '../../src/fhir/search/types.ts';
import { companyName } from './features.ts';
import { npiIn } from './npi.ts';
import { textHash } from './text-hash.ts';

/** A record that answers to a name. `token`: 64 bits of identifier or name. */
export type Name = { type: DirectoryType; token: bigint };

/** Types to which elements of the eight profiles lead. `partOf` leads to its own type. */
const LEADS_TO: Readonly<Record<string, DirectoryType>> = {
  practitioner: 'Practitioner',
  organization: 'Organization',
  participatingOrganization: 'Organization',
  managingOrganization: 'Organization',
  providedBy: 'Organization',
  ownedBy: 'Organization',
  administeredBy: 'Organization',
  network: 'Organization',
  'network-reference': 'Organization',
  fromNetwork: 'Organization',
  location: 'Location',
  coverageArea: 'Location',
  healthcareService: 'HealthcareService',
  endpoint: 'Endpoint',
};
const NETWORKS = new Set(['network', 'network-reference', 'fromNetwork']);

const tokenOf = (system: string, value: string): bigint => textHash(`${system}|${value}`);
const networkToken = (name: string): bigint | undefined => {
  const plain = companyName(name);
  return plain === '' ? undefined : tokenOf('network', plain);
};

/** Forms in which an identifier may be named: with its system, and without. */
function tokensOf(identifier: JsonObject): bigint[] {
  const npi = npiIn(identifier, false);
  const value = npi?.value ?? String(identifier['value'] ?? '').trim();
  if (value === '') return [];
  const system = npi ? 'npi' : (text(identifier['system']) ?? '');
  return [...new Set([tokenOf(system, value), tokenOf('', value)])];
}

const isNetwork = (r: Resource): boolean =>
  r.resourceType === 'Organization' && codings(r['type']).some((c) => c['code'] === 'ntwk');

/** What a record answers to. Roles and affiliations are named by no one. */
export function namesOf(r: Resource): bigint[] {
  if (r.resourceType === 'PractitionerRole' || r.resourceType === 'OrganizationAffiliation') return [];
  const tokens = new Set(objects(r['identifier']).flatMap(tokensOf));
  if (isNetwork(r)) {
    const named = [text(r['name']), ...(Array.isArray(r['alias']) ? r['alias'].map((a) => text(a)) : [])];
    for (const name of named) {
      const token = name === undefined ? undefined : networkToken(name);
      if (token !== undefined) tokens.add(token);
    }
  }
  return [...tokens];
}

/** What a reference without an address asks for; undefined when it has one, or says too little. */
export function nameIn(reference: JsonObject, element: string, parent: string): Name | undefined {
  if (text(reference['reference']) !== undefined) return undefined;
  const said = text(reference['type']);
  const type =
    said !== undefined && isDirectoryType(said)
      ? said
      : element === 'partOf' && isDirectoryType(parent)
        ? parent
        : LEADS_TO[element];
  if (type === undefined) return undefined;
  const identifier = reference['identifier'];
  if (isObject(identifier)) {
    const [token] = tokensOf(identifier);
    return token === undefined ? undefined : { type, token };
  }
  const display = text(reference['display']);
  const token = NETWORKS.has(element) && display !== undefined ? networkToken(display) : undefined;
  return token === undefined ? undefined : { type, token };
}

/**
 * A copy of a record in which references are replaced.
 * @param replace is given each object that stands where references stand, and the element it stands in; undefined leaves it
 */
export function replaceEach(
  record: Resource,
  replace: (reference: JsonObject, element: string) => JsonObject | undefined,
): Resource {
  const walk = (value: Json | undefined, element: string): Json | undefined => {
    if (Array.isArray(value)) return value.map((v) => walk(v, element) ?? null);
    if (!isObject(value)) return value;
    if (value !== record) {
      const other = replace(value, element);
      if (other !== undefined) return other;
    }
    const url = text(value['url']);
    const named = url === undefined ? element : (url.split('/').at(-1) ?? '');
    const out: JsonObject = {};
    for (const [key, v] of Object.entries(value)) out[key] = walk(v, key === 'valueReference' ? named : key);
    return out;
  };
  return walk(record, '') as Resource;
}

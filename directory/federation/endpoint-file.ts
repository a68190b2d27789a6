// Addresses of payers out of Endpoint resources, as the national directory (NDH) and Plan-Net directories hold them. Most FHIR
// endpoints of such a directory belong to practices and hospitals: only what says that it is a directory of providers, or serves
// payers, is taken. Pure.
import { codings, extensions, isObject, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { PLAN_NET } from '../../src/fhir/search/types.ts';
import { urlsIn } from './classify-url.ts';
import type { Owner, Seeded } from './payer-index-file.ts';

/** FHIR over HTTP; `hl7-fhir-opn` is its public form in Plan-Net. */
const FHIR_CONNECTIONS = new Set(['hl7-fhir-rest', 'hl7-fhir-opn']);
/** The extension of Plan-Net, and that of NDH whatever its prefix. */
const USE_CASE = /\/(?:base-ext-)?endpoint-?usecase$/i;

const DIRECTORY_WORDS = /plan-?net|provider[\s_-]*director/i;
const PAYER_WORDS = /payer[\s_-]*to[\s_-]*payer|\bp2p\b/i;

export type Half = 'directory' | 'payer-to-payer';

/** Why an Endpoint makes no entry of the registry. */
export type Unused = 'not-active' | 'not-fhir' | 'no-address' | 'not-about-payers';

/**
 * What one Endpoint says.
 * @param ownerOf the organization behind a reference, where the files hold it
 * @param all the half to which all belong that do not say it themselves
 */
export function readEndpoint(
  resource: Resource,
  ownerOf: (reference: string) => Owner | undefined,
  all?: Half,
): Seeded | { unused: Unused } {
  if (text(resource['status']) !== 'active') return { unused: 'not-active' };
  const types = Array.isArray(resource['connectionType']) ? resource['connectionType'] : [resource['connectionType']];
  const codes = types.flatMap((t) => (isObject(t) ? [text(t['code']), ...codings(t).map((c) => text(c['code']))] : []));
  if (!codes.some((c) => c !== undefined && FHIR_CONNECTIONS.has(c))) return { unused: 'not-fhir' };
  const url = urlsIn(text(resource['address']) ?? '')[0];
  if (url === undefined) return { unused: 'no-address' };
  const half = halfOf(resource, url) ?? all;
  if (half === undefined) return { unused: 'not-about-payers' };
  const managing = isObject(resource['managingOrganization']) ? resource['managingOrganization'] : undefined;
  const owner = ownerOf(text(managing?.['reference']) ?? '') ?? {
    name: text(managing?.['display']) ?? text(resource['name']) ?? new URL(url).hostname,
    identifiers: [],
  };
  return { owner, endpoints: [{ family: half, key: `Endpoint/${text(resource['id']) ?? ''}`, url }] };
}

/** By its use case, else by the guide it names, else by its words. */
function halfOf(resource: Resource, url: string): Half | undefined {
  const uses = objects(resource['extension'])
    .filter((e) => USE_CASE.test(text(e['url']) ?? ''))
    .concat(extensions(resource, `${PLAN_NET}/StructureDefinition/endpoint-usecase`));
  const parts = uses.flatMap((e) => objects(e['extension']));
  const useCodes = [
    ...parts.flatMap((p) => codings(p['valueCodeableConcept'])),
    ...uses.flatMap((e) => codings(e['valueCodeableConcept'])),
  ].map((c) => text(c['code']) ?? '');
  const guides = parts.map((p) => text(p['valueUri']) ?? text(p['valueCanonical']) ?? '');
  const payloads = codings(resource['payloadType']).flatMap((c) => [text(c['code']) ?? '', text(c['display']) ?? '']);
  const said = [...useCodes, ...guides, ...payloads, text(resource['name']) ?? '', url];
  if (said.some((s) => PAYER_WORDS.test(s.replace(/([a-z])([A-Z])/g, '$1-$2')))) return 'payer-to-payer';
  return said.some((s) => DIRECTORY_WORDS.test(s)) ? 'directory' : undefined;
}

/** An organization as the owner of an address: its legal name and its identifiers. */
export function ownerFrom(organization: Resource): Owner | undefined {
  const name = text(organization['name']);
  if (name === undefined) return undefined;
  const identifiers = objects(organization['identifier']).flatMap((i) => {
    const system = text(i['system']);
    const value = text(i['value']);
    return system === undefined || value === undefined ? [] : [{ system, value }];
  });
  return { name, identifiers };
}

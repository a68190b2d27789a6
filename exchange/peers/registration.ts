// What a peer's record may hold, read from a form. Pure. Sentences name the field and are shown to the person who typed.
import { holdsPrivateKey } from '../../src/auth/client-assertion.ts';
import { BULK_MATCH_SCOPE, MATCHED_GROUP_SCOPE, parseScope, SINGLE_MATCH_SCOPE } from '../../src/auth/scopes.ts';
import { isId } from '../../src/fhir/reference.ts';
import { isObject, objects } from '../../src/fhir/resource.ts';
import { type AddressFault, checkUrl, type NetworkPolicy } from '../../src/net/address.ts';

/** The part of a record that people write; `null` is empty. */
export type PeerFields = {
  name: string;
  npi: string | null;
  /** where it can be written to, in one line: the accounting of disclosures tells it */
  postalAddress: string | null;
  fhirBase: string | null;
  clientIdThere: string | null;
  clientIdHere: string | null;
  jwksUrl: string | null;
  jwks: { keys: JsonWebKey[] } | null;
  scopes: string[];
  /** further hosts whose files may be fetched, without our token */
  fileOrigins: string[];
  /** Group that was agreed on with a payer that matches no one itself */
  groupThere: string | null;
  /** may be asked for everybody our client may see, when it cannot be asked for some */
  sendsAll: boolean;
  audience: 'token-url' | 'issuer';
  /** base of its davinci-configuration or payer-index */
  discoveryUrl: string | null;
};

/** What a record says when no one wrote anything else. */
const USUAL = {
  postalAddress: null,
  fileOrigins: [] as string[],
  groupThere: null,
  sendsAll: false,
  audience: 'token-url',
  discoveryUrl: null,
} as const satisfies Partial<PeerFields>;

export const DEFAULT_SCOPES: readonly string[] = [
  BULK_MATCH_SCOPE,
  SINGLE_MATCH_SCOPE,
  MATCHED_GROUP_SCOPE,
  'system/*.rs',
];
/** A record as it is written: what is not said is as usual, or stays as it was. */
export type Registration = Omit<PeerFields, keyof typeof USUAL> & Partial<Pick<PeerFields, keyof typeof USUAL>>;

const MAX_KEYS_TEXT = 64 * 1024;
/** Characters of a postal address. */
export const MAX_ADDRESS = 300;

/** Lines of an address behind each other, with commas. */
export const oneLine = (text: string | null): string | null =>
  text
    ?.split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter(Boolean)
    .join(', ') ?? null;

export function isPeerId(id: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,62}$/.test(id) && id !== 'own' && id !== 'new';
}

/** `http` or `https`, without user, query or fragment. */
export const isAddress = (value: string): boolean => {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return (
    (url.protocol === 'https:' || url.protocol === 'http:') &&
    url.username === '' &&
    url.search === '' &&
    url.hash === ''
  );
};

const NEVER_ASKED: Readonly<Record<AddressFault, string>> = {
  scheme: 'must begin with https',
  userinfo: 'may name no user',
  address: 'is none on the public internet, and its network is not among PEER_ALLOWED_NETWORKS',
};

/**
 * Addresses of a record that this node would ask for nothing, a sentence each: reported to who writes them, and not
 * first by a refused token or a failed pull. Pure: what a name stands for is looked at when it is asked.
 */
export function neverAsked(
  fields: Pick<PeerFields, 'fhirBase' | 'jwksUrl' | 'discoveryUrl' | 'fileOrigins'>,
  policy: NetworkPolicy,
): string[] {
  const written: [string, string | null][] = [
    ['The FHIR address', fields.fhirBase],
    ['The address of its keys', fields.jwksUrl],
    ['The address where it publishes its endpoints', fields.discoveryUrl],
    ...fields.fileOrigins.map((origin): [string, string] => ['A file host', origin]),
  ];
  return written.flatMap(([label, value]) => {
    const fault = value === null || !isAddress(value) ? undefined : checkUrl(new URL(value), policy);
    return fault === undefined ? [] : [`${label} ${NEVER_ASKED[fault]}.`];
  });
}

/** Fields of a form, or what is wrong with them. */
export function readPeerFields(
  form: URLSearchParams,
  policy: NetworkPolicy,
): { fields: PeerFields } | { faults: string[] } {
  const faults: string[] = [];
  const get = (name: string): string | null => {
    const value = (form.get(name) ?? '').trim();
    return value === '' ? null : value;
  };
  const address = (name: string, label: string): string | null => {
    const value = get(name)?.replace(/\/+$/, '') ?? null;
    if (value !== null && !isAddress(value)) faults.push(`${label} must be an https address without query.`);
    return value;
  };
  const name = get('name');
  if (name === null || name.length > 200) faults.push('The name is missing or longer than 200 characters.');
  const npi = get('npi');
  if (npi !== null && !/^[0-9]{10}$/.test(npi)) faults.push('The NPI must be ten digits.');
  const fields: PeerFields = {
    name: name ?? '',
    npi,
    postalAddress: oneLine(get('postalAddress')),
    fhirBase: address('fhirBase', 'The FHIR address'),
    clientIdThere: get('clientIdThere'),
    clientIdHere: get('clientIdHere'),
    jwksUrl: address('jwksUrl', 'The address of its keys'),
    jwks: null,
    scopes: (get('scopes') ?? '').split(/\s+/).filter(Boolean),
    fileOrigins: [],
    groupThere: get('groupThere'),
    sendsAll: get('sendsAll') !== null,
    audience: get('audience') === 'issuer' ? 'issuer' : 'token-url',
    discoveryUrl: address('discoveryUrl', 'The address where it publishes its endpoints'),
  };
  if ((fields.postalAddress?.length ?? 0) > MAX_ADDRESS)
    faults.push(`The postal address is longer than ${MAX_ADDRESS} characters.`);
  for (const typed of (get('fileOrigins') ?? '').split(/\s+/).filter(Boolean)) {
    const origin = fileOrigin(typed);
    if (origin === undefined) faults.push('A file host must be an https address without path.');
    else fields.fileOrigins.push(origin);
  }
  if (fields.groupThere !== null && !isId(fields.groupThere)) faults.push('The Group must be the id of a resource.');
  const given = get('jwks');
  const keys = given === null ? null : readKeySet(given);
  if (typeof keys === 'string') faults.push(keys);
  else fields.jwks = keys;
  if (fields.jwks !== null && fields.jwksUrl !== null)
    faults.push('Give the address of its keys or the keys, not both.');
  if (fields.clientIdHere !== null && fields.jwks === null && fields.jwksUrl === null)
    faults.push('A client that asks us needs its keys.');
  if (fields.clientIdHere === null && (fields.jwks !== null || fields.jwksUrl !== null))
    faults.push('Keys belong to a client id here.');
  if (fields.scopes.some((s) => parseScope(s) === undefined)) faults.push('A scope is none that can be granted.');
  faults.push(...neverAsked(fields, policy));
  return faults.length > 0 ? { faults } : { fields };
}

/** `https://files.example` of an address without path; undefined when it is none. */
export function fileOrigin(typed: string): string | undefined {
  if (!isAddress(typed)) return undefined;
  const url = new URL(typed);
  return url.pathname === '/' ? url.origin : undefined;
}

/** A set of public keys, or the sentence that tells what is wrong with it. */
export function readKeySet(text: string): { keys: JsonWebKey[] } | string {
  if (text.length > MAX_KEYS_TEXT) return 'The keys are longer than 64 KiB.';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'The keys are not JSON.';
  }
  if (!isObject(value) || !Array.isArray(value['keys']) || value['keys'].length === 0)
    return 'The keys must be a JWK set: {"keys": […]}.';
  const keys = objects(value['keys']);
  if (holdsPrivateKey(keys))
    return 'The keys hold a private key. It must be kept secret: ask the payer for a new pair.';
  if (
    keys.length < value['keys'].length ||
    keys.some((k) => typeof k['kid'] !== 'string' || typeof k['kty'] !== 'string')
  )
    return 'Each key needs kid and kty.';
  return { keys: [...keys] as JsonWebKey[] };
}

/** Fields that differ, as they were and as they are to be. */
export function differences(
  had: PeerFields,
  wanted: PeerFields,
): { before: Partial<PeerFields>; after: Partial<PeerFields> } {
  const names = (Object.keys(wanted) as (keyof PeerFields)[]).filter(
    (name) => JSON.stringify(had[name]) !== JSON.stringify(wanted[name]),
  );
  const pick = (of: PeerFields) => Object.fromEntries(names.map((n) => [n, of[n]])) as Partial<PeerFields>;
  return { before: pick(had), after: pick(wanted) };
}

/** Fields that neither let a peer in nor say whom or what it may ask. */
export const OPENS_NOTHING: readonly (keyof PeerFields)[] = ['postalAddress'];

export const opensNothing = (fields: Partial<PeerFields>): boolean =>
  (Object.keys(fields) as (keyof PeerFields)[]).every((name) => OPENS_NOTHING.includes(name));

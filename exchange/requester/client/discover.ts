// Discovery of a peer: SMART configuration and CapabilityStatement. What differs from the pinned record stops the pull
// until a person looks: a taken-over discovery file must not collect our assertions.
import type { Deps } from '../../../src/deps.ts';
import { isObject, type Json, type JsonObject, objects, strings, text } from '../../../src/fhir/resource.ts';
import { readHttpDate } from '../../../src/net/retry-after.ts';
import type { Peer } from '../../peers/peer.ts';
import type { Statement } from './abilities.ts';
import { askPeer, discard, PeerFault, readJson } from './peer-fetch.ts';
import { type Talk, talkTo } from './talk.ts';
import { PeerTokens } from './token.ts';

export type Discovery = {
  tokenEndpoint: string;
  issuer: string | undefined;
  algorithms: string[];
  /** what it says that it does not take of how we sign in: it is tried all the same, as such lists are often wrong */
  unfit: ('peer-grant-types' | 'peer-algorithms')[];
  scopes: string[];
  fhirVersion: string | undefined;
  software: string | undefined;
  guides: string[];
  groupOperations: string[];
  statement: Statement;
  /**
   * by how many seconds its clock is ahead of ours, as its `Date` tells; undefined where that is at most
   * {@link CLOCK_SECONDS} or not reported
   */
  aheadSeconds?: number;
};

/** Assertions and tokens hold for minutes: clocks that are further apart than this may make them void. */
const CLOCK_SECONDS = 60;

const MAX = 4 * 1024 * 1024;
/** What we sign with. https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html */
const OURS = ['ES384', 'RS384'];

const operationsOf = (o: JsonObject): string[] =>
  objects(o['operation']).flatMap((x) => [text(x['name']) ?? '', text(x['definition']) ?? ''].filter(Boolean));

/** What a CapabilityStatement says of operations and searches. */
function readStatement(c: JsonObject | undefined, rest: JsonObject): Statement {
  const resources = objects(rest['resource']).filter((r) => typeof r['type'] === 'string');
  return {
    operations: Object.fromEntries(resources.map((r) => [String(r['type']), operationsOf(r)])),
    systemOperations: operationsOf(rest),
    guides: c === undefined ? [] : [...strings(c['implementationGuide']), ...strings(c['instantiates'])],
    searchParams: Object.fromEntries(
      resources.map((r) => [String(r['type']), objects(r['searchParam']).map((p) => text(p['name']) ?? '')]),
    ),
    revincludes: resources.some((r) => strings(r['searchRevInclude']).includes('Provenance:target')),
  };
}

/** https://www.rfc-editor.org/rfc/rfc6749#section-3.3: what is none can be asked for in no request, nor kept. */
const SCOPE = /^[!#-[\]-~]{1,256}$/;

/** As it can be kept: the database holds neither U+0000 nor half a character. */
const storable = (_: string, value: unknown): unknown =>
  typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\ufffd') : value;

/** Judges both documents. Throws PeerFault when the peer cannot be used. */
function readDiscovery(smart: unknown, statement: unknown): Discovery {
  const s = smart as Json;
  if (!isObject(s)) throw new PeerFault('no-smart-configuration');
  const tokenEndpoint = text(s['token_endpoint']);
  if (tokenEndpoint === undefined || !URL.canParse(tokenEndpoint)) throw new PeerFault('no-token-endpoint');
  const methods = strings(s['token_endpoint_auth_methods_supported']);
  if (methods.length > 0 && !methods.includes('private_key_jwt')) throw new PeerFault('no-private-key-jwt');
  const grants = strings(s['grant_types_supported']);
  const algorithms = strings(s['token_endpoint_auth_signing_alg_values_supported']);
  const c = isObject(statement as Json) ? (statement as JsonObject) : undefined;
  const rest = c === undefined ? {} : (objects(c['rest'])[0] ?? {});
  const fhirVersion = c === undefined ? undefined : text(c['fhirVersion']);
  if (fhirVersion !== undefined && !fhirVersion.startsWith('4.0')) throw new PeerFault('other-fhir-version');
  const group = objects(rest['resource']).find((r) => r['type'] === 'Group');
  const found: Discovery = {
    tokenEndpoint,
    issuer: text(s['issuer']),
    algorithms,
    unfit: [
      ...(grants.length > 0 && !grants.includes('client_credentials') ? (['peer-grant-types'] as const) : []),
      ...(algorithms.length > 0 && !OURS.some((a) => algorithms.includes(a)) ? (['peer-algorithms'] as const) : []),
    ],
    scopes: strings(s['scopes_supported']).filter((scope) => SCOPE.test(scope)),
    fhirVersion,
    software: c !== undefined && isObject(c['software']) ? text(c['software']['name']) : undefined,
    guides: c === undefined ? [] : strings(c['implementationGuide']),
    groupOperations: objects(group?.['operation']).map((o) => text(o['name']) ?? ''),
    statement: readStatement(c, rest),
  };
  return JSON.parse(JSON.stringify(found), storable) as Discovery;
}

/**
 * How far its clock is from ours. Its time is that of the whole second, and of before the answer came; a cache on the
 * way tells how long ago that was: https://www.rfc-editor.org/rfc/rfc9111#section-5.1.
 */
function aheadSeconds(answer: Headers, now: Date): number | undefined {
  const age = Number(/^\d{1,9}$/.exec(answer.get('age') ?? '')?.[0] ?? 0);
  const ahead = Math.round((readHttpDate(answer.get('date')) - now.getTime()) / 1000) + age;
  return Math.abs(ahead) > CLOCK_SECONDS ? ahead : undefined;
}

/** Asks a peer for both documents, without a token. */
export async function discover(deps: Deps, peer: Peer, note?: Talk['note']): Promise<Discovery> {
  if (peer.fhirBase === null) throw new PeerFault('no-endpoint');
  const talk = talkTo(deps, new PeerTokens(), peer, note);
  let last = new Headers();
  const get = async (path: string) => {
    const response = await askPeer(talk, `${peer.fhirBase}${path}`, {
      headers: { accept: 'application/json, application/fhir+json' },
    });
    if (response.status !== 200) {
      await discard(response);
      throw new PeerFault(`discovery-${response.status}`);
    }
    last = response.headers;
    return readJson(response, MAX, note);
  };
  const found = readDiscovery(await get('/.well-known/smart-configuration'), await get('/metadata'));
  const ahead = aheadSeconds(last, deps.clock());
  return ahead === undefined ? found : { ...found, aheadSeconds: ahead };
}

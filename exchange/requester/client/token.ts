// Access tokens of peers: kept in memory only, a new assertion for every attempt. What the audience is comes from the pinned
// record, never from a fresh discovery answer.
import { ASSERTION_TYPE, signAssertion } from '../../../src/auth/client-assertion.ts';
import { BULK_MATCH_SCOPE, SINGLE_MATCH_SCOPE } from '../../../src/auth/scopes.ts';
import { isObject, type Json, text } from '../../../src/fhir/resource.ts';
import type { Peer } from '../../peers/peer.ts';
import { addresses } from '../../plan.ts';
import { askPeer, discard, PeerFault, readJson, readText } from './peer-fetch.ts';
import { clientKey } from './signing-key.ts';
import type { Talk, Tokens } from './talk.ts';

type Granted = { token: string; until: number; scopes: readonly string[] };
/** `wanted`: what it was asked for. Who is asked in another form than before needs one of other scopes. */
type Kept = Granted & { wanted: string };
/** The spelling of PDex 2.1 */
const BULK_MATCH_SCOPE_21 = 'http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/bulk-member-match';
const V1 = ['system/*.read'];
const MAX_ANSWER = 64 * 1024;

/**
 * Which scopes are asked for, one set after the other until one is granted: as its guide spells them, then those of the
 * wanted ones that it lists, then in the spelling of SMART v1.
 */
export function scopeAttempts(peer: Pick<Peer, 'abilities'>): string[][] {
  const { match = 'bulk', scopes = [] } = peer.abilities ?? {};
  const bulk =
    !scopes.includes(BULK_MATCH_SCOPE) && scopes.includes(BULK_MATCH_SCOPE_21) ? BULK_MATCH_SCOPE_21 : BULK_MATCH_SCOPE;
  const operation = match === 'bulk' ? [bulk] : match === 'single' ? [SINGLE_MATCH_SCOPE] : [];
  const usual = [...operation, 'system/*.rs', ...(match === 'patients' ? [] : ['system/Group.rs'])];
  const listed = scopes.filter((s) => usual.includes(s) || /^system\/[A-Z*][A-Za-z]*\.(rs|r|s|read)$/.test(s));
  const knowsOnlyV1 = scopes.some((s) => s.endsWith('.read')) && !scopes.some((s) => /\.c?r?u?d?s$/.test(s));
  const v1 = [...operation, ...V1];
  return [
    ...(knowsOnlyV1 ? [v1] : [usual]),
    ...(listed.length > 0 ? [listed] : []),
    ...(knowsOnlyV1 ? [usual] : [v1]),
    V1,
  ];
}

/** One per process and database; tokens never leave memory. */
export class PeerTokens implements Tokens {
  readonly #kept = new Map<string, Kept>();

  /** A token of the scopes that the peer is asked with now, good for 30 seconds more. */
  async get(talk: Talk): Promise<string> {
    const have = this.#kept.get(talk.peer.id);
    const now = talk.deps.clock().getTime();
    const sets = scopeAttempts(talk.peer);
    const wanted = JSON.stringify(sets);
    if (have?.wanted === wanted && now < have.until - 30_000) return have.token;
    const fresh = await firstGranted(talk, sets);
    this.#kept.set(talk.peer.id, { ...fresh, wanted });
    return fresh.token;
  }

  scopes(peerId: string): readonly string[] {
    return this.#kept.get(peerId)?.scopes ?? [];
  }

  /** Forgets a token; one that came since is kept. */
  drop(peerId: string, token: string): void {
    if (this.#kept.get(peerId)?.token === token) this.#kept.delete(peerId);
  }
}

async function firstGranted(talk: Talk, sets: readonly string[][]): Promise<Granted> {
  for (const [i, scopes] of sets.entries()) {
    try {
      return await requestToken(talk, scopes);
    } catch (error) {
      const isScope = error instanceof PeerFault && error.reason === 'token-invalid_scope';
      if (!isScope || i === sets.length - 1) throw error;
      talk.note('peer-scope');
    }
  }
  throw new PeerFault('token-invalid_scope');
}

async function requestToken(talk: Talk, scopes: readonly string[]): Promise<Granted> {
  const { peer, deps } = talk;
  if (peer.tokenEndpoint === null || peer.clientIdThere === null) throw new PeerFault('not-registered');
  if (peer.audience === 'issuer' && peer.issuer === null) throw new PeerFault('no-issuer');
  const now = deps.clock();
  const assertion = await signAssertion(
    await clientKey(talk),
    {
      clientId: peer.clientIdThere,
      audience: peer.audience === 'issuer' ? (peer.issuer ?? '') : peer.tokenEndpoint,
      now,
    },
    {
      ...(talk.limits.typedAssertion === 1 ? { typ: 'client-authentication+jwt' } : {}),
      ...(talk.limits.sendJku === 1 ? { jku: addresses(deps.config).clientJwks } : {}),
    },
  );
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    scope: scopes.join(' '),
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: assertion,
  });
  const response = await askPeer(talk, peer.tokenEndpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: form.toString(),
  });
  const body =
    response.status === 200
      ? await readJson(response, MAX_ANSWER, talk.note)
      : asJson(await readText(response, MAX_ANSWER));
  return readToken(response.status, body, now, scopes);
}

/** What a refusal says, if it is JSON: some say nothing, or show a page. */
function asJson(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

/** Judges a token answer. */
function readToken(status: number, body: unknown, now: Date, asked: readonly string[]): Granted {
  const b = body as Json;
  const said = isObject(b) ? text(b['error']) : undefined;
  // a code of RFC 6749 5.2, or no code: what a peer writes does not end up in our reasons
  const error = said !== undefined && /^[a-z_]{1,40}$/.test(said) ? said : undefined;
  if (status !== 200)
    throw new PeerFault(error === undefined ? `token-${status}` : `token-${error}`, {
      isTransient: error === undefined,
    });
  const token = isObject(b) ? text(b['access_token']) : undefined;
  const type = isObject(b) ? text(b['token_type']) : undefined;
  // what a header cannot carry is no token, https://www.rfc-editor.org/rfc/rfc6750#section-2.1
  if (token === undefined || !/^[!-~]+$/.test(token) || type?.toLowerCase() !== 'bearer')
    throw new PeerFault('token-malformed');
  const given = isObject(b) ? Number(b['expires_in']) : Number.NaN;
  const seconds = Number.isFinite(given) && given > 0 ? Math.min(given, 3600) : 60;
  // absent, it is what was asked for, https://www.rfc-editor.org/rfc/rfc6749#section-5.1
  const scope = isObject(b) ? text(b['scope'])?.trim() : undefined;
  return { token, until: now.getTime() + seconds * 1000, scopes: scope ? scope.split(/\s+/) : asked };
}

/**
 * A token for what is under way. One answer that cannot be read, of a peer that gave good tokens before, is tried again
 * as a pause of it is.
 */
async function nextToken(talk: Talk): Promise<string> {
  try {
    return await talk.tokens.get(talk);
  } catch (error) {
    if (error instanceof PeerFault && error.reason === 'token-malformed')
      throw new PeerFault(error.reason, { isTransient: true });
    throw error;
  }
}

/** Sends with a token; once again with a new one after a 401. */
export async function withToken(talk: Talk, send: (token: string) => Promise<Response>): Promise<Response> {
  const had = await nextToken(talk);
  const first = await send(had);
  if (first.status !== 401) return first;
  await discard(first);
  talk.note('peer-token');
  talk.tokens.drop(talk.peer.id, had);
  const second = await send(await nextToken(talk));
  if (second.status !== 401) return second;
  await discard(second);
  throw new PeerFault('auth');
}

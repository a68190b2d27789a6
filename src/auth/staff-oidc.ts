// Staff sign-in with OpenID Connect: authorization code, PKCE S256, state and nonce.
// https://openid.net/specs/openid-connect-core-1_0.html, RFC 7636, RFC 9207
import { createHash } from 'node:crypto';
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import type { Deps } from '../deps.ts';
import { isObject, type Json, text } from '../fhir/resource.ts';
import { readBounded } from '../net/read-bounded.ts';

/** Why a sign-in is refused; goes to log and audit. */
export type SignInFault =
  | 'provider-away'
  | 'provider-answer'
  | 'provider-refused'
  | 'state'
  | 'issuer'
  | 'id-token'
  | 'nonce'
  | 'audience'
  | 'second-factor'
  | 'not-fresh'
  | 'no-role';
export class SignInRefused extends Error {
  readonly fault: SignInFault;
  /** for log and doctor: what the connection said. Never what the provider or a person sent */
  readonly detail: string | undefined;
  constructor(fault: SignInFault, detail?: string) {
    super(fault);
    this.name = 'SignInRefused';
    this.fault = fault;
    this.detail = detail;
  }
}

const ROLES = ['viewer', 'reviewer', 'admin'] as const;
export type StaffRole = (typeof ROLES)[number];
/** `authenticatedAt`: when the person last proved who they are, as far as the provider tells. `sid`: the provider's name of its session with them. */
export type Person = { subject: string; name: string; roles: StaffRole[]; authenticatedAt?: Date; sid?: string };

/** How long a proof of identity is good for a high-risk action. */
const FRESH_SECONDS = 300;
/** The longest session: no older proof opens one. A provider has the person asked again. */
const SESSION_SECONDS = 8 * 3600;
export type Provider = {
  issuer: string;
  authorizationEndpoint: string;
  tokenEndpoint: string;
  jwksUri: string;
  sendsIss: boolean;
};

export type Needs = Pick<Deps, 'config' | 'fetch' | 'clock' | 'keys'>;
export const ALGORITHMS: readonly string[] = ['RS256', 'RS384', 'PS256', 'PS384', 'ES256', 'ES384'];
const MAX_ANSWER = 256 * 1024;

/** Why no answer came, in a few words. The guard's refusal is reported as what to set. */
function connectionFault(error: unknown): string {
  let cause = error;
  for (let deep = 0; deep < 4 && cause instanceof Error; deep++) {
    if (cause.name === 'RefusedAddress')
      return 'its address is not https and public, and in no network of PEER_ALLOWED_NETWORKS';
    const { code } = cause as { code?: unknown };
    if (typeof code === 'string' && cause.cause === undefined) return code;
    if (cause.name === 'TimeoutError') return 'no answer within ten seconds';
    cause = cause.cause;
  }
  return error instanceof Error ? error.name : 'no answer';
}

/** @throws SignInRefused */
export async function askJson(deps: Needs, url: string, init: RequestInit = {}): Promise<Json> {
  let response: Response;
  try {
    response = await deps.fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    throw new SignInRefused('provider-away', connectionFault(error));
  }
  if (response.status !== 200)
    throw new SignInRefused(response.status >= 500 ? 'provider-away' : 'provider-refused', `HTTP ${response.status}`);
  try {
    return JSON.parse(await readBounded(response, MAX_ANSWER)) as Json;
  } catch {
    throw new SignInRefused('provider-answer');
  }
}

const issuerOf = (deps: Needs): string => {
  if (deps.config.staffOidcIssuer === undefined) throw new Error('no identity provider is configured');
  return deps.config.staffOidcIssuer;
};

/** What the provider publishes. Its issuer must be the configured one; its addresses must be https, or loopback. */
export async function discoverProvider(deps: Needs): Promise<Provider> {
  const issuer = issuerOf(deps);
  const body = await askJson(deps, `${issuer}/.well-known/openid-configuration`);
  if (!isObject(body)) throw new SignInRefused('provider-answer');
  const published = text(body['issuer']);
  if (published?.replace(/\/+$/, '') !== issuer) throw new SignInRefused('issuer');
  const address = (name: string): string => {
    const value = text(body[name]);
    if (value === undefined || !URL.canParse(value)) throw new SignInRefused('provider-answer');
    if (new URL(value).protocol !== 'https:' && !issuer.startsWith('http:')) throw new SignInRefused('provider-answer');
    return value;
  };
  return {
    issuer: published,
    authorizationEndpoint: address('authorization_endpoint'),
    tokenEndpoint: address('token_endpoint'),
    jwksUri: address('jwks_uri'),
    sendsIss: body['authorization_response_iss_parameter_supported'] === true,
  };
}

export const redirectUri = (baseUrl: string) => `${baseUrl}/staff/sign-in/callback`;

/** The address at the provider to which the browser is sent. */
export function authorizationUrl(
  provider: Provider,
  config: Deps['config'],
  s: { state: string; nonce: string; verifier: string; isFresh: boolean },
): string {
  const url = new URL(provider.authorizationEndpoint);
  const query: Record<string, string> = {
    response_type: 'code',
    response_mode: 'query',
    client_id: config.staffOidcClientId ?? '',
    redirect_uri: redirectUri(config.baseUrl),
    scope: 'openid profile',
    state: s.state,
    nonce: s.nonce,
    code_challenge: createHash('sha256').update(s.verifier).digest('base64url'),
    code_challenge_method: 'S256',
    // with an age asked for, a provider must tell when the person proved who they are; without, many do not
    ...(s.isFresh ? { prompt: 'login', max_age: String(FRESH_SECONDS) } : { max_age: String(SESSION_SECONDS) }),
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

/** Roles in a claim: a list or words of a string, each one of ours. Everything else gives no access. */
export function rolesIn(claim: unknown): StaffRole[] {
  const given = Array.isArray(claim) ? claim : typeof claim === 'string' ? claim.split(/[\s,]+/) : [];
  return ROLES.filter((role) => given.includes(role));
}

/** Does the token say that a second factor was used? `wanted` empty: the provider's policy is trusted. */
export function hasSecondFactor(claims: JWTPayload, wanted: readonly string[]): boolean {
  if (wanted.length === 0) return true;
  const amr = Array.isArray(claims['amr']) ? claims['amr'] : [];
  return wanted.some((w) => amr.includes(w) || claims['acr'] === w);
}

/** By so many seconds clocks may differ. */
const LEEWAY = 30;

const isYounger = (authenticatedAt: Date, seconds: number, now: Date): boolean => {
  const age = (now.getTime() - authenticatedAt.getTime()) / 1000;
  return age >= -LEEWAY && age <= seconds + LEEWAY;
};

/** Did a person prove who they are a short time ago? */
export const isFresh = (authenticatedAt: Date | null | undefined, now: Date): boolean =>
  authenticatedAt instanceof Date && isYounger(authenticatedAt, FRESH_SECONDS, now);

/**
 * Is the proof as young as was asked for (`max_age`, OpenID Connect Core 3.1.3.7)? A provider that does not tell its time, or let an old
 * one pass, has not asked the person again. For an ordinary sign-in it need not tell: no high-risk action can be done with such a session.
 */
export const isAsAsked = (authenticatedAt: Date | undefined, mustBeFresh: boolean, now: Date): boolean =>
  mustBeFresh
    ? isFresh(authenticatedAt, now)
    : authenticatedAt === undefined || isYounger(authenticatedAt, SESSION_SECONDS, now);

/** What the provider signs with now. */
export async function providerKeys(deps: Needs, provider: Provider): Promise<JSONWebKeySet> {
  const keys = await askJson(deps, provider.jwksUri);
  if (!isObject(keys) || !Array.isArray(keys['keys'])) throw new SignInRefused('provider-answer');
  return keys as unknown as JSONWebKeySet;
}

/** A person of a provider: one that is none, or that no store holds, would be shared or no name at all (OpenID Connect Core 2). */
export const isSubject = (sub: unknown): sub is string =>
  typeof sub === 'string' && /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(sub);

/** What the provider has signed for us is taken for so long, and clocks may differ by so much, in seconds. */
export const TOKEN_AGE = { most: 600, tolerance: 60 };

/** The claims of what the provider has signed for us a moment ago. */
export async function signedClaims(
  deps: Needs,
  { issuer, keys }: { issuer: string; keys: JSONWebKeySet },
  jwt: string,
): Promise<JWTPayload> {
  try {
    const verified = await jwtVerify(jwt, createLocalJWKSet(keys), {
      issuer,
      audience: deps.config.staffOidcClientId ?? '',
      algorithms: [...ALGORITHMS],
      clockTolerance: TOKEN_AGE.tolerance,
      maxTokenAge: TOKEN_AGE.most,
      currentDate: deps.clock(),
      requiredClaims: ['exp', 'iat'],
    });
    return verified.payload;
  } catch {
    throw new SignInRefused('id-token');
  }
}

// What the identity provider answers to a sign-in, turned into a person. https://openid.net/specs/openid-connect-core-1_0.html
import { importJWK, type JWTPayload, SignJWT } from 'jose';
import { isObject, text } from '../fhir/resource.ts';
import { ASSERTION_TYPE } from './client-assertion.ts';
import {
  askJson,
  hasSecondFactor,
  isAsAsked,
  isSubject,
  type Needs,
  type Person,
  type Provider,
  redirectUri,
  rolesIn,
  SignInRefused,
} from './staff-oidc.ts';
import { claimsOf, knownProvider } from './staff-provider.ts';

/** Proof of who we are at the token endpoint: the secret when there is one, else an assertion under our client key. */
async function clientProof(deps: Needs, provider: Provider, form: URLSearchParams): Promise<Record<string, string>> {
  const id = deps.config.staffOidcClientId ?? '';
  const secret = deps.config.staffOidcClientSecret;
  if (secret !== undefined) {
    const pair = `${encodeURIComponent(id)}:${encodeURIComponent(secret)}`;
    return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
  }
  const jwk = await deps.keys.signing('client');
  const seconds = Math.floor(deps.clock().getTime() / 1000);
  const assertion = await new SignJWT({ jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: jwk.alg, kid: jwk.kid, typ: 'JWT' })
    .setIssuer(id)
    .setSubject(id)
    .setAudience(provider.tokenEndpoint)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + 240)
    .sign(await importJWK(jwk, jwk.alg));
  form.set('client_id', id);
  form.set('client_assertion_type', ASSERTION_TYPE);
  form.set('client_assertion', assertion);
  return {};
}

/**
 * Turns the provider's answer into a person.
 * @param answer the query of the callback
 * @throws SignInRefused
 */
export async function finishOidc(
  deps: Needs,
  answer: { code: string | undefined; state: string | undefined; iss: string | undefined; error: string | undefined },
  begun: { state: string; nonce: string; verifier: string; isFresh: boolean },
): Promise<Person> {
  if (answer.state !== begun.state) throw new SignInRefused('state');
  if (answer.error !== undefined || answer.code === undefined) throw new SignInRefused('provider-refused');
  const provider = await knownProvider(deps);
  if (answer.iss === undefined ? provider.sendsIss : answer.iss !== provider.issuer) throw new SignInRefused('issuer');
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code: answer.code,
    redirect_uri: redirectUri(deps.config.baseUrl),
    code_verifier: begun.verifier,
  });
  const proof = await clientProof(deps, provider, form);
  const tokens = await askJson(deps, provider.tokenEndpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json', ...proof },
    body: form.toString(),
  });
  const idToken = isObject(tokens) ? text(tokens['id_token']) : undefined;
  if (idToken === undefined) throw new SignInRefused('provider-answer');
  const claims = await verifyIdToken(deps, idToken, begun.nonce);
  if (!hasSecondFactor(claims, deps.config.staffOidcSecondFactor)) throw new SignInRefused('second-factor');
  const authenticatedAt = typeof claims['auth_time'] === 'number' ? new Date(claims['auth_time'] * 1000) : undefined;
  if (!isAsAsked(authenticatedAt, begun.isFresh, deps.clock())) throw new SignInRefused('not-fresh');
  const roles = rolesIn(claims[deps.config.staffOidcRoleClaim]);
  if (roles.length === 0) throw new SignInRefused('no-role');
  const name = [claims['name'], claims['preferred_username'], claims.sub].find(
    (n) => typeof n === 'string' && n !== '',
  );
  return {
    subject: `${provider.issuer}|${claims.sub}`,
    name: nameOf(String(name)),
    roles,
    ...(isSubject(claims['sid']) ? { sid: claims['sid'] } : {}),
    ...(authenticatedAt === undefined ? {} : { authenticatedAt }),
  };
}

/** A name as the store can hold it: whole characters, none of them a control. */
const nameOf = (given: string): string =>
  /^.{0,100}/su.exec(given.toWellFormed().replaceAll(/\p{Cc}/gu, ' '))?.[0] ?? '';

/** @throws SignInRefused unless it is an ID token about a person, for us and this sign-in */
async function verifyIdToken(deps: Needs, idToken: string, nonce: string): Promise<JWTPayload & { sub: string }> {
  const { claims } = await claimsOf(deps, idToken, 'provider');
  const { sub } = claims;
  if (!isSubject(sub)) throw new SignInRefused('id-token');
  if (claims['nonce'] !== nonce) throw new SignInRefused('nonce');
  const several = Array.isArray(claims.aud) && claims.aud.length > 1;
  if ((several || claims['azp'] !== undefined) && claims['azp'] !== deps.config.staffOidcClientId)
    throw new SignInRefused('audience');
  return { ...claims, sub };
}

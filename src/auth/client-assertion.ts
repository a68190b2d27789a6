// SMART Backend Services client assertions, https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html
import { compactVerify, importJWK, type JWK, SignJWT } from 'jose';
import { members } from '../fhir/json-text.ts';

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
export const ALGORITHMS = ['ES384', 'RS384'] as const;

/** Why an assertion is refused; goes to the log and the audit, never to the client. */
export type AssertionFault =
  | 'malformed'
  | 'header'
  | 'unknown-client'
  | 'key'
  | 'signature'
  | 'claims'
  | 'subject'
  | 'jti'
  | 'not-yet'
  | 'audience'
  | 'audience-list'
  | 'expired';
export type Assertion = { clientId: string; jti: string; expiresAt: Date };
export type Read<T, F> = { ok: true; value: T } | { ok: false; fault: F };

const fail = <F>(fault: F): { ok: false; fault: F } => ({ ok: false, fault });

type Header = { alg: string; kid: string; jku: string | undefined };

/** Header and issuer of an assertion before anything is verified: only good to find the client's keys. */
export function peekAssertion(jwt: string): Read<{ header: Header; issuer: string }, AssertionFault> {
  const parts = jwt.split('.');
  // the signature may be empty: that is a JWS of algorithm none, which is refused for its header
  if (jwt.length > 16_384 || !/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/.test(jwt)) return fail('malformed');
  try {
    const header = strictObject(parts[0] ?? '');
    const payload = strictObject(parts[1] ?? '');
    if (!header || !payload) return fail('malformed');
    const { alg, kid, typ, jku } = header;
    if (typeof alg !== 'string' || !(ALGORITHMS as readonly string[]).includes(alg)) return fail('header');
    if (typeof kid !== 'string' || kid === '' || kid.length > 256) return fail('header');
    if (header['crit'] !== undefined || header['b64'] !== undefined) return fail('header');
    if (
      typ !== undefined &&
      (typeof typ !== 'string' || !['jwt', 'client-authentication+jwt'].includes(typ.toLowerCase()))
    )
      return fail('header');
    if (jku !== undefined && typeof jku !== 'string') return fail('header');
    const issuer = payload['iss'];
    // printable: what no registration can hold is no client, and the database would not even be asked for it
    return typeof issuer === 'string' && /^[\x20-\x7e]{1,512}$/.test(issuer)
      ? { ok: true, value: { header: { alg, kid, jku }, issuer } }
      : fail('claims');
  } catch {
    return fail('malformed');
  }
}

const MAX_DEPTH = 8;
const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;

/** A part of a JWT as an object; undefined when it is none, is nested too deep, or names a member twice. */
function strictObject(part: string): Record<string, unknown> | undefined {
  const json = new TextDecoder('utf-8', { fatal: true }).decode(base64url(part));
  const value: unknown = JSON.parse(json);
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depthOf(value) > MAX_DEPTH)
    return undefined;
  return members(json).length === Object.keys(value).length ? (value as Record<string, unknown>) : undefined;
}

function base64url(text: string): Uint8Array {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

const FAMILY: Record<string, { kty: string; crv?: string }> = {
  ES384: { kty: 'EC', crv: 'P-384' },
  RS384: { kty: 'RSA' },
};

/** The one key of a set with this kid that fits the algorithm; none when there are several. */
export function chooseKey(keys: readonly JWK[], header: { alg: string; kid: string }): JWK | undefined {
  const family = FAMILY[header.alg];
  if (!family) return undefined;
  const fitting = keys.filter(
    (k) =>
      k.kid === header.kid &&
      k.kty === family.kty &&
      (family.crv === undefined || k.crv === family.crv) &&
      (k.alg === undefined || k.alg === header.alg) &&
      (k.use === undefined || k.use === 'sig') &&
      (k.key_ops === undefined || k.key_ops.includes('verify')) &&
      isStrong(k),
  );
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** RSA: at least 2048 bits and an odd exponent of at least 65537. Points off the curve are refused when a key is imported. */
function isStrong(key: JWK): boolean {
  if (key.kty !== 'RSA') return true;
  if (typeof key.n !== 'string' || typeof key.e !== 'string') return false;
  const hex = Buffer.from(key.e, 'base64url').toString('hex');
  if (hex === '' || hex.length > 16) return false;
  const exponent = BigInt(`0x${hex}`);
  return Buffer.from(key.n, 'base64url').length >= 256 && exponent >= 65_537n && exponent % 2n === 1n;
}

/** Does a key set hold private members? Such a client must not be trusted. */
export function holdsPrivateKey(keys: readonly JWK[]): boolean {
  return keys.some((k) => ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].some((m) => m in k));
}

/**
 * Signature and claims of an assertion by a known client. `audiences`: our token endpoint and our issuer, one of them as one text. A list may
 * name others beside us, who could use the assertion here; of one of one element that cannot be, and a client may be allowed it (`takesList`).
 */
export async function verifyAssertion(
  jwt: string,
  key: JWK,
  expected: { clientId: string; alg: string; audiences: readonly string[]; takesList?: boolean; now: Date },
): Promise<Read<Assertion, AssertionFault>> {
  let payload: Record<string, unknown>;
  try {
    const { kty, crv, x, y, n, e } = key;
    const imported = await importJWK({ kty, crv, x, y, n, e } as JWK, expected.alg);
    const verified = await compactVerify(jwt, imported, { algorithms: [expected.alg] });
    payload = JSON.parse(new TextDecoder().decode(verified.payload)) as Record<string, unknown>;
  } catch {
    return fail('signature');
  }
  const seconds = expected.now.getTime() / 1000;
  const { iss, sub, aud, exp, jti, iat, nbf } = payload;
  if (iss !== expected.clientId || sub !== expected.clientId) return fail('subject');
  if (typeof jti !== 'string' || jti === '' || jti.length > 256) return fail('jti');
  const isOnly = Array.isArray(aud) && aud.length === 1;
  const named: unknown = isOnly ? aud[0] : aud;
  if (typeof named !== 'string' || !expected.audiences.includes(named)) return fail('audience');
  if (isOnly && expected.takesList !== true) return fail('audience-list');
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return fail('claims');
  if (seconds >= exp || exp > seconds + 330) return fail('expired');
  for (const time of [iat, nbf])
    if (time !== undefined && (typeof time !== 'number' || time > seconds + 30)) return fail('not-yet');
  if (typeof iat === 'number' && iat < seconds - 600) return fail('expired');
  return { ok: true, value: { clientId: expected.clientId, jti, expiresAt: new Date(exp * 1000) } };
}

/** `typ` of an assertion: that of SMART, or that which names its purpose (draft-ietf-oauth-rfc7523bis). */
export type AssertionType = 'JWT' | 'client-authentication+jwt';

/**
 * Signs an assertion for a peer's token endpoint: 240 seconds, fresh jti.
 * @param header.jku where our keys are, for a peer that wants it said: it must be the registered address
 */
export async function signAssertion(
  key: JWK & { kid: string; alg: string },
  claims: { clientId: string; audience: string; now: Date },
  header: { typ?: AssertionType; jku?: string } = {},
): Promise<string> {
  const seconds = Math.floor(claims.now.getTime() / 1000);
  return new SignJWT({})
    .setProtectedHeader({
      alg: key.alg,
      kid: key.kid,
      typ: header.typ ?? 'JWT',
      ...(header.jku === undefined ? {} : { jku: header.jku }),
    })
    .setIssuer(claims.clientId)
    .setSubject(claims.clientId)
    .setAudience(claims.audience)
    .setJti(crypto.randomUUID())
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + 240)
    .sign(await importJWK(key, key.alg));
}

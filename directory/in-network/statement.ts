// The signed form of an answer: a compact JWS (RFC 7515, ES384) whose payload is the Parameters resource, byte for byte.
// Anyone can check it with the published keys, without asking us. docs/in-network.md.
import { CompactSign, compactVerify, decodeProtectedHeader, importJWK, type JWK } from 'jose';
import type { Keys } from '../../src/deps.ts';
import { isObject, isResource, objects, type Resource, text } from '../../src/fhir/resource.ts';

/** `typ` of the signed form. */
const STATEMENT_TYPE = 'in-network+jws';
export const JWKS_PATH = '/.well-known/directory-jwks.json';
const ALGORITHM = 'ES384';
/** Longer texts are not a statement of ours. */
const STATEMENT_MAX = 512 * 1024;

/** @param issuer public origin of the node, where the keys are found */
export async function signStatement(parameters: string, keys: Keys, issuer: string, now: Date): Promise<string> {
  const { key_ops: _, ext: __, ...key } = await keys.signing('directory');
  return new CompactSign(new TextEncoder().encode(parameters))
    .setProtectedHeader({
      alg: ALGORITHM,
      kid: key.kid,
      typ: STATEMENT_TYPE,
      cty: 'application/fhir+json',
      iss: issuer,
      iat: Math.floor(now.getTime() / 1000),
    })
    .sign(await importJWK(key as JWK, ALGORITHM));
}

export type Checked =
  | { ok: true; signedAt: Date; parameters: Resource }
  /** `not-one`: no such text; `other-issuer`: of another directory; `unknown-key`, `changed`: not as we signed it */
  | { ok: false; fault: 'not-one' | 'other-issuer' | 'unknown-key' | 'changed'; issuer?: string };

/** Is this text a statement that the holder of these keys signed? Blanks, line ends, and the marks that mail sets around what it quotes are forgiven, nothing else. */
export async function checkStatement(given: string, published: readonly JWK[], issuer: string): Promise<Checked> {
  const compact = given.replace(/[\s>"'<“”]+/g, '');
  if (compact.length > STATEMENT_MAX || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(compact))
    return { ok: false, fault: 'not-one' };
  let header: Record<string, unknown>;
  try {
    header = decodeProtectedHeader(compact);
  } catch {
    return { ok: false, fault: 'not-one' };
  }
  if (header['typ'] !== STATEMENT_TYPE || header['alg'] !== ALGORITHM) return { ok: false, fault: 'not-one' };
  const { iss, iat, kid } = header;
  if (typeof iss === 'string' && iss !== issuer) return { ok: false, fault: 'other-issuer', issuer: iss };
  const key = published.find((k) => k.kid === kid);
  if (!key) return { ok: false, fault: 'unknown-key' };
  try {
    const { payload } = await compactVerify(compact, await importJWK(key, ALGORITHM), { algorithms: [ALGORITHM] });
    const parameters: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    if (!isResource(parameters) || typeof iat !== 'number') return { ok: false, fault: 'not-one' };
    return { ok: true, signedAt: new Date(iat * 1000), parameters };
  } catch {
    return { ok: false, fault: 'changed' };
  }
}

/** The first value of a part of a Parameters resource as text. */
export function partText(parts: Resource | Record<string, unknown>, name: string): string | undefined {
  const list = isResource(parts) ? parts['parameter'] : undefined;
  const found = objects(list).find((p) => p['name'] === name);
  const value = found && Object.entries(found).find(([key]) => key.startsWith('value'))?.[1];
  return isObject(value) ? (text(value['display']) ?? text(value['reference'])) : text(value);
}

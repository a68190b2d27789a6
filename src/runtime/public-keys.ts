// The public halves of signing keys.

type Key = JsonWebKey & { kid: string; alg: string };

export function publicKey({ kty, crv, x, y, n, e, kid, alg }: Key): Key {
  return (kty === 'RSA' ? { kty, n, e, kid, alg, use: 'sig' } : { kty, crv, x, y, kid, alg, use: 'sig' }) as Key;
}

/** Keys of a JWK Set as text, which settings have checked. */
export function formerKeys(text: string | undefined): Key[] {
  if (text === undefined) return [];
  const { keys } = JSON.parse(text) as { keys: Key[] };
  return keys.map((key) => ('n' in key ? { ...key, kty: 'RSA', alg: 'RS384' } : { ...key, kty: 'EC', alg: 'ES384' }));
}

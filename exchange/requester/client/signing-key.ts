// Which of our keys signs for a payer: ES384, which most take, or RS384 where that is the only one of the two that its smart-configuration
// lists. https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html: a client supports both
import type { Talk } from './talk.ts';

/** A node whose CLIENT_KEY is given may have no RSA key: then ES384 is tried. */
export async function clientKey({
  deps,
  peer,
}: Pick<Talk, 'deps' | 'peer'>): Promise<JsonWebKey & { kid: string; alg: string }> {
  const hasRsa = peer.abilities?.rsaOnly === true && (await deps.keys.published('rsa-client')).length > 0;
  return deps.keys.signing(hasRsa ? 'rsa-client' : 'client');
}

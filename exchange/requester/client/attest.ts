// Our signed word that a member is ours and has opted in (42 CFR 422.121(b)(4)(iii)): no guide has an element for it, so it travels
// within the Consent, in a contained DocumentReference, as an attachment application/jose. responder/match/attestation.ts reads it.
import { randomUUID } from 'node:crypto';
import { importJWK, SignJWT } from 'jose';
import { AS_IT_IS, contentHash } from '../../../src/fhir/canonical.ts';
import type { JsonObject } from '../../../src/fhir/resource.ts';
import { limitsOf } from './limits.ts';
import { clientKey } from './signing-key.ts';
import type { Talk } from './talk.ts';
import { consentIdOf, coverageId, memberPatient, type Submission } from './write-member-bundle.ts';

/**
 * A statement about each member, by the id under which it is submitted; none for a peer that takes none, or at which we are not
 * registered. `sha256` is that of the MemberPatient as canonical JSON (RFC 8785).
 * @param batch the pull
 */
export async function statements(
  { deps, peer }: Pick<Talk, 'deps' | 'peer'>,
  batch: string,
  asked: readonly Submission[],
): Promise<Map<string, string>> {
  const made = new Map<string, string>();
  if (peer.clientIdThere === null || limitsOf(peer.limits).signedStatement === 0) return made;
  const jwk = await clientKey({ deps, peer });
  const key = await importJWK(jwk, jwk.alg);
  const iat = Math.floor(deps.clock().getTime() / 1000);
  for (const [i, s] of asked.entries()) {
    const member = {
      id: s.submittedId,
      consent: consentIdOf(s),
      coverage: coverageId('link', i),
      sha256: contentHash(memberPatient(s) as unknown as JsonObject, AS_IT_IS),
    };
    const claims = { statement: 'enrolled-and-opted-in', batch, members: [member] };
    const jws = await new SignJWT(claims)
      .setProtectedHeader({ alg: jwk.alg, kid: jwk.kid })
      .setIssuer(peer.clientIdThere)
      .setIssuedAt(iat)
      .setJti(randomUUID())
      .sign(key);
    made.set(s.submittedId, jws);
  }
  return made;
}

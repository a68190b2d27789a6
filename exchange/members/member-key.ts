// How the staff pages name a member without naming the person: a short keyed hash that is the same on every page. It
// stands in addresses and files instead of member ids.
import { createHmac, createSecretKey } from 'node:crypto';
import type { Deps } from '../../src/deps.ts';

/** `M-` and ten hex digits of HMAC-SHA-256 under the secret part of the pseudonym key. */
export async function memberKeys(deps: Pick<Deps, 'keys'>): Promise<(memberId: string) => string> {
  const key = await deps.keys.signing('pseudonym');
  const secretPart = key.k ?? key.d;
  if (secretPart === undefined) throw new Error('the pseudonym key has no secret part');
  // made into a key once: a report names tens of thousands
  const secret = createSecretKey(Buffer.from(secretPart, 'base64url'));
  return (memberId) => `M-${createHmac('sha256', secret).update(`member|${memberId}`).digest('hex').slice(0, 10)}`;
}

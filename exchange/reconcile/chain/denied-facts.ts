// What is kept of a denied authorization that is held without its text: other payers may still pass on what it was before. Pure.
import type { Resource } from '../../../src/fhir/resource.ts';
import { authorizationFacts, isAuthorization } from '../../records/facts/prior-authorization.ts';
import { askedFor } from '../record-keys.ts';
import { type ClaimFacts, claimFacts } from './facts.ts';

/** `asked`: codes of what it asked for */
export type DeniedFacts = ClaimFacts & { asked: string[] };

/** Nobody's asks for more. */
const MOST_ASKED = 100;

/** undefined of everything else. */
export function deniedFacts(resource: Resource): DeniedFacts | undefined {
  if (!isAuthorization(resource) || authorizationFacts(resource).state !== 'denied') return undefined;
  const facts = claimFacts(resource);
  return facts && { ...facts, asked: askedFor(resource).slice(0, MOST_ASKED) };
}

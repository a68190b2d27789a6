// The secret of the fingerprints of attempts: kept with the keys, so that the database alone tells no one who was asked for.
import type { Deps } from '../../../src/deps.ts';

/** The key of fingerprints. */
export async function attemptSecret(deps: Pick<Deps, 'keys'>): Promise<string> {
  const key = await deps.keys.signing('pseudonym');
  return key.d ?? key.k ?? '';
}

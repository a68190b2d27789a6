// One text that members were shown, by its SHA-256: the proof of what a choice answered, also after the words have changed.
import type { Deps } from '../../../src/deps.ts';
import { type KeptText, keptText } from './choice-rows.ts';

/** Undefined when no such text was ever shown. */
export async function textShown(deps: Pick<Deps, 'database'>, sha256: string): Promise<KeptText | undefined> {
  return /^[0-9a-f]{64}$/.test(sha256) ? keptText(deps.database.sql, sha256) : undefined;
}

// Which of our keys signs, told in the audit when it is another one than before: by `keys rotate`, by the environment, or with a folder that was put back.
import type { Deps, Keys, KeyUse } from '../../src/deps.ts';
import { lastKey, noteKey } from '../store/audit/key-change.ts';

/** Those whose signatures others rely on in the exchange. */
const TOLD: readonly KeyUse[] = ['token', 'client', 'rsa-client', 'evidence'];

/** What this process has looked up, so that it asks the database only when a key is another one. */
const seen = new WeakMap<Keys, Map<KeyUse, string>>();

/** Tells each key that signs now and did not before; the first one of a use too. */
export async function tellKeyChanges(deps: Pick<Deps, 'database' | 'keys' | 'clock'>): Promise<void> {
  const known = seen.get(deps.keys) ?? new Map<KeyUse, string>();
  seen.set(deps.keys, known);
  for (const use of TOLD) {
    // where there is no RSA key, none signs
    if (use === 'rsa-client' && (await deps.keys.published(use)).length === 0) continue;
    const { kid } = await deps.keys.signing(use);
    if (known.get(use) === kid) continue;
    await deps.database.sql.begin(async (tx) => {
      const before = await lastKey(tx, use);
      if (before !== kid) await noteKey(tx, use, kid, before, deps.clock());
    });
    known.set(use, kid);
  }
}

// Looks each day at what every active payer publishes about itself, so that a changed address is reported before the next pull
// meets it. What differs is never followed.
import type { Deps } from '../../src/deps.ts';
import { describe } from '../../src/http/fhir-app.ts';
import { checkPeer } from './check.ts';
import { findPeer } from './peer.ts';
import { peersToCheck } from './peer-due.ts';

const DAY_MS = 86_400_000;

/** Checks the payers whose last check is a day old. One that fails does not keep the others from being asked. */
export async function checkPeersDaily(deps: Deps): Promise<void> {
  const { sql } = deps.database;
  const now = deps.clock();
  for (const id of await peersToCheck(sql, new Date(now.getTime() - DAY_MS), now)) {
    const peer = await findPeer(sql, id);
    if (!peer) continue;
    try {
      const checked = await checkPeer(deps, peer, { kind: 'system', name: 'schedule' });
      if ('fault' in checked) deps.log('warn', 'peer check failed', { peer: id, reason: checked.fault });
      else if (checked.differs.length > 0) deps.log('warn', 'peer differs from its record', { peer: id });
    } catch (error) {
      deps.log('error', 'peer check broke', { peer: id, error: describe(error) });
    }
  }
}

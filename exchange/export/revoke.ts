// Consent that ends takes back what it allowed: an export that holds a member who is no longer granted to the peer is
// revoked as a whole, its files are gone at once, and the row says why. A peer that is suspended or closed loses all that it has asked for.
import type { Deps } from '../../src/deps.ts';
import type { Queryable } from '../../src/store/database.ts';
import { localDay } from '../clocks/business-day.ts';
import { openExports, revokeJob, revokeJobsOf } from '../store/answer/bulk-job.ts';
import { endedMembers } from '../store/answer/grant.ts';
import { auditRow, writeAudit } from '../store/audit/audit.ts';
import { blockClock } from '../store/clock.ts';

const CONSENT_ENDED = 'consent-ended';

/** Is every member of a finished export still granted? If not, it is revoked here. */
export async function holdsConsent(
  deps: Pick<Deps, 'database' | 'config' | 'clock' | 'log'>,
  job: { id: string; peerId: string; groupId: string | null },
): Promise<boolean> {
  const { sql } = deps.database;
  const at = deps.clock();
  const ended = await endedMembers(sql, job.id, job, localDay(at, deps.config.timeZone));
  if (ended === 0) return true;
  const revoked = await sql.begin(async (tx) => {
    if (!(await revokeJob(tx, job.id, CONSENT_ENDED))) return false;
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: 'system',
        actor: 'export',
        action: 'export-revoked',
        object: `export/${job.id}`,
        peerId: job.peerId,
        reason: CONSENT_ENDED,
        detail: { members: ended },
      }),
    ]);
    return true;
  });
  if (revoked) deps.log('warn', 'export revoked', { job: job.id, peer: job.peerId, members: ended });
  return false;
}

/** Revokes every export whose consent has ended; housekeeping removes the files. */
export async function revokeEnded(deps: Pick<Deps, 'database' | 'config' | 'clock' | 'log'>): Promise<number> {
  let revoked = 0;
  for (const job of await openExports(deps.database.sql, deps.clock())) if (!(await holdsConsent(deps, job))) revoked++;
  return revoked;
}

const PEER_ENDED = 'peer-ended';

/**
 * A peer that is not trusted any more: what it waits for is not made, what is being made stops at its next slice, and what was made goes
 * with the next housekeeping. Let in again, it asks again. In the transaction that suspends it.
 */
export async function revokeOfPeer(tx: Queryable, peerId: string, at: Date): Promise<void> {
  const ended = await revokeJobsOf(tx, peerId, PEER_ENDED, at);
  for (const job of ended.filter((j) => j.wasOpen))
    await blockClock(tx, job.kind === 'match' ? 'C3-match' : 'C3-export', job.id, 'not-applicable', PEER_ENDED);
  await writeAudit(
    tx,
    ended.map((job) =>
      auditRow({
        at,
        actorKind: 'system',
        actor: 'export',
        action: `${job.kind}-revoked`,
        object: `${job.kind}/${job.id}`,
        peerId,
        reason: PEER_ENDED,
      }),
    ),
  );
}

// Consent that ends takes back what it allowed: an export that holds a member who is no longer granted to the peer is
// revoked as a whole, its files are gone at once, and the row says why. A peer that is suspended or closed loses all that it has asked for.

import type { Database, Queryable } from '../../../src/db/database.ts';
import type { Deps } from '../../../src/deps.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { localDay } from '../../members/deadlines/business-day.ts';
import { blockClock } from '../../members/deadlines/deadline.ts';
import { openExports, revokeJob, revokeJobsOf } from '../bulk-job.ts';
import { grantsHeld } from '../grant.ts';
import { type Look, unchanged } from '../grant-check.ts';

const CONSENT_ENDED = 'consent-ended';

/**
 * The last look at each of the exports that are asked for, at which all consents held: of that day alone. Of other
 * processes each has its own.
 */
const looks = new WeakMap<Database, Map<string, { day: string; look: Look }>>();
/** Of one that is looked at and not in it all members are looked at, no more. */
const MOST_LOOKS = 1000;

function looksOf(database: Database): Map<string, { day: string; look: Look }> {
  const known = looks.get(database) ?? new Map<string, { day: string; look: Look }>();
  looks.set(database, known);
  return known;
}

function remember(known: Map<string, { day: string; look: Look }>, jobId: string, day: string, look: Look): void {
  known.delete(jobId);
  known.set(jobId, { day, look });
  for (const oldest of known.keys()) {
    if (known.size <= MOST_LOOKS) return;
    known.delete(oldest);
  }
}

/**
 * Is every member of a finished export still granted? If not, it is revoked here. All members are looked at once; after
 * that only when the day is another, or someone has lost a grant meanwhile. A further match of the same member may
 * narrow what an earlier one granted, where that was more than `regular`; a Group gets none.
 */
export async function holdsConsent(
  deps: Pick<Deps, 'database' | 'config' | 'clock' | 'log'>,
  job: { id: string; peerId: string; groupId: string | null },
): Promise<boolean> {
  const { sql } = deps.database;
  const at = deps.clock();
  const day = localDay(at, deps.config.timeZone);
  const known = looksOf(deps.database);
  const before = known.get(job.id);
  const same = before?.day === day ? await unchanged(sql, before.look) : undefined;
  if (same) {
    remember(known, job.id, day, same);
    return true;
  }
  known.delete(job.id);
  const { ended, sensitive, look } = await grantsHeld(sql, job.id, job, day);
  if (ended === 0) {
    if (job.groupId !== null || sensitive === 0) remember(known, job.id, day, look);
    return true;
  }
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

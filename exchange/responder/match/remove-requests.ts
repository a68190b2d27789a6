// Requests of bulk matches hold people who are none of ours: they go when they were kept long enough. What was decided of each member stays
// in the store, with consent and coverage, and of the request its hash in the audit.
import { createHash } from 'node:crypto';
import { isPassing } from '../../../src/db/failure.ts';
import type { Deps } from '../../../src/deps.ts';
import { describe } from '../../../src/http/fhir-app.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { holdsStay } from '../../compliance/retention/hold.ts';
import { forgetRequest, hasRemovalRow, isHeldRequest, type KeptRequest, pastRequests } from './match-request.ts';

/** Removed in one go: the next one follows within a minute. */
const MOST = 100;

type Needs = Pick<Deps, 'database' | 'blobs' | 'config' | 'clock' | 'log'>;

async function hashOf(deps: Needs, key: string): Promise<{ sha256: string; bytes: number } | undefined> {
  const stream = await deps.blobs.get(key);
  if (!stream) return undefined;
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

/**
 * The hash is in the audit before the file goes, and the row is changed last: a process that dies in between does the
 * rest when it is back.
 */
async function remove(deps: Needs, { id, peerId, bodyKey }: KeptRequest, at: Date): Promise<boolean> {
  const { sql } = deps.database;
  const detail = (await hasRemovalRow(sql, id)) ? undefined : await hashOf(deps, bodyKey);
  if (detail)
    await sql.begin((tx) =>
      writeAudit(tx, [
        auditRow({
          at,
          actorKind: 'system',
          actor: 'retention',
          action: 'match-request-removed',
          object: `match/${id}`,
          peerId,
          detail,
        }),
      ]),
    );
  return sql.begin(async (tx) => {
    await holdsStay(tx);
    if (await isHeldRequest(tx, id)) return false;
    await deps.blobs.delete(bodyKey);
    return forgetRequest(tx, id);
  });
}

/**
 * Returns how many were removed. One that cannot be read or removed keeps none behind it waiting: an alert stands while
 * it is there past its time (`request-kept`), and it is tried again. The log has one line a round, with how many and
 * why the first one. A database that is away ends the round.
 */
export async function removeRequests(deps: Needs): Promise<number> {
  const { sql } = deps.database;
  const at = deps.clock();
  const keep = deps.config.matchRequestKeepDays;
  let removed = 0;
  const failures: { match: string; error: string }[] = [];
  for (let page = await pastRequests(sql, at, keep, MOST); page.length > 0 && removed < MOST; ) {
    for (const one of page)
      try {
        if (await remove(deps, one, at)) removed++;
      } catch (error) {
        if (isPassing(error)) throw error;
        failures.push({ match: one.id, error: describe(error) });
      }
    page = page.length < MOST ? [] : await pastRequests(sql, at, keep, MOST, page.at(-1));
  }
  const [first] = failures;
  if (first) deps.log('error', 'requests not removed', { ...first, count: failures.length });
  return removed;
}

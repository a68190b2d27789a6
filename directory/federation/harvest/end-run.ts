// What follows from a run: the cursor and the next time, or the fault, and how often it may happen.
import { describe } from '../../../src/http/fhir-app.ts';
import { durationMs } from '../../../src/settings.ts';
import type { FederationDeps } from '../client.ts';
import { type Cursor, type Peer, recordEvent, setNextDue, setPeerRun, setPeerState } from '../peer.ts';
import { HarvestFault, REASONS } from '../reasons.ts';
import type { Harvested } from './context.ts';
import { endRun, type Run, type RunState, runTypes } from './run-rows.ts';
import { clearStage } from './stage-rows.ts';

const DAY = 86_400_000;
const FAILURES = 3;
const RETRY_MS = 5 * 60_000;

export async function afterRun(
  deps: FederationDeps,
  peer: Peer,
  run: Run,
  cursor: Cursor,
  state: RunState,
): Promise<void> {
  // what waits for a decision has not been taken: discarded, it is read from the beginning
  if (state === 'quarantined')
    await setPeerRun(deps.database.sql, peer.slug, {
      cursor: withoutPlaces(peer.cursor),
      nextDue: nextTime(deps),
      failures: 0,
    });
  else {
    const types = await runTypes(deps.database.sql, run.id);
    const damaged = types.some((t) =>
      ['damaged-file', 'abridged-records', 'count-differs', 'staging-lost'].includes(t.reason),
    );
    await succeed(deps, peer, damaged ? withoutPlaces(peer.cursor) : cursor);
  }
}

const withoutPlaces = (cursor: Cursor): Cursor => ({ index: { polls: cursor.index?.polls ?? 0 } });

export const nextTime = (deps: FederationDeps): Date =>
  new Date(deps.clock().getTime() + (durationMs(deps.config.harvestEvery) ?? DAY));

export const succeed = (deps: FederationDeps, peer: Peer, cursor: Cursor): Promise<void> =>
  setPeerRun(deps.database.sql, peer.slug, { cursor, nextDue: nextTime(deps), failures: 0 });

export async function failRun(deps: FederationDeps, peer: Peer, run: Run, error: unknown): Promise<Harvested> {
  const { sql } = deps.database;
  const now = deps.clock();
  if (!(error instanceof HarvestFault)) {
    deps.log('error', 'harvest failed', { peer: peer.slug, run: run.id, error: describe(error) });
    // the run stays open: the next process goes on
    await setNextDue(sql, peer.slug, new Date(now.getTime() + 10 * 60_000));
    throw error;
  }
  if (error.reason === 'peer-switched-off' && error.detail === 'stopped')
    return { run: run.id, state: 'later', reason: 'stopped' };
  if (error.until) {
    await setNextDue(sql, peer.slug, error.until);
    await recordEvent(sql, {
      peer: peer.slug,
      what: 'waits',
      detail: `until ${error.until.toISOString()} (${error.reason})`,
      by: 'harvest',
      at: now,
    });
    return { run: run.id, state: 'later', reason: error.reason };
  }
  if (error.reason === 'peer-switched-off') {
    await clearStage(sql, run.id);
    await endRun(sql, run.id, 'failed', error.reason, now);
    return { run: run.id, state: 'failed', reason: error.reason };
  }
  const failures = peer.failures + 1;
  if (error.kind === 'transient' && failures < FAILURES) {
    // what was read so far is kept: the next attempt goes on from here
    await setPeerRun(sql, peer.slug, {
      cursor: peer.cursor,
      nextDue: new Date(now.getTime() + RETRY_MS * 2 ** failures),
      failures,
    });
    return { run: run.id, state: 'later', reason: error.reason };
  }
  await clearStage(sql, run.id);
  await endRun(sql, run.id, 'failed', error.detail === '' ? error.reason : `${error.reason} (${error.detail})`, now);
  await setPeerRun(sql, peer.slug, { cursor: peer.cursor, nextDue: new Date(now.getTime() + 3_600_000), failures });
  const off = error.kind === 'blocked' ? 'blocked' : failures >= FAILURES ? 'paused' : undefined;
  if (off) {
    await setPeerState(sql, peer.slug, { state: off, reason: REASONS[error.reason].text, by: 'harvest', at: now });
    await recordEvent(sql, {
      peer: peer.slug,
      what: off,
      detail: `${error.reason} ${error.detail}`.trim(),
      by: 'harvest',
      at: now,
    });
  }
  deps.log('warn', 'harvest failed', { peer: peer.slug, run: run.id, reason: error.reason, detail: error.detail });
  return { run: run.id, state: 'failed', reason: error.reason };
}

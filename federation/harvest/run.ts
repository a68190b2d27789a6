// One harvest of one peer: the best way that it offers for each type, then the judgement. It may be killed at any byte; the
// next process finds the run open and goes on from its position. docs/federation.md.
import { randomUUID } from 'node:crypto';
import { DIRECTORY_TYPES, type DirectoryType, TYPE_IDS } from '../../src/fhir/search/types.ts';
import { describe } from '../../src/http/fhir-app.ts';
import { durationMs } from '../../src/settings.ts';
import { type FederationDeps, peerClient } from '../client.ts';
import { probePeer } from '../probe.ts';
import { HarvestFault, REASONS, type Reason } from '../reasons.ts';
import { currentFacts } from '../store/fact.ts';
import {
  type Cursor,
  leavePeerLease,
  type Peer,
  recordEvent,
  setNextDue,
  setPeerRun,
  setPeerState,
  takePeerLease,
} from '../store/peer.ts';
import { beginRun, endRun, openRun, type Run, type RunState, runTypes } from '../store/run.ts';
import { clearStage } from '../store/stage.ts';
import { bulkRoot, readChain } from './chain.ts';
import { beginRung, type Ending, endRung, factsOf, type Harvest, recordContext } from './context.ts';
import { offersExport, readExport } from './export.ts';
import { readIndexFiles } from './index-files.ts';
import { settleRun } from './settle.ts';
import { Stage } from './stage.ts';
import { readHistory, readUpdated, readWhole } from './sweep.ts';
import { walk } from './walk.ts';

export type Harvested = { run: string; state: RunState | 'busy' | 'waits' | 'later'; reason: string };

const DAY = 86_400_000;
const FAILURES = 3;
const RETRY_MS = 5 * 60_000;

/** Harvests a peer now. `busy`: another process does. `waits`: a run of it waits for a decision. `later`: it asked us to wait. */
export async function harvestPeer(
  deps: FederationDeps,
  peer: Peer,
  options: { stopped?: () => boolean } = {},
): Promise<Harvested> {
  const { sql } = deps.database;
  const owner = randomUUID();
  const { leaseSeconds } = deps.config;
  if (!(await takePeerLease(sql, peer.slug, owner, new Date(), leaseSeconds)))
    return { run: '', state: 'busy', reason: '' };
  let held = true;
  const renewal = setInterval(
    () => {
      takePeerLease(sql, peer.slug, owner, new Date(), leaseSeconds).then(
        (still) => {
          held &&= still;
        },
        (error: unknown) => deps.log('warn', 'harvest lease not renewed', { peer: peer.slug, error: describe(error) }),
      );
    },
    (leaseSeconds * 1000) / 3,
  );
  try {
    return await harvestLeased(deps, peer, () => held && options.stopped?.() !== true);
  } finally {
    clearInterval(renewal);
    await leavePeerLease(sql, peer.slug, owner);
  }
}

async function harvestLeased(deps: FederationDeps, peer: Peer, alive: () => boolean): Promise<Harvested> {
  const { sql } = deps.database;
  const open = await openRun(sql, peer.slug);
  if (open?.state === 'quarantined') {
    await setNextDue(sql, peer.slug, nextTime(deps));
    return { run: open.id, state: 'waits', reason: open.reason };
  }
  const run = open ?? (await beginRun(sql, peer.slug, deps.clock()));
  const dedicated = deps.database.dedicated('copy');
  try {
    await dedicated.unsafe('set synchronous_commit = off');
    if (peer.probedAt === null) await probePeer(deps, peer, 'harvest');
    const facts = factsOf(await currentFacts(sql, peer.slug));
    const { position } = run;
    const stage = new Stage({
      sql: dedicated,
      run: run.id,
      peer: peer.slug,
      context: await recordContext(deps, peer),
      position,
      alive,
    });
    for (const t of await runTypes(sql, run.id)) stage.resume(t.type, t.counters);
    const h: Harvest = { deps, peer, run, client: peerClient(deps, peer), stage, position, facts };
    const cursor = await readAll(h);
    if (cursor === undefined) {
      await clearStage(sql, run.id);
      await endRun(sql, run.id, 'unchanged', '', deps.clock());
      const { index } = peer.cursor;
      await succeed(deps, peer, { ...peer.cursor, index: { ...index, polls: (index?.polls ?? 0) + 1 } });
      return { run: run.id, state: 'unchanged', reason: '' };
    }
    await endCheck(h);
    const ended = await settleRun(deps, run);
    await afterRun(deps, peer, run, cursor, ended.state);
    deps.log('info', 'harvested', {
      peer: peer.slug,
      run: run.id,
      state: ended.state,
      reason: ended.reason,
      requests: h.client.sent(),
    });
    return { run: run.id, ...ended };
  } catch (error) {
    return await failRun(deps, peer, run, error);
  } finally {
    await dedicated.end({ timeout: 5 });
  }
}

/** Zero of everything, where nothing was ever known: the peer lists nothing, it is not empty. */
async function endCheck(h: Harvest): Promise<void> {
  const types = await runTypes(h.deps.database.sql, h.run.id);
  if (types.length === 0 || types.some((t) => (t.counters['read'] ?? 0) > 0 || t.rung !== 7)) return;
  for (const t of types)
    if (t.state === 'read' && t.reason === '')
      await endRung(h, typeOf(t.type), { complete: false, reason: 'not-enumerable' });
}

const typeOf = (id: number): DirectoryType => DIRECTORY_TYPES.find((t) => TYPE_IDS[t] === id) ?? 'Practitioner';

/** @returns the cursor for the next time; undefined when nothing is new */
async function readAll(h: Harvest): Promise<Cursor | undefined> {
  const root = bulkRoot(h);
  if (root !== undefined) return await readChain(h, root);
  const index = h.peer.urls.find((u) => u.kind === 'mpf-index');
  if (index) return await readIndexFiles(h, index.url);
  if (h.peer.base === null) throw new HarvestFault('no-address');
  if (offersExport(h))
    try {
      return await readExport(h, h.peer.cursor.exported);
    } catch (error) {
      if (!(error instanceof HarvestFault) || (error.kind !== 'unsupported' && error.reason !== 'export-failed'))
        throw error;
      delete h.position.status;
    }
  return await readTypes(h);
}

/** Type by type, each on its own rung. */
async function readTypes(h: Harvest): Promise<Cursor> {
  const { position, peer, deps } = h;
  const cursor: Cursor = { ...peer.cursor, types: { ...peer.cursor.types } };
  const searchable = DIRECTORY_TYPES.filter((t) => h.facts('enumerates', t) !== 'no-type');
  const lists = searchable.filter((t) => !['no', 'empty'].includes(h.facts('enumerates', t) ?? ''));
  if (lists.length === 0 && searchable.length > 0) {
    await walk(h);
    return cursor;
  }
  for (const type of searchable) {
    if (position.done?.includes(type)) continue;
    if (position.type !== type) {
      for (const key of ['url', 'windows', 'pass', 'pages', 'restarts', 'anchor', 'rung'] as const)
        delete position[key];
      position.type = type;
    }
    const known = peer.cursor.types?.[type];
    const wholeAt = known?.wholeAt === undefined ? 0 : Date.parse(known.wholeAt);
    const whole = known === undefined || deps.clock().getTime() - wholeAt >= deps.config.harvestWholeDays * DAY;
    const ending = await readType(h, type, whole ? undefined : known.since);
    await endRung(h, type, ending);
    const anchor = position.anchor || known?.since;
    if (cursor.types && anchor && ending.reason === '')
      cursor.types[type] = { since: anchor, wholeAt: ending.complete ? deps.clock().toISOString() : known?.wholeAt };
    position.done = [...(position.done ?? []), type];
    await h.stage.flush();
  }
  return cursor;
}

/** The best rung for a type; one that the peer turns out not to have gives way to the next. */
async function readType(h: Harvest, type: DirectoryType, since: string | undefined): Promise<Ending> {
  const rungs: [number, () => Promise<Ending>][] = [];
  if (since !== undefined && h.facts('history', type) === 'works') rungs.push([4, () => readHistory(h, type, since)]);
  if (since !== undefined && h.facts('last-updated', type) === 'works')
    rungs.push([5, () => readUpdated(h, type, since)]);
  rungs.push([7, () => readWhole(h, type)]);
  for (const [rung, read] of rungs) {
    if (h.position.rung !== undefined && rung < h.position.rung) continue;
    h.position.rung = rung;
    await beginRung(h, type, rung);
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof HarvestFault)) throw error;
      if (rung === 7 || error.kind === 'transient' || error.kind === 'blocked') {
        if (!endsType(error, h.position.url !== undefined)) throw error;
        return { complete: false, reason: error.reason };
      }
      await clearStage(h.deps.database.sql, h.run.id, TYPE_IDS[type]);
      h.stage.resume(TYPE_IDS[type], {});
      delete h.position.url;
    }
  }
  throw new Error('There is always a last rung.');
}

/** Faults of one type: the others are read all the same. */
const ONE_TYPE = new Set<Reason>([
  'page-loop',
  'page-link-lost',
  'foreign-host',
  'outcome-instead-of-bundle',
  'not-a-bundle',
  'not-found',
  'bad-request',
  'page-too-large',
  'not-json',
  'xml',
  'server-error',
  'body-cut',
]);
/** Errors of the server amid the pages of a type are waited out, and the run goes on; on its first page they are about the type. */
const endsType = (error: HarvestFault, amid: boolean): boolean =>
  ONE_TYPE.has(error.reason) &&
  error.until === undefined &&
  !(amid && (error.reason === 'server-error' || error.reason === 'body-cut'));

async function afterRun(deps: FederationDeps, peer: Peer, run: Run, cursor: Cursor, state: RunState): Promise<void> {
  // what waits for a decision has not been taken: discarded, it is read from the beginning
  if (state === 'quarantined')
    await setPeerRun(deps.database.sql, peer.slug, {
      cursor: withoutPlaces(peer.cursor),
      nextDue: nextTime(deps),
      failures: 0,
    });
  else {
    const types = await runTypes(deps.database.sql, run.id);
    const damaged = types.some((t) => ['damaged-file', 'count-differs', 'staging-lost'].includes(t.reason));
    await succeed(deps, peer, damaged ? withoutPlaces(peer.cursor) : cursor);
  }
}

const withoutPlaces = (cursor: Cursor): Cursor => ({ index: { polls: cursor.index?.polls ?? 0 } });

const nextTime = (deps: FederationDeps): Date =>
  new Date(deps.clock().getTime() + (durationMs(deps.config.harvestEvery) ?? DAY));

const succeed = (deps: FederationDeps, peer: Peer, cursor: Cursor): Promise<void> =>
  setPeerRun(deps.database.sql, peer.slug, { cursor, nextDue: nextTime(deps), failures: 0 });

async function failRun(deps: FederationDeps, peer: Peer, run: Run, error: unknown): Promise<Harvested> {
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

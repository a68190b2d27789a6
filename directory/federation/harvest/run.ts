// One harvest of one peer: the best way that it offers for each type, then the judgement. It may be killed at any byte; the
// next process finds the run open and goes on from its position. docs/federation.md.
import { randomUUID } from 'node:crypto';
import { DIRECTORY_TYPES, type DirectoryType, TYPE_IDS } from '../../../src/fhir/search/types.ts';
import { describe } from '../../../src/http/fhir-app.ts';
import { type FederationDeps, peerClient } from '../client.ts';
import { currentFacts } from '../fact.ts';
import { type Cursor, leavePeerLease, type Peer, setNextDue, takePeerLease } from '../peer.ts';
import { probePeer } from '../probe.ts';
import { HarvestFault, type Reason } from '../reasons.ts';
import { bulkRoot, readChain } from './chain.ts';
import { beginRung, type Ending, endRung, factsOf, type Harvest, type Harvested, recordContext } from './context.ts';
import { afterRun, failRun, nextTime, succeed } from './end-run.ts';
import { offersExport, readExport } from './export.ts';
import { readIndexFiles } from './index-files.ts';
import { beginRun, endRun, openRun, runTypes } from './run-rows.ts';
import { settleRun } from './settle.ts';
import { Stage } from './stage.ts';
import { clearStage, shrinkStage } from './stage-rows.ts';
import { readHistory, readUpdated, readWhole } from './sweep.ts';
import { walk } from './walk.ts';

const DAY = 86_400_000;

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
  let stage: Stage | undefined;
  try {
    if (peer.probedAt === null) await probePeer(deps, peer, 'harvest');
    const facts = factsOf(await currentFacts(sql, peer.slug));
    const { position } = run;
    stage = new Stage({
      client: async () => {
        const dedicated = deps.database.dedicated('copy');
        await dedicated.unsafe('set synchronous_commit = off');
        return dedicated;
      },
      threads: deps.threads,
      run: run.id,
      peer: peer.slug,
      context: await recordContext(deps, peer),
      position,
      alive,
      most: deps.config.harvestMaxRecords,
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
    await shrinkStage(deps.database.sql);
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
    await stage?.end();
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
  // one that failed is not asked for again amid the pages
  if (offersExport(h) && h.position.type === undefined)
    try {
      return await readExport(h, h.peer.cursor.exported);
    } catch (error) {
      if (!(error instanceof HarvestFault) || (error.kind !== 'unsupported' && error.reason !== 'export-failed'))
        throw error;
      delete h.position.status;
      delete h.position.asked;
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
      for (const key of ['url', 'windows', 'total', 'pass', 'pages', 'restarts', 'anchor', 'rung'] as const)
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
  'not-utf8',
  'xml',
  'server-error',
  'body-cut',
  'endless',
]);
/** Errors of the server amid the pages of a type are waited out, and the run goes on; on its first page they are about the type. */
const endsType = (error: HarvestFault, amid: boolean): boolean =>
  ONE_TYPE.has(error.reason) &&
  error.until === undefined &&
  !(amid && (error.reason === 'server-error' || error.reason === 'body-cut'));

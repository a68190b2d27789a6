// The end of a run: each type is judged and either applied or quarantined until a person decides.

import type { Queryable } from '../../../src/db/database.ts';
import { apply } from '../apply-rows.ts';
import { LIMITS, type Trip, trips } from '../breaker.ts';
import type { FederationDeps } from '../client.ts';
import { type Actions, outlook } from '../outlook.ts';
import { recordEvent } from '../peer.ts';
import { typeName } from './context.ts';
import {
  decideType,
  endRun,
  findRun,
  goneLately,
  type Run,
  type RunState,
  type RunType,
  runTypes,
  saveType,
} from './run-rows.ts';
import { dropOwn, expandSeen, isAsKnown, measureChange, measureStaged, resolve } from './settle-rows.ts';
import { clearStage, countStaged, isDecided, sweepContent } from './stage-rows.ts';

/** Files of chains and exports tell which of two contents is the later; pages do not. */
const ORDER = (rung: number): 'last' | 'variants' => (rung === 1 || rung === 3 ? 'last' : 'variants');

const ACTIONS: Record<keyof Actions, string> = {
  c: 'new',
  u: 'updated',
  r: 'returned',
  d: 'deleted',
  m: 'absent',
  v: 'variant-gone',
};

/** Judges and applies what has been read. @returns state and reason of the run */
export async function settleRun(deps: FederationDeps, run: Run): Promise<{ state: RunState; reason: string }> {
  const { sql } = deps.database;
  const waiting = (await runTypes(sql, run.id)).filter((t) => t.state === 'read').sort(LARGEST_FIRST);
  const differing: RunType[] = [];
  const compare = (t: RunType) =>
    sql.begin(async (tx) => {
      await tx.unsafe(JUDGING);
      const of = { run: run.id, peer: run.peer, type: t.type };
      if (t.complete && !(await isLost(tx, t)) && (await isAsKnown(tx, of))) {
        await saveType(tx, { ...t, state: 'applied' });
        await clearStage(tx, run.id, t.type);
        return;
      }
      await expandSeen(tx, of);
      differing.push(t);
    });
  await inLanes(waiting, compare);
  if (differing.length > 0) await measureStaged(sql, run.id);
  await inLanes(differing.sort(LARGEST_FIRST), (t) => settleType(deps, run, t));
  return await conclude(deps, run);
}

/**
 * Did the server crash since the type was read? What is staged does not outlive it, and what was read afterwards is less than what
 * was counted. Deciding drops what came twice: once it has begun only nothing at all is too little.
 */
const isLost = async (sql: Queryable, t: RunType): Promise<boolean> => {
  const counted = t.counters['staged'] ?? 0;
  const staged = counted === 0 ? 0 : await countStaged(sql, t.run, t.type);
  return staged < counted && (staged === 0 || !(await isDecided(sql, t.run, t.type)));
};

/** So that both workers end together. */
const LARGEST_FIRST = (a: RunType, b: RunType): number => (b.counters['read'] ?? 0) - (a.counters['read'] ?? 0);

/** Types are judged apart from each other, two at a time: each is a transaction on one connection. */
const SLOTS = 2;

/**
 * How a type is judged. Half a million records are put in order without files. A record looked up costs as little as it does where everything
 * is in memory: a change of few records must not read a table of all. And no one waits for the disk: whatever a crash of the server takes
 * away is the end of what was done, and the run goes on from what is left. Its own end is waited for.
 */
const JUDGING = `set local work_mem = '128MB'; set local random_page_cost = 1.1; set local synchronous_commit = off`;

/** Does the work for each, in the order given; waits for all slots, and tells the first fault. */
async function inLanes<T>(all: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
  const left = [...all];
  const slot = async () => {
    for (let t = left.shift(); t !== undefined; t = left.shift()) await work(t);
  };
  const failed = (await Promise.allSettled(Array.from({ length: SLOTS }, slot))).find((r) => r.status === 'rejected');
  if (failed) throw failed.reason;
}

/** The state of a run by those of its types. */
async function conclude(deps: FederationDeps, run: Run): Promise<{ state: RunState; reason: string }> {
  const types = await runTypes(deps.database.sql, run.id);
  const waiting = types.filter((t) => t.state === 'quarantined');
  if (waiting.length > 0) {
    const reason = [...new Set(waiting.flatMap((t) => t.trips.map((x) => x.name)))].join(', ');
    await endRun(deps.database.sql, run.id, 'quarantined', reason, deps.clock());
    return { state: 'quarantined', reason };
  }
  const partial = types.filter((t) => t.reason !== '' || t.state === 'discarded');
  const reason = [
    ...new Set(partial.map((t) => (t.state === 'discarded' && t.reason !== 'staging-lost' ? 'discarded' : t.reason))),
  ].join(', ');
  const state = partial.length > 0 ? 'partial' : 'done';
  await endRun(deps.database.sql, run.id, state, reason, deps.clock());
  return { state, reason };
}

async function settleType(deps: FederationDeps, run: Run, t: RunType): Promise<void> {
  const { sql } = deps.database;
  const of = { run: run.id, peer: run.peer, type: t.type };
  const open = await sql.begin(async (tx) => {
    await tx.unsafe(JUDGING);
    if (await isLost(tx, t)) {
      await saveType(tx, { ...t, state: 'discarded', complete: false, reason: 'staging-lost' });
      await clearStage(tx, run.id, t.type);
      await sweepContent(tx);
      return false;
    }
    const own = await dropOwn(tx, of, typeName(t.type));
    if (own > 0) {
      t.counters['own'] = (t.counters['own'] ?? 0) + own;
      t.counters['staged'] = (t.counters['staged'] ?? 0) - own;
    }
    await resolve(tx, of, ORDER(t.rung), t.complete);
    await saveType(tx, t); // what was dropped is counted once; the rest may be done again
    return true;
  });
  if (!open) return;
  await measureChange(sql);
  await sql.begin(async (tx) => {
    await tx.unsafe(JUDGING);
    const found = await outlook(tx, of);
    const counters = {
      ...t.counters,
      ...Object.fromEntries(Object.entries(found.actions).map(([a, n]) => [ACTIONS[a as keyof Actions], n])),
    };
    const since = new Date(deps.clock().getTime() - LIMITS.slowDays * 86_400_000);
    const tripped: Trip[] = trips({ ...found, goneLately: await goneLately(tx, of, since) });
    if (tripped.length > 0) {
      await saveType(tx, { ...t, state: 'quarantined', counters, trips: tripped });
      const detail = `run ${run.id}: ${tripped.map((x) => `${x.name} (${x.detail})`).join(', ')}`;
      await recordEvent(tx, { peer: run.peer, what: 'quarantined', detail, by: 'harvest', at: deps.clock() });
      return;
    }
    const { tombstones, all } = await apply(tx, of, deps.clock());
    await saveType(tx, { ...t, state: 'applied', counters: { ...counters, tombstones } });
    await clearStage(tx, run.id, t.type, all);
  });
}

export type Decided = 'ok' | 'not-found' | 'not-quarantined' | 'staging-lost';

/** Releases what was quarantined, or discards it. A discarded run is read again from its beginning next time. */
export async function decideRun(
  deps: FederationDeps,
  id: string,
  verdict: 'release' | 'discard',
  by: string,
): Promise<Decided> {
  const { sql } = deps.database;
  const run = /^\d{1,18}$/.test(id) ? await findRun(sql, id) : undefined;
  if (!run) return 'not-found';
  const waiting = (await runTypes(sql, run.id)).filter((t) => t.state === 'quarantined');
  if (run.state !== 'quarantined' || waiting.length === 0) return 'not-quarantined';
  const at = deps.clock();
  let lost = false;
  await sql.begin(async (tx) => {
    for (const t of waiting) {
      const of = { run: run.id, peer: run.peer, type: t.type };
      const gone = verdict === 'release' && (await isLost(tx, t));
      let taken = false;
      lost ||= gone;
      if (verdict === 'release' && !gone) {
        const { tombstones, all } = await apply(tx, of, at);
        taken = all;
        await saveType(tx, { ...t, state: 'applied', counters: { ...t.counters, tombstones } });
        await decideType(tx, run.id, t.type, 'applied', by, at);
      } else {
        await saveType(tx, { ...t, state: 'discarded', reason: gone ? 'staging-lost' : t.reason });
        if (gone) await sweepContent(tx);
        await decideType(tx, run.id, t.type, 'discarded', by, at);
      }
      await clearStage(tx, run.id, t.type, taken);
    }
    await recordEvent(tx, {
      peer: run.peer,
      what: verdict === 'release' ? 'released' : 'discarded',
      detail: `run ${run.id}`,
      by,
      at,
    });
  });
  await conclude(deps, run);
  return lost ? 'staging-lost' : 'ok';
}

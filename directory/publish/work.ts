// The loop that publishes: one process of several holds the lease. The schedule only wakes it; what is due stands in tables.
import { randomUUID } from 'node:crypto';
import { describe } from '../../src/http/fhir-app.ts';
import { durationMs } from '../../src/settings.ts';
import { readState } from '../resource/resource.ts';
import { type Alive, LeaseLost } from './bulk-files.ts';
import { removeOld } from './housekeeping.ts';
import { makeExport } from './make-export.ts';
import {
  isAmongOthers,
  type MadePublication,
  makePublication,
  PARTS,
  type Part,
  type PublishDeps,
} from './make-publication.ts';
import { MAKERS } from './makers.ts';
import { leaveLease, nextDue, publications, setNextDue, takeLease } from './publication.ts';

const RETRY_MS = 10 * 60_000;
const SWEEP_MS = 3_600_000;

/** Runs `work` while the lease is ours. @returns undefined when another process has it */
async function withLease<T>(
  deps: PublishDeps,
  work: (owner: string, alive: Alive) => Promise<T>,
): Promise<T | undefined> {
  const { sql } = deps.database;
  const owner = randomUUID();
  const { leaseSeconds } = deps.config;
  if (!(await takeLease(sql, owner, deps.clock(), leaseSeconds))) return undefined;
  let held = true;
  const renewal = setInterval(
    () => {
      takeLease(sql, owner, deps.clock(), leaseSeconds).then(
        (still) => {
          held &&= still;
        },
        (error: unknown) => deps.log('warn', 'lease not renewed', { error: describe(error) }),
      );
    },
    (leaseSeconds * 1000) / 3,
  );
  try {
    return await work(owner, () => held);
  } finally {
    clearInterval(renewal);
    await leaveLease(sql, owner);
  }
}

/** Publishes now. `busy`: another process is publishing. */
export async function publishNow(
  deps: PublishDeps,
  parts: readonly Part[] = partsOf(deps),
  stopped: () => boolean = () => false,
): Promise<MadePublication | 'busy'> {
  const made = await withLease(deps, async (owner, alive) => {
    const publication = await makePublication(deps, {
      owner,
      parts,
      makers: MAKERS,
      alive: () => alive() && !stopped(),
    });
    const every = durationMs(deps.config.publishEvery);
    if (every !== undefined) await setNextDue(deps.database.sql, new Date(deps.clock().getTime() + every));
    await removeOld(deps);
    return publication;
  });
  return made ?? 'busy';
}

/** Publishes when it is time, or when nothing was published yet. */
export async function publishIfDue(
  deps: PublishDeps,
  stopped?: () => boolean,
): Promise<MadePublication | 'busy' | 'not-due'> {
  return (await isDue(deps)) ? publishNow(deps, partsOf(deps), stopped) : 'not-due';
}

/** The merged view is published in bulk and in no other way. */
const partsOf = (deps: PublishDeps): readonly Part[] => (deps.place?.among ? ['bulk'] : PARTS);

export type PublishWorker = {
  /** looks for work that is due */
  wake(): void;
  /** ends the work under way at its next step, and waits for that */
  stop(): Promise<void>;
};

/**
 * @param merged the same of the merged view
 * @param onWork called when it begins to look for what is due and to do it, and when all is done
 */
export function startPublishing(
  deps: PublishDeps,
  merged: PublishDeps,
  onWork: (working: boolean) => void = () => {},
): PublishWorker {
  let running: Promise<void> | undefined;
  let ended = false;
  let again = false;
  let swept = Number.NEGATIVE_INFINITY;
  const stopped = () => ended;
  /** Files past their time, between publications too: exports are kept for hours. */
  const sweep = async () => {
    const now = deps.clock().getTime();
    if (ended || now - swept < SWEEP_MS) return;
    swept = now;
    for (const place of [deps, merged]) await withLease(place, () => removeOld(place));
  };
  const turn = async () => {
    do {
      again = false;
      await publishIfDue(deps, stopped);
      await publishIfDue(merged, stopped);
      await sweep();
      while (!ended && (await makeExport(deps, stopped)));
    } while (again && !ended);
  };
  return {
    wake() {
      again = true;
      if (running !== undefined) return;
      onWork(true);
      running = turn()
        .catch(async (error: unknown) => {
          if (error instanceof LeaseLost) return;
          deps.log('error', 'publication failed', { error: describe(error) });
          await setNextDue(deps.database.sql, new Date(deps.clock().getTime() + RETRY_MS)).catch(() => {});
        })
        .finally(() => {
          running = undefined;
          onWork(false);
        });
    },
    async stop() {
      ended = true;
      await running;
    },
  };
}

async function isDue(deps: PublishDeps): Promise<boolean> {
  if (durationMs(deps.config.publishEvery) === undefined) return false;
  const due = await nextDue(deps.database.sql);
  if (due !== undefined) return due <= deps.clock() || (await isAmongOthers(deps));
  // an empty directory that was never filled is not worth a first publication
  return (await readState(deps.database.sql)).change > 0n && (await publications(deps.database.sql, 1)).length === 0;
}

// The exchange's long work: answers to peers (match, export), our own pulls, and housekeeping, each in a loop of its own; the
// rows and their leases let several processes share it. The schedule only wakes them.
import { randomUUID } from 'node:crypto';
import { isPassing } from '../src/db/failure.ts';
import type { Deps } from '../src/deps.ts';
import { describe } from '../src/http/fhir-app.ts';
import { gather } from '../src/http/gather.ts';
import { checkAuditDaily } from './compliance/audit/check.ts';
import { tellInForce } from './compliance/audit/in-force.ts';
import { sealAll } from './compliance/audit/run-seal.ts';
import { checkDocumentsDaily } from './compliance/documents/documents.ts';
import { isAnswering } from './compliance/export-check/export-check-rows.ts';
import { proveNext } from './compliance/export-check/run-export-check.ts';
import { removals } from './compliance/retention/removals.ts';
import { freeLeases } from './lease.ts';
import { finishImports } from './members/enrolment/finish-interrupted-imports.ts';
import { relabelAfterUpdate } from './members/enrolment/relabel.ts';
import { finishComparing } from './members/merge/compare-moved.ts';
import { nextDue } from './next-due.ts';
import { checkPeersDaily } from './peers/daily-check.ts';
import { keyAfterUpdate } from './reconcile/keys-anew.ts';
import { freeAsks } from './requester/coverage-due.ts';
import { planPulls } from './requester/plan.ts';
import { removeComing } from './requester/remove-documents.ts';
import { PullWorker } from './requester/run.ts';
import { claimJob, failJob, renewJob } from './responder/bulk-job.ts';
import { foldDelivered } from './responder/export/fold-delivered.ts';
import { revokeEnded } from './responder/export/revoke.ts';
import { runExport } from './responder/export/run-export.ts';
import { runMatch } from './responder/match/run-match.ts';
import { decideAsked } from './review/decide-all.ts';
import { finishReleases } from './review/release.ts';
import { keepClocks } from './schedule.ts';

const JOB_TRIES = 3;
const PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 300_000;
const BUSY_MS = 150;
const IDLE_MS = 1000;
const SEAL_MS = 1000;
/**
 * How often it is looked for daily checks that are due, of payers and of our public documents, the first time when the
 * node has settled; and for
 *  labels that an older program has given beside this one. */
const LOOK_MS = 600_000;
const FIRST_LOOK_MS = 60_000;

/** Runs one job of a peer, when one waits. `short`: only one about few members. */
export async function takeJob(deps: Deps, owner: string, short = false): Promise<boolean> {
  const { sql } = deps.database;
  const job = await claimJob(sql, owner, deps.clock(), deps.config.leaseSeconds, short);
  if (!job) return false;
  const renewal = setInterval(
    () => {
      renewJob(sql, job.id, owner, deps.clock(), deps.config.leaseSeconds).catch((error: unknown) =>
        deps.log('warn', 'lease not renewed', { job: job.id, error: describe(error) }),
      );
    },
    (deps.config.leaseSeconds * 1000) / 3,
  );
  const started = performance.now();
  try {
    const done = job.kind === 'match' ? await runMatch(deps, job, owner) : await runExport(deps, job, owner);
    deps.log('info', `${job.kind} ${done ? 'complete' : 'given up'}`, {
      job: job.id,
      peer: job.peerId,
      ms: Math.round(performance.now() - started),
    });
  } catch (error) {
    // a disk that is full or a database that is away says nothing against the job: it waits, and is owed all the same
    const passes = isPassing(error);
    const pauseMs = passes ? Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** Math.min(job.attempts - 1, 10)) : PAUSE_MS;
    const retry = passes || job.attempts < JOB_TRIES ? pauseMs : undefined;
    deps.log('error', retry === undefined ? `${job.kind} failed` : `${job.kind} broke off and is tried again`, {
      job: job.id,
      peer: job.peerId,
      error: describe(error),
      attempts: job.attempts,
      ...(retry === undefined ? {} : { againMs: retry }),
    });
    await failJob(sql, job.id, owner, deps.clock(), describe(error), retry);
    if (job.kind === 'export' && retry === undefined) deps.metrics.count('exports_total', { result: 'failed' });
  } finally {
    clearInterval(renewal);
  }
  return true;
}

export type ExchangeWorker = {
  /** makes the pulls that are due and takes up work at once */
  wake(): void;
  /** takes up work at once: something has come */
  trigger(): void;
  /** finishes the step at hand and ends */
  stop(): Promise<void>;
};

/**
 * Starts the loops. `plans`: also make the pulls that are due, at start and whenever woken. `alone`: no other process serves on
 * this database, so that leases from before are of the dead.
 */
export function startWork(deps: Deps, options: { plans: boolean; alone?: boolean }): ExchangeWorker {
  const pulls = new PullWorker(deps);
  const ending = new AbortController();
  let woken = options.plans;
  let rousings = 0;
  let sealed = 0;
  const sleepers = new Set<() => void>();
  const wakeAll = () => {
    rousings++;
    for (const wake of sleepers) wake();
  };

  const begin = async () => {
    if (options.alone !== true) return;
    await freeLeases(deps.database.sql);
    await freeAsks(deps.database.sql, deps.clock(), deps.config.leaseSeconds);
    await removeComing(deps);
  };
  const begun = begin().catch((error: unknown) => {
    // they run out by themselves
    deps.log('warn', 'leases not freed', { error: describe(error) });
  });

  const seal = async (): Promise<boolean> => {
    if (Date.now() - sealed < SEAL_MS) return false;
    sealed = Date.now();
    try {
      await sealAll(deps);
    } catch (error) {
      // what waits for a seal is reported by `audit verify`; peers are answered all the same
      deps.log('error', 'audit not sealed', { error: describe(error) });
    }
    return false;
  };
  let labelled: number | undefined;
  let labelAt = new Date(0);
  const label = async (): Promise<boolean> => {
    if (deps.clock() < labelAt) return false;
    const found = await relabelAfterUpdate(deps, ending.signal, labelled);
    if (found === undefined) return false;
    labelled = found;
    labelAt = new Date(deps.clock().getTime() + LOOK_MS);
    return false;
  };
  let isKeyed = false;
  let keyAt = new Date(0);
  const key = async (): Promise<boolean> => {
    if (isKeyed || deps.clock() < keyAt) return false;
    isKeyed = await keyAfterUpdate(deps, ending.signal);
    // another process has it in hand: it may end before it is through
    keyAt = new Date(deps.clock().getTime() + LOOK_MS);
    return false;
  };
  let verifyAt = new Date(0);
  const verify = async (): Promise<boolean> => {
    if (deps.clock() >= verifyAt) verifyAt = await checkAuditDaily(deps);
    return false;
  };
  let lookAt = new Date(deps.clock().getTime() + FIRST_LOOK_MS);
  const lookAtPeers = async (): Promise<boolean> => {
    if (deps.clock() < lookAt) return false;
    lookAt = new Date(deps.clock().getTime() + LOOK_MS);
    await checkPeersDaily(deps);
    await checkDocumentsDaily(deps);
    return false;
  };
  /** One that fails, as at a file that cannot be removed, keeps none of the others waiting, and is tried again with the next tick. */
  const inTurn = async (step: string, take: () => Promise<unknown>): Promise<void> => {
    try {
      await take();
    } catch (error) {
      deps.log('error', 'housekeeping', { step, error: describe(error) });
    }
  };
  const removing = removals(deps);
  const keepHouse = async (): Promise<boolean> => {
    if (!woken) return false;
    woken = false;
    if (options.plans) await inTurn('plan pulls', () => planPulls(deps, { cause: 'opt-in' }));
    wakeAll();
    await inTurn('decisions', async () => {
      // the other duties do not wait for thousands
      if (await decideAsked(deps)) woken = true;
    });
    await inTurn('releases', () => finishReleases(deps));
    await inTurn('imports that were cut off', () => finishImports(deps));
    await inTurn('records of one person', () => finishComparing(deps));
    await inTurn('clocks', () => keepClocks(deps));
    await inTurn('keys and settings', () => tellInForce(deps));
    await inTurn('consents that ended', () => revokeEnded(deps));
    await inTurn('what exports held', async () => {
      if ((await foldDelivered(deps.database.sql, deps.clock())).more) woken = true;
    });
    for (const [step, remove] of removing) await inTurn(step, remove);
    await inTurn('raw files', () => pulls.release());
    return false;
  };

  // all rest for the same time: those that wake in one moment share the question, which would hold up anyone who is answered just then
  const whenDue = gather<null, number>(
    async (askers) => {
      const due = await nextDue(deps.database.sql, deps.clock(), IDLE_MS);
      return askers.map(() => due);
    },
    { most: 64, slots: 1 },
  );

  /** Takes turns until the end; rests while nothing is due. */
  const keepOn = async (name: string, take: () => Promise<boolean>): Promise<void> => {
    await begun;
    while (!ending.signal.aborted) {
      let busy = false;
      let due = IDLE_MS;
      const seen = rousings;
      try {
        busy = await take();
        if (!busy) due = await whenDue(null);
      } catch (error) {
        deps.log('error', name, { error: describe(error) });
      }
      if (busy || seen !== rousings || ending.signal.aborted) continue;
      await new Promise<void>((done) => {
        const timer = setTimeout(wake, Math.max(BUSY_MS, due));
        function wake() {
          clearTimeout(timer);
          sleepers.delete(wake);
          done();
        }
        sleepers.add(wake);
      });
    }
  };
  /** Each by a name of its own: what one has lost, as in a process that was stopped for a while, the other one takes as anyone would. */
  const answers = (name: string, short: boolean): Promise<void> => {
    const owner = randomUUID();
    return keepOn(name, () => takeJob(deps, owner, short));
  };
  const loops = [
    answers('answers', false),
    // an answer may take minutes: who asks about one member does not wait for another person’s ten thousand, nor does what is due besides
    answers('short answers', true),
    keepOn('audit seal', seal),
    keepOn('housekeeping', keepHouse),
    keepOn('labels', label),
    keepOn('record keys', key),
    ...(options.plans
      ? [
          keepOn('audit check', verify),
          keepOn('peer check', lookAtPeers),
          keepOn('content check', async () => !(await isAnswering(deps.database.sql)) && (await proveNext(deps))),
        ]
      : []),
    keepOn('attachments', () => pulls.attachmentsOfOthers()),
    ...Array.from({ length: deps.config.pullConcurrency }, () => keepOn('pull slot', () => pulls.step())),
  ];

  return {
    wake() {
      woken = true;
      wakeAll();
    },
    trigger() {
      wakeAll();
    },
    async stop() {
      ending.abort();
      wakeAll();
      let isOver = false;
      const over = Promise.all(loops)
        .then(() => pulls.over())
        .finally(() => {
          isOver = true;
        });
      // a step at hand may take longer than the process is left, as a file that comes slowly does: what was written until then is sealed
      sealed = 0;
      while (!isOver) {
        await seal();
        await Promise.race([over, new Promise((r) => setTimeout(r, SEAL_MS).unref())]);
      }
      await over;
      await sealAll(deps); // the tail is short when no one works
    },
  };
}

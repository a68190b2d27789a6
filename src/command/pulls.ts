// The commands about pulls and their reports.

import { planPulls } from '../../exchange/pull/plan.ts';
import { PullWorker } from '../../exchange/pull/run.ts';
import { auditRow, writeAudit } from '../../exchange/store/audit.ts';
import { findPeer } from '../../exchange/store/peer.ts';
import { findPull, listPulls, type Pull } from '../../exchange/store/pull.ts';
import { pullFiles } from '../../exchange/store/pull-file.ts';
import { acceptIncomplete, isLeftIncomplete } from '../../exchange/store/pull-incomplete.ts';
import { acceptPull } from '../../exchange/store/staff-accept.ts';
import type { Deps } from '../deps.ts';
import { progressReporter } from '../import/progress.ts';
import { CommandFault } from './fault.ts';
import { person, withNode } from './node.ts';
import { terminalReport } from './report-text.ts';
import { say } from './say.ts';

export async function pullRun(
  peerId: string | undefined,
  options: { full?: boolean; member?: string[] },
): Promise<void> {
  await withNode(async (node) => {
    const { deps } = node;
    if (peerId !== undefined) {
      const peer = await findPeer(deps.database.sql, peerId);
      if (!peer) throw new CommandFault(`There is no peer "${peerId}".`);
      if (peer.state !== 'active') throw new CommandFault(`${peerId} is ${peer.state}: approve it first.`);
      if (peer.fhirBase === null || peer.clientIdThere === null)
        throw new CommandFault(`${peerId} has no FHIR base or no client id of ours: it cannot be asked.`);
    }
    const ids = await planPulls(deps, {
      cause: 'command',
      again: true,
      ...(options.full ? { full: true } : {}),
      ...(peerId === undefined ? {} : { peerId }),
      ...(options.member === undefined ? {} : { memberIds: options.member }),
    });
    if (ids.length === 0) return say('Nobody to ask for: no member has opted in and named this payer.');
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort());
    let failed = false;
    for (const id of ids) {
      const progress = followFiles(deps, id);
      const pull = await new PullWorker(deps).finish(
        id,
        (p: Pull) => say(`${id}  ${p.state}${p.reason === null ? '' : ` (${p.reason})`}`),
        stop.signal,
      );
      await progress.stop();
      if (stop.signal.aborted) return say('Stopped. A running node, or pull run, goes on from here.');
      say('');
      say(await terminalReport(node, id));
      failed ||= pull?.state !== 'done';
    }
    if (failed) process.exitCode = 2;
  });
}

/** How far the lines of a pull are taken in: a bar on a terminal, plain lines elsewhere. */
function followFiles(deps: Deps, id: string): { stop(): Promise<void> } {
  const reporter = progressReporter('lines');
  let isShown = false;
  const look = async () => {
    const files = (await pullFiles(deps.database.sql, id)).filter((f) => f.kind !== 'error');
    const declared = files.reduce((n, f) => n + (f.declared ?? 0), 0);
    const units = files.reduce((n, f) => n + (f.units ?? 0), 0);
    if (declared === 0 || units === 0) return files;
    isShown = true;
    reporter.update({ bytesRead: Math.min(units, declared), bytesTotal: declared, entries: units });
    return files;
  };
  let looking: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    looking = look().catch(() => {}); // only what is shown: the pull itself reports its faults
  }, 1000);
  return {
    async stop() {
      clearInterval(timer);
      await looking;
      const files = await look();
      if (!isShown) return;
      const bytes = files.reduce((n, f) => n + (f.bytes ?? 0), 0);
      const units = files.reduce((n, f) => n + (f.units ?? 0), 0);
      reporter.update({ bytesRead: bytes, bytesTotal: bytes, entries: units });
      reporter.end();
    },
  };
}

export async function pullList(): Promise<void> {
  await withNode(async ({ deps }) => {
    const pulls = await listPulls(deps.database.sql);
    if (pulls.length === 0) say('There are no pulls.');
    for (const p of pulls)
      say(
        `${p.id}  ${p.createdAt.toISOString().slice(0, 16)}  ${p.peerId.padEnd(16)} ${p.state}${p.reason === null ? '' : ` (${p.reason})`}`,
      );
  });
}

export async function pullShow(id: string): Promise<void> {
  await withNode(async (node) => {
    if (!(await findPull(node.deps.database.sql, id))) throw new CommandFault(`There is no pull "${id}".`);
    say(await terminalReport(node, id));
  });
}

export async function pullAccept(id: string, options: { reason: string }): Promise<void> {
  await withNode(async (node) => {
    const { deps } = node;
    const pull = await findPull(deps.database.sql, id);
    if (!pull) throw new CommandFault(`There is no pull "${id}".`);
    const { state } = pull;
    const by = person();
    const at = deps.clock();
    if (state === 'done' && (await isLeftIncomplete(deps.database.sql, id, at))) {
      await deps.database.sql.begin(async (tx) => {
        if (!(await acceptIncomplete(tx, id, { subject: by, name: by }, options.reason, at)))
          throw new CommandFault(`Pull "${id}" changed meanwhile.`);
        await writeAudit(tx, [
          auditRow({
            at,
            actorKind: 'command',
            actor: by,
            action: 'accept',
            object: `pull/${id}`,
            reason: 'incomplete',
          }),
        ]);
      });
      return say(await terminalReport(node, id));
    }
    if (state !== 'unbalanced' && state !== 'partial')
      throw new CommandFault(`Pull "${id}" is ${state}: there is nothing to accept.`);
    await deps.database.sql.begin(async (tx) => {
      if (!(await acceptPull(tx, id, state, { subject: by, name: by }, options.reason, at)))
        throw new CommandFault(`Pull "${id}" changed meanwhile.`);
      await writeAudit(tx, [
        auditRow({ at, actorKind: 'command', actor: by, action: 'accept', object: `pull/${id}`, reason: state }),
      ]);
    });
    const ended = await new PullWorker(deps).finish(id);
    say(await terminalReport(node, id));
    if (ended?.state !== 'done') process.exitCode = 2;
  });
}

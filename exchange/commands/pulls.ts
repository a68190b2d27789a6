// The commands about pulls and their reports.

import { CommandFault } from '../../src/runtime/fault.ts';
import { person, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { localDay } from '../members/deadlines/business-day.ts';
import { findPeer } from '../peers/peer.ts';
import { acceptPull } from '../requester/accept-pull.ts';
import { BEFORE_RECORDS, giveUpPull } from '../requester/give-up.ts';
import { acceptLeft, leftOf } from '../requester/incomplete-pulls.ts';
import { planPulls } from '../requester/plan.ts';
import { findPull, listPulls, type Pull, partsOf } from '../requester/pull.ts';
import { PullWorker } from '../requester/run.ts';
import { followed } from './follow-pull.ts';
import { terminalReport } from './report-text.ts';

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
      by: person(),
      again: true,
      ...(options.full ? { full: true } : {}),
      ...(peerId === undefined ? {} : { peerId }),
      ...(options.member === undefined ? {} : { memberIds: options.member }),
    });
    if (ids.length === 0) return say('No one to ask for: no member has opted in and named this payer.');
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort());
    let failed = false;
    for (const id of ids) {
      const pull = await followed(deps, id, () =>
        new PullWorker(deps).finish(
          id,
          (p: Pull) => say(`${id}  ${p.state}${p.reason === null ? '' : ` (${p.reason})`}`),
          stop.signal,
        ),
      );
      if (stop.signal.aborted) return say('Stopped. A running node, or pull run, goes on from here.');
      say('');
      say(await terminalReport(node, id));
      failed ||= pull?.state !== 'done';
      // those of its members who are asked for apart
      ids.push(...(await partsOf(deps.database.sql, id)));
    }
    if (failed) process.exitCode = 2;
  });
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
    const today = localDay(at, deps.config.timeZone);
    if ((await leftOf(deps.database.sql, id, today)) !== undefined) {
      await deps.database.sql.begin(async (tx) => {
        const left = await acceptLeft(tx, id, state, { subject: by, name: by }, options.reason, at, today);
        if (left === undefined) throw new CommandFault(`Pull "${id}" changed meanwhile.`);
        await writeAudit(tx, [
          auditRow({
            at,
            actorKind: 'command',
            actor: by,
            action: 'accept',
            object: `pull/${id}`,
            reason: left,
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

export async function pullGiveUp(id: string, options: { reason: string }): Promise<void> {
  await withNode(async ({ deps }) => {
    const pull = await findPull(deps.database.sql, id);
    if (!pull) throw new CommandFault(`There is no pull "${id}".`);
    if (!BEFORE_RECORDS.includes(pull.state))
      throw new CommandFault(`Pull "${id}" is ${pull.state}: there is nothing to give up.`);
    const by = { kind: 'command', subject: person(), name: person() } as const;
    if (!(await giveUpPull(deps, by, { id, seen: pull.state, note: options.reason })))
      throw new CommandFault(`Pull "${id}" changed meanwhile.`);
    await new PullWorker(deps).release();
    say(`${id} is given up. Its members are asked for again by themselves, or at once: pull run ${pull.peerId}`);
  });
}

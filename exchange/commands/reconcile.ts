// `payer-node reconcile replay PULL`: today's rules on the kept files of a pull.

import { Command } from 'commander';
import { CommandFault } from '../../src/runtime/fault.ts';
import { person, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { findPeer } from '../peers/peer.ts';
import { type ReplayReport, replay } from '../reconcile/replay.ts';
import { findPull } from '../requester/pull.ts';

const MOST_SHOWN = 200;

const shown = (outcome: string, reason: string | null) => (reason === null ? outcome : `${outcome} (${reason})`);

function* reportLines(r: ReplayReport): Generator<string> {
  yield `Rules of version ${r.rules}. Units that change: ${r.units.length}. Links added: ${r.links.added.length}, removed: ${r.links.removed.length}. Chains that change: ${r.chains.length}.`;
  for (const u of r.units)
    yield `unit ${u.file}-${u.line}-${u.entry}  ${u.type ?? 'no type'}/${u.sourceId ?? ''}  ${shown(u.outcomeBefore, u.reasonBefore)} → ${shown(u.outcome, u.reason)}`;
  for (const [sign, links] of [
    ['+', r.links.added],
    ['-', r.links.removed],
  ] as const)
    for (const l of links) yield `link ${sign} ${l.type}  ${l.a} – ${l.b}  ${l.kind}, ${l.state}, by ${l.rule}`;
  for (const c of r.chains) yield `chain ${c.chain.slice(0, 12)}  ${c.before ?? 'none'}  ⇒  ${c.after ?? 'none'}`;
}

async function reconcileReplay(id: string, options: { dryRun?: boolean; json?: boolean }): Promise<void> {
  await withNode(async ({ deps }) => {
    const { sql } = deps.database;
    const pull = await findPull(sql, id);
    if (!pull) throw new CommandFault(`There is no pull "${id}".`);
    if (pull.state !== 'done')
      throw new CommandFault(`Pull "${id}" is ${pull.state}: only a pull that is done can be replayed.`);
    if (pull.filesRemovedAt !== null)
      throw new CommandFault(
        `The files of pull "${id}" were removed on ${pull.filesRemovedAt.toISOString().slice(0, 10)}, as their time was over: it cannot be replayed.`,
      );
    const peer = await findPeer(sql, pull.peerId);
    if (!peer) throw new CommandFault(`The payer "${pull.peerId}" of the pull is not registered any more.`);
    const report = await replay(deps, {
      pull,
      peer,
      by: { kind: 'command', name: person() },
      cause: 'replay',
      ...(options.dryRun === true ? { dryRun: true } : {}),
    });
    if (options.json === true) return say(JSON.stringify(report, null, 2));
    let n = 0;
    for (const line of reportLines(report)) {
      if (++n > MOST_SHOWN) continue;
      say(line);
    }
    if (n > MOST_SHOWN) say(`… ${n - MOST_SHOWN} more; --json shows all.`);
    say(options.dryRun === true ? 'Nothing was changed: this was a dry run.' : 'Done.');
  });
}

export function reconcileCommand(): Command {
  const reconcile = new Command('reconcile').description('what came from other payers');
  reconcile
    .command('replay')
    .description("run today's rules on the kept files of a pull")
    .argument('<pull>')
    .option('--dry-run', 'only show what would change')
    .option('--json', 'everything, as JSON')
    .action(reconcileReplay);
  return reconcile;
}

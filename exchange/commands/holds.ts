// `payer-node hold`: legal holds, which keep what they are about whatever its time.

import { Command } from 'commander';
import { CommandFault } from '../../src/runtime/fault.ts';
import { person, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { listHolds } from '../compliance/retention/hold.ts';
import { HOLD_FAULTS, liftHold, placeHold } from '../compliance/retention/holds.ts';

const who = () => ({ kind: 'command', subject: person(), requestId: '' }) as const;

async function holdPlace(options: {
  member?: string;
  peer?: string;
  everything?: boolean;
  reason: string;
}): Promise<void> {
  const { member = '', peer = '', everything = false, reason } = options;
  await withNode(async ({ deps }) => {
    const done = await placeHold(deps, { member, peer, everything, reason }, who());
    if ('fault' in done) throw new CommandFault(HOLD_FAULTS[done.fault]);
    say(`${done.id} stands: nothing of it is removed until it is lifted.`);
  });
}

async function holdLift(id: string, options: { reason: string }): Promise<void> {
  await withNode(async ({ deps }) => {
    const fault = await liftHold(deps, { id, reason: options.reason }, who());
    if (fault !== undefined) throw new CommandFault(HOLD_FAULTS[fault]);
    say(`${id} is lifted: what it kept beyond its time goes within a day.`);
  });
}

async function holdList(): Promise<void> {
  await withNode(async ({ deps }) => {
    const holds = await listHolds(deps.database.sql);
    if (holds.length === 0) say('No legal hold was ever placed.');
    for (const h of holds) {
      const about =
        h.memberId !== null ? `member ${h.memberId}` : h.peerId !== null ? `payer ${h.peerId}` : 'everything';
      const state = h.liftedAt === null ? 'stands' : `lifted ${h.liftedAt.toISOString().slice(0, 10)}`;
      say(`${h.id}  ${h.placedAt.toISOString().slice(0, 10)}  ${about}  ${state}  ${h.reason}`);
    }
  });
}

export function holdCommands(): Command {
  const hold = new Command('hold').description('legal holds: what one is about stays, whatever its time');
  hold
    .command('place')
    .description('keep everything of a member or a payer, or all there is')
    .option('--member <member>', 'number, Patient id or key of a member')
    .option('--peer <peer>', 'id of a payer')
    .option('--everything', 'whatever there is')
    .requiredOption('--reason <text>', 'the matter, and who asked for it')
    .action(holdPlace);
  hold
    .command('lift')
    .description('end a hold; what it kept beyond its time goes within a day')
    .argument('<hold>')
    .requiredOption('--reason <text>', 'why')
    .action(holdLift);
  hold.command('list').description('all holds, those that stand first').action(holdList);
  return hold;
}

// The commands about changes of a payer's record that wait for a second person: list, accept, reject.

import { CommandFault } from '../../src/runtime/fault.ts';
import { person, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { findPeer } from '../peers/peer.ts';
import { waitingChanges } from '../peers/peer-change.ts';
import { type Done, decidePeerChange } from '../peers/registry.ts';

/** What waits, with its number, who proposed it, and each field as it is and as it would be. */
export async function peerChangeList(id: string): Promise<void> {
  await withNode(async ({ deps }) => {
    if (!(await findPeer(deps.database.sql, id))) throw new CommandFault(`There is no peer "${id}".`);
    const waiting = await waitingChanges(deps.database.sql, id);
    if (waiting.length === 0) say(`Nothing waits for a second person at ${id}.`);
    for (const c of waiting) {
      say(`${c.id}  ${c.what}  by ${c.by}, ${c.at.toISOString()}`);
      for (const [field, value] of Object.entries(c.after))
        say(`  ${field}: ${JSON.stringify(c.before[field] ?? null)} → ${JSON.stringify(value)}`);
    }
  });
}

const REFUSED: Readonly<Record<Exclude<Done, 'ok'>, string>> = {
  'not-found': 'There is no such peer or change: see peer changes.',
  'not-now': 'It was decided already.',
  'same-person': 'You proposed it: another person must put it in force (PEER_DUAL_APPROVAL).',
  stale: 'The record has changed since. Reject this change and make it again.',
  incomplete: 'What was proposed is not whole. Reject this change and make it again.',
  taken: 'Its client id belongs to another peer.',
  'no-change': 'Nothing would be different.',
  proposed: 'It still waits.',
};

async function decide(id: string, change: string, accept: boolean, done: string): Promise<void> {
  await withNode(async ({ deps }) => {
    const answer = await decidePeerChange(deps, id, change, accept, { kind: 'command', name: person() });
    if (answer !== 'ok') throw new CommandFault(REFUSED[answer]);
    say(`${id}: change ${change} is ${done}.`);
  });
}

/** Puts it in force; another person than the one who proposed it. */
export const peerAccept = (id: string, change: string): Promise<void> => decide(id, change, true, 'in force');

/** Rejects it; who proposed it may take it back so. */
export const peerReject = (id: string, change: string): Promise<void> => decide(id, change, false, 'rejected');

// What a payer was found not to speak, forgotten because a person says so: it was mended there, or misjudged here.
import type { Deps } from '../../src/deps.ts';
import { hasLearned } from '../requester/client/learned-abilities.ts';
import { holdPeer } from './peer.ts';
import { forgetLearned } from './peer-health.ts';
import { type By, type Done, record } from './registry.ts';

/** From the next pull on it is asked as it offers. What a pull that goes on has begun stays as it is. */
export async function relearnPeer(deps: Pick<Deps, 'database' | 'clock'>, id: string, by: By): Promise<Done> {
  const at = deps.clock();
  return await deps.database.sql.begin(async (tx): Promise<Done> => {
    const peer = await holdPeer(tx, id);
    if (!peer) return 'not-found';
    if (!hasLearned(peer)) return 'no-change';
    await forgetLearned(tx, id);
    const before = { lacks: peer.abilities?.lacks ?? [], ...(peer.takes === null ? {} : { members: peer.takes }) };
    await record(tx, by, at, { peerId: id, action: 'peer-relearned', what: 'learned', before, after: { lacks: [] } });
    return 'ok';
  });
}

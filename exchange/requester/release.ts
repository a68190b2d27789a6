// DELETE of the jobs at a peer, after the commit. What was missed because a process died is made up for by the schedule. Jobs
// that the peer's own fault brought to a person are released as well: a decision goes on from the files that are kept.
import type { Deps } from '../../src/deps.ts';
import { findPeer } from '../peers/peer.ts';
import { clearStaging } from '../records/staging.ts';
import { releaseJob } from './client/kick-off.ts';
import { talkTo } from './client/talk.ts';
import type { PeerTokens } from './client/token.ts';
import { takeUnreleased } from './pull-release.ts';

export async function releaseEnded(deps: Deps, tokens: PeerTokens, only?: string): Promise<void> {
  for (const pull of await takeUnreleased(deps.database.sql, deps.clock(), only)) {
    // of a process that died between its last commit and its tidying up
    await clearStaging(deps.database.sql, pull.id);
    const peer = await findPeer(deps.database.sql, pull.peerId);
    if (peer?.state !== 'active') continue;
    for (const url of [pull.matchStatusUrl, pull.exportStatusUrl])
      if (url !== null) await releaseJob(talkTo(deps, tokens, peer), url);
  }
}

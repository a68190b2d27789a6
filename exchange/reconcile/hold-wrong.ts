// What an older program took in as the member's and today's rules say is somebody else's is hidden when it comes again: its line is read
// anew where it stood, as a replay of that pull would. May be repeated: what is held is not found again.
import type { Deps } from '../../src/deps.ts';
import type { Peer } from '../store/peers/peer.ts';
import type { Pull } from '../store/pull/pull.ts';
import type { Decided } from '../store/records/decided.ts';
import { noteStillShown, shownWrong } from '../store/records/shown-wrong.ts';
import { replay } from './replay.ts';
import { KeptFileGone } from './stage.ts';

export async function holdWrong(
  deps: Pick<Deps, 'database' | 'config' | 'clock' | 'blobs'>,
  peer: Peer,
  work: Decided,
  pullOf: (id: string) => Promise<Pull | undefined>,
): Promise<void> {
  const { sql } = deps.database;
  for (const [pullId, these] of Map.groupBy(await shownWrong(sql, work), (n) => n.pullId)) {
    const pull = pullId === null ? undefined : await pullOf(pullId);
    try {
      if (!pull) throw new KeptFileGone();
      const only = these.flatMap(({ file, line, entry }) => (file === null ? [] : { file, line, entry }));
      await replay(deps, { pull, peer, by: { kind: 'system', name: 'pull' }, cause: 'arrival', only });
    } catch (error) {
      if (!(error instanceof KeptFileGone)) throw error;
      // of another version it is not known whether it holds somebody else's as well
      for (const one of these.filter((t) => t.isSame)) await noteStillShown(sql, work.id, one);
    }
  }
}

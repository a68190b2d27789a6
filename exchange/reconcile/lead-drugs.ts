// Orders that name a Medication which has become another drug, and has left the entry that other payers know as the former one: they are led
// to what it is now. Each line is read anew where it stood, as a replay of that pull would. May be repeated: what is led right is written once.
import type { Deps } from '../../src/deps.ts';
import type { Peer } from '../store/peers/peer.ts';
import type { Pull } from '../store/pull/pull.ts';
import type { Decided } from '../store/records/decided.ts';
import { namersOfFormer, noteStillNames } from '../store/records/turned-drugs.ts';
import { replay } from './replay.ts';
import { KeptFileGone } from './stage.ts';

export async function leadTurnedDrugs(
  deps: Pick<Deps, 'database' | 'config' | 'clock' | 'blobs'>,
  peer: Peer,
  work: Decided,
  pullOf: (id: string) => Promise<Pull | undefined>,
): Promise<void> {
  const { sql } = deps.database;
  for (const [pullId, these] of Map.groupBy(await namersOfFormer(sql, work), (n) => n.pullId)) {
    const pull = pullId === null ? undefined : await pullOf(pullId);
    try {
      if (!pull) throw new KeptFileGone();
      const only = these.flatMap(({ file, line, entry, released }) =>
        file === null ? [] : { file, line, entry, ...(released === null ? {} : { released }) },
      );
      await replay(deps, { pull, peer, by: { kind: 'system', name: 'pull' }, cause: 'arrival', isShown: true, only });
    } catch (error) {
      if (!(error instanceof KeptFileGone)) throw error;
      for (const one of these) await noteStillNames(sql, work.pull, one);
    }
  }
}

// What a pull brings may change what was made of earlier lines: these are read anew where they stood, as a replay of their pull would.
// Each may be repeated: what is done is not found again.
import type { Deps } from '../../src/deps.ts';
import type { Peer } from '../peers/peer.ts';
import type { Decided } from '../records/decided.ts';
import { arrivedUnits, forgetWaiting } from '../records/replay.ts';
import { shownWrong } from '../records/shown-wrong.ts';
import { noteStillShown } from '../records/still-shown.ts';
import { heldElsewhere, noteHeldElsewhere } from '../records/stray-claims.ts';
import { namersOfFormer } from '../records/turned-drugs.ts';
import type { Pull } from '../requester/pull.ts';
import { NOT_ASKED_AGAIN } from '../review/kinds.ts';
import { type Replay, replay } from './replay.ts';
import { KeptFileGone } from './stage.ts';

type Needs = Pick<Deps, 'database' | 'config' | 'clock' | 'blobs'>;
type PullOf = (id: string) => Promise<Pull | undefined>;
/** Where a line stands; nulls where its file is no longer kept. */
type Stood =
  | { pullId: string; file: number; line: number; entry: number }
  | { pullId: null; file: null; line: null; entry: null };
type Only = NonNullable<Replay['only']>[number];

/**
 * Reads some lines anew, pull by pull.
 * @param how with what a line is read, and what else is written with those of one pull
 * @param gone told those of a pull whose file is no longer kept
 */
async function readAgain<T extends Stood>(
  deps: Needs,
  peer: Peer,
  lines: readonly T[],
  pullOf: PullOf,
  how: { of?: (line: T) => Pick<Only, 'released' | 'held'>; isShown?: true; also?: (these: T[]) => Replay['also'] },
  gone: (these: T[]) => Promise<void>,
): Promise<void> {
  for (const [pullId, these] of Map.groupBy(lines, (n) => n.pullId)) {
    const pull = pullId === null ? undefined : await pullOf(pullId);
    const also = how.also?.(these);
    try {
      if (!pull) throw new KeptFileGone();
      await replay(deps, {
        pull,
        peer,
        by: { kind: 'system', name: 'pull' },
        cause: 'arrival',
        only: these.flatMap((n) =>
          n.file === null ? [] : { file: n.file, line: n.line, entry: n.entry, ...how.of?.(n) },
        ),
        ...(how.isShown === undefined ? {} : { isShown: true }),
        ...(also === undefined ? {} : { also }),
      });
    } catch (error) {
      if (!(error instanceof KeptFileGone)) throw error;
      await gone(these);
    }
  }
}

const WRONG_STILL = 'somebody else’s by the rules of today; its file is no longer kept: it is still shown';
const MOVED_STILL = 'a newer version of it is held as somebody else’s; the one before it is still shown';
const FORMER_STILL =
  'it may name a Medication that is another drug now; its file is no longer kept: it is shown with the former one';

/**
 * What an older program took in as the member's, and today's rules say is somebody else's, is hidden when it comes again. What stays, as it was
 * the member's when it came, and is somebody else's in a newer version, is told.
 */
export async function holdWrong(deps: Needs, peer: Peer, work: Decided, pullOf: PullOf): Promise<void> {
  const { sql } = deps.database;
  const found = await shownWrong(sql, work);
  await readAgain(deps, peer, found, pullOf, {}, async (these) => {
    // of another version it is not known whether it holds somebody else's as well
    for (const one of these.filter((t) => t.isSame)) await noteStillShown(sql, work.id, one, WRONG_STILL);
  });
  if (!found.some((t) => t.isNewer)) return;
  // those that were hidden meanwhile are shown no more
  for (const one of (await shownWrong(sql, work)).filter((t) => t.isNewer))
    await noteStillShown(sql, work.id, one, MOVED_STILL);
}

/**
 * Orders that name a Medication which has become another drug, and has left the entry that other payers know as the former one, are led to what
 * it is now.
 */
export async function leadTurnedDrugs(deps: Needs, peer: Peer, work: Decided, pullOf: PullOf): Promise<void> {
  const { sql } = deps.database;
  const of = ({ isReleased }: { isReleased: boolean }) => (isReleased ? { released: NOT_ASKED_AGAIN } : {});
  const lines = await namersOfFormer(sql, work);
  await readAgain(deps, peer, lines, pullOf, { of, isShown: true }, async (these) => {
    for (const one of these) await noteStillShown(sql, work.pull, one, FORMER_STILL);
  });
}

/** Claims that are shown and are another one's version by what a pull brought are held from now on, as that one is. */
export async function holdNamed(deps: Needs, peer: Peer, work: Decided, pullOf: PullOf): Promise<void> {
  const { sql } = deps.database;
  const ids = (these: readonly { sourceId: string }[]) => these.map((n) => n.sourceId);
  await readAgain(
    deps,
    peer,
    await heldElsewhere(sql, work),
    pullOf,
    {
      of: () => ({ held: 'patient-change' }),
      also: (these) => (tx) => noteHeldElsewhere(tx, work, ids(these)),
    },
    (these) => noteHeldElsewhere(sql, work, ids(these), ' (its file is no longer kept: it is still shown)'),
  );
}

/** Takes in the Provenance of a peer that waited for what it is about. Returns how many units. */
export async function releaseArrived(deps: Needs, peer: Peer, pullOf: PullOf): Promise<number> {
  const waiting = await arrivedUnits(deps.database.sql, peer.id);
  let released = 0;
  for (const pullId of new Set(waiting.map((w) => w.pullId))) {
    const pull = await pullOf(pullId);
    if (!pull) continue;
    const only = waiting.filter((w) => w.pullId === pullId);
    try {
      const done = await replay(deps, { pull, peer, by: { kind: 'system', name: 'pull' }, cause: 'arrival', only });
      released += done.units.filter((u) => u.outcome !== 'quarantined').length;
    } catch (error) {
      // it waits on, and comes with the next full pull; the one that was done is done
      if (!(error instanceof KeptFileGone)) throw error;
      continue;
    }
    await forgetWaiting(
      deps.database.sql,
      peer.id,
      only.map((w) => w.sourceId),
    );
  }
  return released;
}

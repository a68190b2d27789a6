// A record that is held is taken in because a person says so, or goes back behind its check. The decision is recorded first; what follows
// reads a kept file and takes a while. A process that dies in between leaves it to the next waking (review/release-due.ts).

import type { Queryable } from '../../src/db/database.ts';
import type { Deps } from '../../src/deps.ts';
import { findPeer } from '../peers/peer.ts';
import { replay } from '../reconcile/replay.ts';
import { KeptFileGone } from '../reconcile/stage.ts';
import { findPull } from '../requester/pull.ts';
import { NOT_ASKED_AGAIN } from './kinds.ts';
import {
  claimRelease,
  forgetRelease,
  postponeRelease,
  type ReleaseDue,
  releasedFrom,
  shownBefore,
} from './release-due.ts';
import { findItem, type Item } from './review-rows.ts';

/** How long who decided has for it, or who took it up. */
export const RELEASE_MS = 600_000;
const DAY_MS = 86_400_000;

type Needs = Pick<Deps, 'database' | 'config' | 'clock' | 'blobs'>;

class Overtaken extends Error {}

/**
 * Carries out one, unless another process has done so or a person has decided otherwise meanwhile: then nothing of it is taken in.
 * @throws KeptFileGone
 */
export async function releaseUnit(deps: Needs, item: Item, due: ReleaseDue): Promise<void> {
  const { sql } = deps.database;
  const [pull, peer] = [item.pullId && (await findPull(sql, item.pullId)), await findPeer(sql, item.peerId)];
  if (!pull || !peer || item.file === null || item.line === null) {
    await forgetRelease(sql, due);
    return;
  }
  const place = { file: item.file, line: item.line, entry: item.entry ?? 0 };
  const before = due.isUndo && item.kind !== 'patient-change' ? await shownBefore(sql, item) : undefined;
  const more = {
    peer,
    by: { kind: 'staff' as const, name: due.subject },
    cause: 'release' as const,
    requestId: due.requestId,
  };
  const also = async (tx: Queryable) => {
    if (!(await forgetRelease(tx, due))) throw new Overtaken();
  };
  const others = (await releasedFrom(sql, item)).filter((kind) => kind !== item.kind);
  const said = due.isUndo
    ? // whose it is is asked of what came through the other checks
      { held: item.kind, released: item.kind === 'patient-change' ? others : undefined }
    : { released: [item.kind, ...others] };
  const carriedOut = async () => {
    await replay(deps, { ...more, pull, only: [{ ...place, ...said }], ...(before ? {} : { also }) });
    const pullBefore = before && (await findPull(sql, before.pullId));
    if (!before || !pullBefore) return;
    const only = [{ ...before.place, isBack: true, released: before.isReleased ? NOT_ASKED_AGAIN : undefined }];
    await replay(deps, { ...more, pull: pullBefore, only, isShown: true, also }).catch(async (error: unknown) => {
      if (!(error instanceof KeptFileGone)) throw error;
      // it is not shown until it comes again
      await forgetRelease(sql, due);
    });
  };
  await carriedOut().catch((error: unknown) => {
    if (!(error instanceof Overtaken)) throw error;
  });
}

/** Carries out what was decided and not carried out, one after the other. */
export async function finishReleases(deps: Needs & Pick<Deps, 'log'>): Promise<void> {
  const { sql } = deps.database;
  for (;;) {
    const now = deps.clock().getTime();
    const due = await claimRelease(sql, new Date(now), new Date(now + RELEASE_MS));
    if (!due) return;
    const item = await findItem(sql, due.itemId);
    try {
      if (item) await releaseUnit(deps, item, due);
      else await forgetRelease(sql, due);
      deps.log('info', 'release carried out', { item: due.itemId, undo: due.isUndo });
    } catch (error) {
      if (!(error instanceof KeptFileGone)) throw error;
      // where files are kept may be away for a while
      deps.log('error', 'release not carried out', { item: due.itemId, error: 'its kept file is gone' });
      await postponeRelease(sql, due.itemId, new Date(now + DAY_MS));
    }
  }
}

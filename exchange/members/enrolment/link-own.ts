// Our own records beside what other payers sent before: imported later, they are judged like those that are received.

import { lendOne } from '../../../src/db/database.ts';
import { beginAgain } from '../../../src/db/retry.ts';
import type { Deps } from '../../../src/deps.ts';
import { addresses } from '../../plan.ts';
import { keyWorkAnew } from '../../reconcile/keys-anew.ts';
import { linkUnits } from '../../reconcile/link.ts';
import { agreeValues } from '../../records/agreed-values.ts';
import { inheritLabels } from '../../records/inherit-labels.ts';
import { labelsStay } from '../../records/label-lock.ts';
import { markOutlivedOfOurs } from '../../records/outlived.ts';
import { followOutlived, OF_SLICE } from '../../records/outlived-items.ts';
import { byKey, transactionInstant } from '../../records/records.ts';
import { settleLinks } from '../../records/settle-links.ts';
import { eachSlice } from '../../records/slice.ts';
import { countClusters, writeItems, writeLinks } from '../../records/write-links.ts';
import { betweenSlices } from '../../requester/commit-batch.ts';

/**
 * No slice of a pull is committed meanwhile: each was before, or finds what was imported (requester/pull-phase.ts).
 * @param work an import that is committed and still staged
 * @param isLeft another process has staged it, that may have been of an older program
 * @returns how many records the rules would link with many (`large-cluster`)
 */
export async function linkOwn(deps: Pick<Deps, 'database' | 'config'>, work: string, isLeft = false): Promise<number> {
  const own = { id: work, pull: null, peerId: 'own' };
  await keyWorkAnew(deps, work, isLeft);
  return betweenSlices(deps.database, () => linkStaged(deps, own));
}

/**
 * Judges what is staged beside what is there, and writes what follows.
 * @param of a work that is no pull, and whose its records are
 * @returns how many records the rules would link with many
 */
export async function linkStaged(
  deps: Pick<Deps, 'database' | 'config'>,
  of: { id: string; pull: null; peerId: string },
): Promise<number> {
  await lendOne(deps.database, (reader) => linkUnits(deps, reader, of));
  return beginAgain(deps.database.sql, async (tx) => {
    let crowded = 0;
    await labelsStay(tx);
    await byKey(tx);
    const at = await transactionInstant(tx);
    await eachSlice(tx, of.id, async () => {
      await writeLinks(tx, of);
      await writeItems(tx, of, at);
      const shown = await markOutlivedOfOurs(tx, at, addresses(deps.config).fhir);
      const settled = await settleLinks(tx, of, at);
      await agreeValues(tx, of, at);
      await followOutlived(tx, OF_SLICE, shown, { pull: null, at });
      crowded += await countClusters(tx, of.id);
      await inheritLabels(tx, at, settled);
    });
    return crowded;
  });
}

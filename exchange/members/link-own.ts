// Our own records beside what other payers sent before: imported later, they are judged like those that are received.
import type { Deps } from '../../src/deps.ts';
import { beginAgain } from '../../src/store/begin-again.ts';
import { lendOne } from '../../src/store/database.ts';
import { keyWorkAnew } from '../reconcile/keys-anew.ts';
import { linkUnits } from '../reconcile/link.ts';
import { betweenSlices } from '../store/pull/pull-slice.ts';
import { agreeValues } from '../store/records/agreed-values.ts';
import { labelsStay } from '../store/records/label-lock.ts';
import { inheritLabels } from '../store/records/labels.ts';
import { byKey, transactionInstant } from '../store/records/records.ts';
import { eachSlice } from '../store/records/slice.ts';
import { writeItems, writeLinks } from '../store/records/write-links.ts';

/**
 * No slice of a pull is committed meanwhile: each was before, or finds what was imported (store/pull/pull-phase.ts).
 * @param work an import that is committed and still staged
 */
export async function linkOwn(deps: Pick<Deps, 'database'>, work: string): Promise<void> {
  const own = { id: work, pull: null, peerId: 'own' };
  await keyWorkAnew(deps, work);
  await betweenSlices(deps.database, async () => {
    await lendOne(deps.database, (reader) => linkUnits(deps, reader, own));
    await beginAgain(deps.database.sql, async (tx) => {
      await labelsStay(tx);
      await byKey(tx);
      const at = await transactionInstant(tx);
      await eachSlice(tx, work, async () => {
        await writeLinks(tx, own);
        await writeItems(tx, own, at);
        await agreeValues(tx, own, at);
        await inheritLabels(tx, at);
      });
    });
  });
}

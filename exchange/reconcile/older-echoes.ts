// What we held once, coming back: a payer who asked before a record was changed here has it as it was. It says to be a copy of ours, or is told to have come through us, and is what ours
// was then: nobody has to compare the two, and that payer learns of the change when it asks.

import type { Queryable } from '../../src/db/database.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import type { Decided } from '../records/decided.ts';
import { medicationOf } from '../records/facts/drug.ts';
import { type Alike, alikeUnits, type Copy, copiesOf, markEchoes, PAGE } from '../records/older-copies.ts';
import type { Range } from '../records/slice.ts';
import { substanceOf } from './substance.ts';

/** What the payer left for a newer one of ours, and says again, it has gone back to: a correction of its own, which a person compares with ours. */
const wasOurs = ({ substance, isOwn, versions, drugs }: Copy): boolean =>
  versions.some(({ body, isLeft }) => {
    if (isLeft) return false;
    const drug = medicationOf(JSON.parse(body) as Resource);
    const isOther =
      drug?.startsWith('Medication/') && drugs.length > 0 && !drugs.includes(drug.slice('Medication/'.length));
    return !isOther && substanceOf(body, isOwn) === substance;
  });

/** Units of some buckets of a work that are older versions of what we hold are echoes. */
export async function olderEchoes(
  tx: Queryable,
  work: Pick<Decided, 'id' | 'peerId'>,
  of: Pick<Range, 'first' | 'last'>,
): Promise<void> {
  const alike = await alikeUnits(tx, work, of);
  const unit = (u: Alike) => `${u.file}-${u.line}-${u.entry}`;
  // each is one of them at most
  const taken = new Set<string>();
  for (let i = 0; i < alike.length; i += PAGE) {
    const page = alike.slice(i, i + PAGE).filter((a) => !taken.has(unit(a)));
    const found = new Map<string, Copy>();
    for (const c of await copiesOf(tx, work, page)) if (!found.has(unit(c)) && wasOurs(c)) found.set(unit(c), c);
    for (const key of found.keys()) taken.add(key);
    await markEchoes(tx, work.id, [...found.values()]);
  }
}

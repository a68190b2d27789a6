// Before units are compared and written: those that name a Medication are keyed by what it is. Where they are read
// it cannot be known, as it may stand in another file.

import type { Sql } from '../../src/db/database.ts';
import type { Deps } from '../../src/deps.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { drugUnits, namedDrugs } from '../records/drug.ts';
import { medicationOf, withDrug } from '../records/facts/drug.ts';
import { writeStagedKeys } from '../records/keys-made.ts';
import { EVERYTHING, type Range } from '../records/slice.ts';
import { recordKeys } from './record-keys.ts';

const PAGE = 500;

/** @param reader a client of its own, for the cursor */
export async function tellDrugs(
  deps: Pick<Deps, 'database'>,
  reader: Sql,
  work: string,
  range: Pick<Range, 'first' | 'last'> = EVERYTHING,
): Promise<void> {
  const { sql } = deps.database;
  for await (const units of drugUnits(reader, work, range, PAGE)) {
    const read = units.map(({ body, ...place }) => ({ place, record: JSON.parse(body) as Resource }));
    const drugs = await namedDrugs(
      sql,
      read.flatMap(({ record }) => medicationOf(record) ?? []),
      work,
    );
    const told = read.flatMap(({ place, record }) => {
      const whole = withDrug(record, drugs);
      return whole === record ? [] : [{ ...place, keys: recordKeys(whole) }];
    });
    if (told.length > 0) await writeStagedKeys(sql, work, told);
  }
}

// What is remembered of totals, and what a page does with it.
import { expect, test } from 'vitest';
import { pageOf, type Totals, totals } from '../../directory/totals.ts';
import { readSearch } from '../../src/fhir/search/request.ts';
import { type Database, viewOf } from '../../src/store/database.ts';
import { errand, onErrand } from '../../src/store/errand.ts';
import { TOTAL_EXACT } from '../../src/store/search/search.ts';
import { BASE, directory, NOW } from './fixture.ts';

const d = await directory();

test('of what was many and is few by now the next page is counted, when the walk has failed', async () => {
  const query = new URLSearchParams('active=true&_sort=-name&_count=1');
  const request = readSearch('Organization', query, { base: BASE, now: NOW, countMax: 500, lenient: false });
  const known = totals();
  const keys: string[] = [];
  const remembered: Totals = {
    ...known,
    get(key) {
      keys.push(key);
      return known.get(key);
    },
  };
  const ask = (database: Database = d.database) => pageOf(request, { database, totals: remembered });
  (await ask()).release();
  const key = keys[0] ?? '';
  known.set(key, { value: TOTAL_EXACT + 1, exact: false, change: '1' });
  const found = await ask();
  found.release();
  // it was not counted
  expect(found.total).toBeUndefined();
  expect(known.get(key)).toBeDefined();
  // its time is over
  const late = viewOf(d.database, (sql) => onErrand(sql, errand(-1)));
  await expect(ask(late)).rejects.toMatchObject({ code: 'too-costly' });
  expect(known.get(key)).toBeUndefined();
  const counted = await ask();
  counted.release();
  expect(counted.total).toBeTypeOf('number');
});

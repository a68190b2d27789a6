// What is remembered of totals, and what a page does with it.
import { expect, test } from 'vitest';
import { TOTAL_EXACT } from '../../directory/search/search.ts';
import { countTotal, pageOf, type Totals, totalOf, totals } from '../../directory/search/totals.ts';
import { type Database, viewOf } from '../../src/db/database.ts';
import { deadline, deadlineOf, onPart, withDeadline } from '../../src/db/request-deadline.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { readSearch } from '../../src/fhir/search/request.ts';
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
  await ask();
  const key = keys[0] ?? '';
  known.set(key, { value: TOTAL_EXACT + 1, exact: false, change: '1' });
  const found = await ask();
  // it was not counted
  expect(found.total).toBeUndefined();
  expect(known.get(key)).toBeDefined();
  // its time is over
  const late = viewOf(d.database, (sql) => withDeadline(sql, deadline(-1)));
  await expect(ask(late)).rejects.toMatchObject({ code: 'too-costly' });
  expect(known.get(key)).toBeUndefined();
  const counted = await ask();
  expect(counted.total).toBeTypeOf('number');
});

const asked = (query: string) =>
  readSearch('Organization', new URLSearchParams(query), { base: BASE, now: NOW, countMax: 500, lenient: false });

test('where counting takes too long an estimate is told, and kept; who asks for the number itself is told that', async () => {
  let counts = 0;
  const slow = viewOf(
    d.database,
    (sql) =>
      new Proxy(sql, {
        get(target, name) {
          // the driver's own way
          if (typeof name === 'symbol') return undefined;
          if (name !== 'unsafe') return Reflect.get(target, name) as unknown;
          return (text: string, ...more: []) => {
            if (!text.startsWith('select (select count')) return target.unsafe(text, ...more);
            counts++;
            throw new Outcome('too-costly');
          };
        },
      }),
  );
  const deps = { database: slow, totals: totals() };
  const first = await countTotal(asked('active=true'), deps);
  expect(first).toMatchObject({ exact: false });
  expect(first.value).toBeGreaterThan(0);
  expect(counts).toBe(1);
  await expect(countTotal(asked('active=true&_total=accurate'), deps)).rejects.toMatchObject({ code: 'too-costly' });
  const found = await pageOf(asked('active=true&_count=1'), deps);
  // what is kept is told without counting
  expect(await totalOf(asked('active=true&_count=1'), deps, found)).toEqual(first);
  expect(counts).toBe(2);
});

test('a page that is there is told without its number when there is no time for it', async () => {
  const request = asked('active=true&_count=1');
  const deps = { database: d.database, totals: totals() };
  const found = await pageOf(request, deps);
  const late = { ...deps, database: viewOf(d.database, (sql) => withDeadline(sql, deadline(-1))) };
  expect(await totalOf(request, late, found)).toBeUndefined();
  await expect(totalOf(asked('active=true&_count=1&_total=estimate'), late, found)).rejects.toMatchObject({
    code: 'too-costly',
  });
  expect(await totalOf(request, deps, found)).toMatchObject({ exact: true });
});

test('a part of a deadline ends before it and counts for it', () => {
  const of = deadline(10_000);
  const sql = withDeadline(d.database.sql, of);
  const part = deadlineOf(onPart(sql, 1500));
  expect([of.until - (part?.until ?? 0)]).toEqual([1500]);
  // of what is short half is left
  const short = deadlineOf(onPart(withDeadline(d.database.sql, deadline(1000)), 1500));
  const left = (short?.until ?? 0) - performance.now();
  expect(left > 0 && left <= 500).toBe(true);
  if (part) {
    part.took += 7;
    part.isLong = true;
  }
  expect([of.took, of.isLong]).toEqual([7, true]);
  expect(onPart(d.database.sql, 1500)).toBe(d.database.sql);
});

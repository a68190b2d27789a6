import { afterAll, expect, test } from 'vitest';
import { type RawRows, rawRows } from '../../src/db/raw-rows.ts';
import { MOST_KEPT } from '../../src/db/search-plans.ts';
import { freshDb } from '../support/db.ts';

const db = await freshDb({ lines: 1, max: 2 });
const plain = await freshDb({ max: 2 });
afterAll(() => Promise.all([db.close(), plain.close()]));

/** Rows of 0 to 20,000 bytes, some of them null, from `from` on. */
const asked = (from: number, sql = db.sql) =>
  rawRows(
    sql,
    `select n, case when n % 7 = 3 then null else repeat(chr(97 + n % 26), (n * 7919) % 20000) end, n::text || 'é'
     from generate_series($1::int, $1::int + 299) n`,
    [String(from)],
    { prepare: true },
  );
const expected = (from: number) =>
  Array.from({ length: 300 }, (_, i) => {
    const n = from + i;
    const text = n % 7 === 3 ? null : String.fromCharCode(97 + (n % 26)).repeat((n * 7919) % 20000);
    return [String(n), text, text ?? '', `${n}é`];
  });
const read = (rows: RawRows) =>
  Array.from({ length: rows.length }, (_, i) => [
    rows.text(i, 0),
    rows.text(i, 1),
    Buffer.from(rows.bytes(i, 1)).toString(),
    rows.text(i, 2),
  ]);

test('rows stay what they are while others come over the same connection', async () => {
  const first = await Promise.all([0, 1000, 2000, 3000].map((from) => asked(from)));
  expect(first.map(read)).toEqual([0, 1000, 2000, 3000].map(expected));
});

test('the driver gives the same rows where there are no lines', async () => {
  expect(read(await asked(5000, plain.sql))).toEqual(expected(5000));
  const none = await rawRows(plain.sql, 'select 1 where $1::int = 2', ['1'], { prepare: true });
  expect([none.length, none.text(0, 0), none.bytes(0, 0).length]).toEqual([0, null, 0]);
});

test('the driver, which closes no statement, is asked to keep so many and no more', async () => {
  const one = await freshDb({ max: 1 });
  const kept = async () => {
    const rows = await rawRows(one.sql, 'select count(*) from pg_prepared_statements', [], { prepare: false });
    return Number(rows.text(0, 0));
  };
  const before = await kept();
  for (let i = 0; i < MOST_KEPT + 50; i++) await rawRows(one.sql, `select $1::int, ${i}`, ['1'], { prepare: true });
  const after = await kept();
  expect([after - before, after > 100]).toEqual([MOST_KEPT, true]);
  await one.close();
});

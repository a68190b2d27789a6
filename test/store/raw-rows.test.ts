import { afterAll, expect, test } from 'vitest';
import { giveBack, isLent, lendBytes } from '../../src/fhir/lent-bytes.ts';
import { rawRows } from '../../src/store/raw-rows.ts';
import { freshDb } from '../support/db.ts';

const db = await freshDb({ inPlace: true, max: 2 });
afterAll(() => db.close());

/** Rows of 0 to 20,000 bytes, some of them null, from `from` on. */
const asked = (from: number) =>
  rawRows(
    db.sql,
    `select n, case when n % 7 = 3 then null else repeat(chr(97 + n % 26), (n * 7919) % 20000) end, n::text || 'é'
     from generate_series($1::int, $1::int + 299) n`,
    [String(from)],
    [1],
    { prepare: true },
  );
const expected = (from: number) =>
  Array.from({ length: 300 }, (_, i) => {
    const n = from + i;
    const text = n % 7 === 3 ? null : String.fromCharCode(97 + (n % 26)).repeat((n * 7919) % 20000);
    return [String(n), text, `${n}é`];
  });
const read = ({ rows }: Awaited<ReturnType<typeof asked>>) =>
  rows.map(([n, text, name]) => [n, text === null ? null : Buffer.from(text as Uint8Array).toString(), name]);

test('rows stay what they are while others come over the same connection, and memory is used again', async () => {
  const first = await Promise.all([0, 1000, 2000, 3000].map(asked));
  expect(first.map(read)).toEqual([0, 1000, 2000, 3000].map(expected));
  for (const one of first) one.release();
  const again = await asked(5000);
  const used = new Set(first.flatMap(({ rows }) => rows.map(([, text]) => (text as Uint8Array | null)?.buffer)));
  expect(again.rows.some(([, text]) => text !== null && used.has((text as Uint8Array<ArrayBuffer>).buffer))).toBe(true);
  expect(read(again)).toEqual(expected(5000));
});

test('memory is lent to one at a time; what is small, very large or not lent is left to the collector', () => {
  const one = lendBytes(50_000);
  const other = lendBytes(50_000);
  expect(one.buffer).not.toBe(other.buffer);
  giveBack(one);
  giveBack(one);
  const [third, fourth] = [lendBytes(40_000), lendBytes(40_000)];
  expect(third.buffer).toBe(one.buffer);
  expect(fourth.buffer).not.toBe(third.buffer);
  for (const size of [0, 100, 3_000_000]) {
    const bytes = lendBytes(size);
    expect([bytes.length, isLent(bytes)]).toEqual([size, false]);
    giveBack(bytes);
  }
});

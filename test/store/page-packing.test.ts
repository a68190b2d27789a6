import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COPY_HEADER, COPY_TRAILER } from '../../src/store/copy-binary.ts';
import { packed, pageOrder } from '../../src/store/resource/page-packing.ts';
import { directory, entries } from '../directory/fixture.ts';

const PAGE = 8192 - 24;
const needed = (bytes: number) => Math.ceil(bytes / 8) * 8 + 4;
/** Pages that rows take one after the other. */
function pagesOf(sizes: readonly number[]): number {
  let pages = 1;
  let room = PAGE;
  for (const size of sizes) {
    if (needed(size) > room) {
      pages++;
      room = PAGE;
    }
    room -= needed(size);
  }
  return pages;
}

describe('an order that fills pages', () => {
  test('holds each row once', () => {
    const sizes = Array.from({ length: 500 }, (_, i) => 40 + ((i * 7919) % 2900));
    expect([...pageOrder(sizes)].sort((a, b) => a - b)).toEqual(sizes.map((_, i) => i));
    expect(pageOrder([])).toEqual([]);
    expect(pageOrder([9000, 10])).toEqual([0, 1]);
  });

  test('needs hardly more pages than the rows have bytes for', () => {
    const sizes = Array.from({ length: 5000 }, (_, i) => 900 + ((i * 7919) % 2300));
    const least = sizes.reduce((sum, size) => sum + needed(size), 0) / PAGE;
    expect(pagesOf(sizes)).toBeGreaterThan(least * 1.08);
    expect(pagesOf(pageOrder(sizes).map((i) => sizes[i] ?? 0))).toBeLessThan(least * 1.02);
  });
});

/** A COPY of rows of one bigint and one text. */
function copy(rows: readonly [bigint, string][]): Buffer {
  const fields = rows.map(([key, text]) => {
    const row = Buffer.alloc(2 + 12 + 4 + text.length);
    row.writeInt16BE(2);
    row.writeInt32BE(8, 2);
    row.writeBigInt64BE(key, 6);
    row.writeInt32BE(text.length, 14);
    row.write(text, 18);
    return row;
  });
  return Buffer.concat([COPY_HEADER, ...fields, COPY_TRAILER]);
}

test('rows of the same key stay in the order in which they came', () => {
  const texts = [5000, 4000, 3000, 4100].map((n) => 'x'.repeat(n));
  const rows = texts.map((text, i): [bigint, string] => [BigInt(i), text]);
  const order = (bytes: readonly Buffer[]) => Buffer.concat([...bytes]);
  expect(order(packed([copy(rows)], [8, 'text']))).toEqual(copy([0, 2, 3, 1].map((i) => rows[i] ?? [0n, ''])));
  const again = rows.map(([key, text]): [bigint, string] => [key % 3n, text]);
  expect(order(packed([copy(again)], [8, 'text']))).toEqual(copy(again));
});

describe('a first load', () => {
  let d: Awaited<ReturnType<typeof directory>>;
  beforeAll(async () => {
    d = await directory([]);
  });
  afterAll(() => d.close());

  test('fills pages', async () => {
    // a large and two small ones have room on a page; in the order in which they come a large one stands alone
    const rest = { resourceType: 'Endpoint', status: 'active' };
    await d.load(
      entries(
        Array.from({ length: 240 }, (_, i) => ({ ...rest, id: `e${i}`, address: 'n'.repeat(i < 80 ? 4700 : 1100) })),
      ),
    );
    const pages = await d.database.sql<{ pages: number; rows: number }[]>`
      select count(distinct (ctid::text::point)[0])::int as pages, count(*)::int as rows from directory.resource`;
    expect(pages).toEqual([{ pages: 80, rows: 240 }]);
  });
});

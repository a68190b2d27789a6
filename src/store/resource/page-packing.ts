// Rows of a COPY in an order that fills the pages of their table. A row that has no room on the page under way begins the next one, and
// what stays free there is used by no later row: of rows of a fifth of a page and more that was an eighth of all pages.
// https://www.postgresql.org/docs/current/storage-page-layout.html
import { COPY_HEADER, COPY_TRAILER } from '../copy-binary.ts';

/** What a page holds beside its header, and what a row takes beside itself. */
const PAGE = 8192 - 24;
const POINTER = 4;
const ALIGNED = 8;
/** Header of a row, before a bit a column where one of them is null. */
const ROW = 23;
/** The longest value whose length stands in one byte. */
const SHORT = 126;
/** Header of an array in its table, and of its binary form. */
const EMPTY_ARRAY = 12;
const ARRAY = 20;

/** How a column is stored: so many bytes, text or bytes of any length, an array of numbers of so many bytes, or of texts. */
export type Stored = 1 | 2 | 4 | 8 | 'text' | 'int2[]' | 'int8[]' | 'text[]';

/** The columns of `directory.resource`, as a first load sends them. */
export const RESOURCE: readonly Stored[] = [
  8,
  8,
  4,
  2,
  1,
  'text',
  'text',
  'int2[]',
  'int8[]',
  'int2[]',
  'text[]',
  'text',
  8,
  'text',
];

const aligned = (at: number, to: number): number => Math.ceil(at / to) * to;
const variable = (at: number, length: number, to = 4): number =>
  length <= SHORT ? at + 1 + length : aligned(at, to) + 4 + length;

type Row = {
  /** where it begins and ends in the COPY */
  from: number;
  to: number;
  /** bytes of it in its table */
  bytes: number;
};

/** The row of a COPY that begins here. What is stored compressed or elsewhere counts as it came. */
function rowAt(copy: Buffer, from: number, columns: readonly Stored[]): Row {
  let field = from + 2;
  let isFull = true;
  let at = 0;
  for (const column of columns) {
    const length = copy.readInt32BE(field);
    const value = field + 4;
    field = value + Math.max(0, length);
    if (length === -1) isFull = false;
    else if (typeof column === 'number') at = aligned(at, column) + column;
    else if (column === 'text') at = variable(at, length);
    else if (copy.readInt32BE(value) === 0) at = variable(at, EMPTY_ARRAY);
    else {
      const elements = copy.readInt32BE(value + 12);
      // elements of texts stand at boundaries of four bytes: two more each, on average
      if (column === 'text[]') at = variable(at, length + 2 * elements);
      else at = variable(at, ARRAY + elements * (column === 'int2[]' ? 2 : 8), column === 'int2[]' ? 4 : 8);
    }
  }
  return { from, to: field, bytes: aligned(ROW + (isFull ? 0 : Math.ceil(columns.length / 8)), ALIGNED) + at };
}

/** Pages by the room they have, in steps of four bytes, and a bit for each room that some page has. */
function roomy() {
  const pages: number[][] = [];
  const some = new Uint32Array(PAGE / POINTER / 32 + 1);
  return {
    put(page: number, room: number) {
      const step = room / POINTER;
      const same = pages[step];
      if (same) same.push(page);
      else pages[step] = [page];
      some[step >> 5] = (some[step >> 5] ?? 0) | (1 << (step & 31));
    },
    /** takes the page with the least room that is enough */
    take(needed: number): { page: number; room: number } | undefined {
      const least = needed / POINTER;
      let word = least >> 5;
      let bits = (some[word] ?? 0) & (-1 << (least & 31));
      while (bits === 0 && ++word < some.length) bits = some[word] ?? 0;
      if (bits === 0) return undefined;
      const step = word * 32 + 31 - Math.clz32(bits & -bits);
      const of = pages[step];
      const page = of?.pop();
      if (of?.length === 0) some[word] = (some[word] ?? 0) & ~(1 << (step & 31));
      return page === undefined ? undefined : { page, room: step * POINTER };
    },
  };
}

/**
 * Numbers of rows in an order in which they fill pages: the largest first, each onto the page where it leaves the least room.
 * @param sizes bytes of each row in its table
 */
export function pageOrder(sizes: readonly number[]): number[] {
  const pages: number[][] = [];
  const rooms = roomy();
  for (const i of sizes.map((_, n) => n).sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0))) {
    const needed = aligned(sizes[i] ?? 0, ALIGNED) + POINTER;
    const found = rooms.take(needed) ?? { page: pages.push([]) - 1, room: PAGE };
    pages[found.page]?.push(i);
    if (found.room > needed) rooms.put(found.page, found.room - needed);
  }
  return pages.flat();
}

/** Bytes that are handed on together. */
const CHUNK = 256 * 1024;

/**
 * The same COPY with its rows in an order that fills pages. Rows with the same first column stay in the order in which they came: where
 * there are any, all do.
 * @param copy a whole COPY in binary form, whose first column is a bigint
 */
export function packed(copy: readonly Buffer[], columns: readonly Stored[]): readonly Buffer[] {
  const all = Buffer.concat(copy);
  const rows: Row[] = [];
  const keys = new Set<bigint>();
  for (let at = COPY_HEADER.length; all.readInt16BE(at) !== -1; ) {
    const row = rowAt(all, at, columns);
    rows.push(row);
    keys.add(all.readBigInt64BE(at + 6));
    at = row.to;
  }
  if (keys.size < rows.length) return copy;
  const out = Buffer.allocUnsafeSlow(all.length);
  let at = COPY_HEADER.copy(out);
  for (const i of pageOrder(rows.map((row) => row.bytes))) {
    const row = rows[i];
    if (row) at += all.copy(out, at, row.from, row.to);
  }
  COPY_TRAILER.copy(out, at);
  return Array.from({ length: Math.ceil(out.length / CHUNK) }, (_, n) => out.subarray(n * CHUNK, (n + 1) * CHUNK));
}

// Rows of CSV with broken quotes and mixed line ends: every line is told or read, with the number that an editor shows.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type CsvRow, csvRows } from '../../src/import/csv-rows.ts';
import { ImportFault } from '../../src/import/reject.ts';
import { textLines } from '../../src/import/text-lines.ts';

async function linesOf(text: string, size: number, longest = 1000): Promise<(string | number)[]> {
  const pieces = async function* () {
    for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
  };
  const all: (string | number)[] = [];
  for await (const lines of textLines(pieces(), longest))
    for (const line of lines) {
      expect(line.number).toBe(all.length + 1);
      all.push(line.text ?? line.number);
    }
  return all;
}

test.each([
  ['LF', 'a\nb\n\nc\n', ['a', 'b', '', 'c']],
  ['no end of the last', 'a\nb', ['a', 'b']],
  ['CRLF', 'a\r\nb\r\n\r\nc\r\n', ['a', 'b', '', 'c']],
  ['CR', 'a\rb\r\rc\r', ['a', 'b', '', 'c']],
  ['CRLF, then LF', 'a\r\nb\nc\r\nd\n', ['a', 'b', 'c', 'd']],
  ['LF, then CRLF', 'a\nb\r\nc\nd', ['a', 'b', 'c', 'd']],
  ['CR, then both others', 'a\rb\nc\r\nd\r', ['a', 'b', 'c', 'd']],
  ['CR twice before LF', 'a\r\r\nb\r\r\n', ['a', 'b']],
  ['CR within a value', 'a\nb\rb\nc\n', ['a', 'b\rb', 'c']],
  ['a long line', `a\n${'x'.repeat(50)}\nc\n`, ['a', 2, 'c']],
  ['a long line first, and last', `${'x'.repeat(50)}\r\nb\r\n${'x'.repeat(50)}`, [1, 'b', 3]],
  ['nothing', '', []],
])('lines: %s', async (_, text, lines) => {
  for (const size of [1, 2, 3, 7, 1000]) expect(await linesOf(text, size, 20), `pieces of ${size}`).toEqual(lines);
});

const folder = mkdtempSync(join(tmpdir(), 'payer-node-csv-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function all<T>(of: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of of) found.push(one);
  return found;
}

async function rowsOf(content: string): Promise<CsvRow[]> {
  const path = join(folder, 'a.csv');
  writeFileSync(path, content);
  return all(csvRows(path));
}

/** `line values` of each row, or `line!` of one that cannot be read, with `cut` where the file ends in it. */
const told = async (content: string) =>
  (await rowsOf(content)).map((r) =>
    r.fault === undefined
      ? `${r.line} ${Object.values(r.values).join('|')}${r.hasMore ? ' more' : ''}`
      : `${r.line}!${r.isCut ? ' cut' : ''}`,
  );

describe('rows', () => {
  test.each([
    ['plain', '1,2,3\n4,5,6\n', ['2 1|2|3', '3 4|5|6']],
    ['quoted', '"1","2, 2","3 ""three"""\n', ['2 1|2, 2|3 "three"']],
    ['blanks around quotes', ' "1" , 2 ,"3"  \n', ['2 1|2|3']],
    ['empty values', '"",,x\n,,\n', ['2 ||x']],
    ['a value of two lines', '1,"2\r\n2",3\r\n4,5,6\r\n', ['2 1|2\n2|3', '4 4|5|6']],
    ['quotes within', '1,The "Good" One,3\n', ['2 1|The "Good" One|3']],
    ['quotes of a part', '1,"Good" One,3\n', ['2 1|"Good" One|3']],
    ['a short row, and a long one', '1\n1,2,3,4\n', ['2 1||', '3 1|2|3 more']],
    ['numbers of a spreadsheet', '="007","=""0,8""",3\n', ['2 007|0,8|3']],
    ['quotes of a part with a separator: it may be anything', '1,"Good, Old" One,3\n4,5,6\n', ['2!', '3 4|5|6']],
    ['a quote that does not end', '1,2,"3\n4,5,6\n7,"8",9\n', ['2!', '3 4|5|6', '4 7|8|9']],
    ['a quote that does not end in the last column, of two rows', '1,2,"3\n4,"5",6\n', ['2!', '3 4|5|6']],
    ['a file that is cut off', '1,2,3\n4,"5', ['2 1|2|3', '3! cut']],
    [
      'a quote without an end, and nothing but good rows after it',
      '1,2,"3\n4,5,6\n7,8,9\n',
      ['2! cut', '3 4|5|6', '4 7|8|9'],
    ],
    ['a longer line than any', `1,2,3\n${'x'.repeat(1_100_000)}\n4,5,6\n`, ['2 1|2|3', '3!', '4 4|5|6']],
    ['a long line within a quote', `1,"2\n${'x'.repeat(1_100_000)}\n4,5,6\n`, ['2!', '3!', '4 4|5|6']],
  ])('%s', async (_, rows, expected) => {
    expect(await told(`a,b,c\n${rows}`)).toEqual(expected);
  });

  test('a row that ends early has all columns, those at the end without a value', async () => {
    const [row] = await rowsOf('a,b,c\n1\n');
    expect(Object.entries(row?.values ?? {})).toEqual([
      ['a', '1'],
      ['b', undefined],
      ['c', undefined],
    ]);
  });

  test('other separators, and one that is told', async () => {
    expect(await told('a;b\n1;2,3\n')).toEqual(['2 1|2,3']);
    expect(await told('a\tb\n 1\t"2"\t\n')).toEqual(['2 1|2']);
    expect(await told('sep=|\r\na|b,c\r\n1|2\r\n')).toEqual(['3 1|2']);
  });

  test('a file without rows; a header that cannot be read', async () => {
    expect([await told(''), await told('\n\n'), await told('a,b\n'), await told('a,b')]).toEqual([[], [], [], []]);
    await expect(told('"a,b\n1,2\n')).rejects.toThrow(ImportFault);
    await expect(told(`${'x'.repeat(1_100_000)}\n`)).rejects.toThrow(/first line is too long/);
    await expect(rowsOf('a,A\n')).rejects.toThrow('the column a twice');
    await expect(all(csvRows(folder))).rejects.toThrow(/cannot be read/);
  });

  test('very many short rows within a quote that never ends are read in a time that follows from their number', async () => {
    const rows = '1,2,3\n'.repeat(300_000);
    expect(await rowsOf(`a,b,c\n"1,2,3\n${rows}`)).toHaveLength(300_001);
    // a value ends and another begins in each of the lines
    const whole = await rowsOf(`a,b,c\n"1${'\n","'.repeat(50_000)}"\n1,2,3\n`);
    expect(whole.map((r) => [r.line, r.hasMore, r.fault])).toEqual([
      [2, false, undefined],
      [50_003, false, undefined],
    ]);
  });
});

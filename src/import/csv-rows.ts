// Rows of a CSV file with a header, one at a time, as people and spreadsheets write them. A row that cannot be read is reported with its
// line, and those after it are read.
import { type CsvRecord, CsvRowReader } from './csv-row-reader.ts';
import { ImportFault } from './reject.ts';
import { textLines } from './text-lines.ts';
import { textOfFile } from './text-of-file.ts';

/**
 * `line`: where it begins. `hasMore`: it has values beyond the header, so that some may stand in the wrong columns. `fault`: why it
 * cannot be read, a sentence without its content; it has no values then. `isCut`: the file ended within a quote of it.
 */
export type CsvRow = {
  line: number;
  values: Record<string, string | undefined>;
  hasMore: boolean;
  fault?: string;
  isCut?: boolean;
};

/** `Member Number` is `member_number`. */
const columnOf = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_');

/** How a spreadsheet keeps the zeros of a number: `="0012"`. */
const FORMULA = /^="((?:[^"]|"")*)"$/;
const plain = (value: string): string => FORMULA.exec(value)?.[1]?.replaceAll('""', '"') ?? value;

/** What sets the columns of a header apart; a spreadsheet may say so in a line of its own (`sep=;`). Pure. */
function delimiterOf(header: string): string {
  const names = header.replace(/"[^"]*"/g, '');
  return names.includes(',') ? ',' : ([';', '\t', '|'].find((d) => names.includes(d)) ?? ',');
}

/**
 * The names of the columns, in small letters; those without a name are not read.
 * @throws ImportFault when one comes twice
 */
export function columnsOf(path: string, header: readonly string[]): (string | false)[] {
  const names = header.map((h) => columnOf(plain(h.trim())));
  const twice = names.find((n, i) => n !== '' && names.indexOf(n) !== i);
  if (twice !== undefined) throw new ImportFault(`${path} has the column ${twice} twice.`);
  return names.map((n) => (n === '' ? false : n));
}

export type CsvOptions = {
  /** how the columns are called, by the header; {@link columnsOf} by default */
  columns?: (header: readonly string[]) => readonly (string | false)[];
  /** the bytes of the file, by default as it is */
  open?: (path: string) => AsyncIterable<Uint8Array>;
};

/** A longer row is none: a quote that does not end would take the rest of the file. */
const LONGEST = 1024 * 1024;

const FAULTS = {
  quotes: 'A quote begins in the row and does not end, or something stands behind the end of one.',
  'too-long': 'The line is longer than a row may be (1 MiB).',
} as const;
const CUT = 'A quote begins in the row and has not ended at the end of the file, which may be cut off.';

/**
 * Values are trimmed; a column that a short row lacks is undefined, values beyond the header are left out, rows without any value too.
 * Separators are commas, or semicolons, tabs or bars where the header has no comma.
 * @throws ImportFault when the file cannot be opened, has no header that can be read, or names a column twice; what `open` does
 */
export async function* csvRows(path: string, options: CsvOptions = {}): AsyncGenerator<CsvRow> {
  let names: readonly (string | false)[] | undefined;
  let reader: CsvRowReader | undefined;

  function* rowsOf(records: Iterable<CsvRecord>): Generator<CsvRow> {
    for (const record of records)
      if ('fault' in record) {
        if (names === undefined)
          throw new ImportFault(`${path} has no header that can be read: its quotes do not fit.`);
        yield faulty(record);
      } else if (record.values.every((v) => v === '')) continue;
      else if (names === undefined) names = options.columns?.(record.values) ?? columnsOf(path, record.values);
      else yield { line: record.line, ...rowOf(names, record.values) };
  }

  try {
    for await (const lines of textLines(textOfFile(path, options.open), LONGEST))
      for (const line of lines) {
        if (reader === undefined) {
          const { text } = line;
          if (text === undefined)
            throw new ImportFault(`${path} has no header that can be read: its first line is too long.`);
          if (text.trim() === '') continue;
          const said = line.number === 1 ? /^sep=(.)$/i.exec(text)?.[1] : undefined;
          reader = new CsvRowReader(said ?? delimiterOf(text), LONGEST);
          if (said !== undefined) continue;
        }
        yield* rowsOf(reader.line(line));
      }
    if (reader !== undefined) yield* rowsOf(reader.end());
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw new ImportFault(`There is no file ${path}, or it cannot be read.`, { cause });
  }
}

const faulty = ({ line, fault, isCut }: Extract<CsvRecord, { fault: unknown }>): CsvRow => ({
  line,
  values: {},
  hasMore: false,
  fault: isCut === true ? CUT : FAULTS[fault],
  ...(isCut === true ? { isCut } : {}),
});

function rowOf(names: readonly (string | false)[], record: readonly string[]): Omit<CsvRow, 'line'> {
  const values: CsvRow['values'] = {};
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const value = record[i];
    if (typeof name === 'string') values[name] = value?.startsWith('=') ? plain(value) : value;
  }
  return { values, hasMore: record.length > names.length && record.slice(names.length).some((v) => v !== '') };
}

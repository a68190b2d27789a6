// Rows of a CSV file with a header, one at a time, as people and spreadsheets write them. A file that cannot be read is told in a
// sentence, with its line.
import { pipeline } from 'node:stream';
import { CsvError, parse as parseCsv } from 'csv-parse';
import { ImportFault } from './reject.ts';
import { textOfFile } from './text-of-file.ts';

/** `line`: where it ends. `hasMore`: it has values beyond the header, so that some may stand in the wrong columns. */
export type CsvRow = { line: number; values: Record<string, string | undefined>; hasMore: boolean };

/** From some line on a file is no CSV. What came before is good. */
export class CsvFault extends ImportFault {}

/** `Member Number` is `member_number`. */
const columnOf = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_');

/** How a spreadsheet keeps the zeros of a number: `="0012"`. */
const FORMULA = /^="((?:[^"]|"")*)"$/;
const plain = (value: string): string => FORMULA.exec(value)?.[1]?.replaceAll('""', '"') ?? value;

type Opening = { delimiter: string; from: number };

/** What sets the columns of a header apart; a spreadsheet may say so in a line of its own (`sep=;`). Pure. */
function openingOf(text: string): Opening {
  const said = /^sep=(.)\r?\n/i.exec(text)?.[1];
  if (said !== undefined) return { delimiter: said, from: 2 };
  const header = (/^[^\r\n]*/.exec(text)?.[0] ?? '').replace(/"[^"]*"/g, '');
  const delimiter = header.includes(',') ? ',' : ([';', '\t', '|'].find((d) => header.includes(d)) ?? ',');
  return { delimiter, from: 1 };
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

/**
 * Values are trimmed; a column that a short row lacks is undefined, values beyond the header are left out, rows without any value too.
 * Separators are commas, or semicolons, tabs or bars where the header has no comma.
 * @throws ImportFault when the file cannot be opened, or names a column twice; CsvFault when it is no CSV from some line on; what `open` does
 */
export async function* csvRows(path: string, options: CsvOptions = {}): AsyncGenerator<CsvRow> {
  let names: readonly (string | false)[] | undefined;
  try {
    const text = textOfFile(path, options.open);
    const first = await text.next();
    const opening = openingOf(first.done ? '' : first.value);
    const broken: { from: CsvError | undefined } = { from: undefined };
    const parser = parseCsv({
      delimiter: opening.delimiter,
      from_line: opening.from,
      bom: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      relax_column_count: true,
      relax_quotes: true,
      trim: true,
      info: true,
      max_record_size: LONGEST,
      // an error of the parser would take rows with it that were read before, and are not asked for yet
      skip_records_with_error: true,
      on_skip: (error) => {
        broken.from ??= error;
      },
    });
    const whole = async function* () {
      if (!first.done) yield first.value;
      for await (const piece of text) {
        if (broken.from !== undefined) return;
        yield piece;
      }
    };
    // an error of the file reaches whoever reads the parser; the callback has nothing to add
    pipeline(whole(), parser, () => {});
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (info.lines > Number(broken.from?.['lines'] ?? Number.POSITIVE_INFINITY)) break;
      if (names === undefined) names = options.columns?.(record) ?? columnsOf(path, record);
      else yield { line: info.lines, ...rowOf(names, record) };
    }
    if (broken.from !== undefined) throw broken.from;
  } catch (cause) {
    // the parser's own words quote the line, which may be of a person
    if (cause instanceof CsvError)
      throw new CsvFault(`${path} is no CSV from line ${String(cause['lines'])} on (${cause.code}).`, { cause });
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw new ImportFault(`There is no file ${path}, or it cannot be read.`, { cause });
  }
}

function rowOf(names: readonly (string | false)[], record: readonly string[]): Omit<CsvRow, 'line'> {
  const values: CsvRow['values'] = {};
  for (let i = 0; i < names.length && i < record.length; i++) {
    const name = names[i];
    const value = record[i] ?? '';
    if (typeof name === 'string') values[name] = value.startsWith('=') ? plain(value) : value;
  }
  return { values, hasMore: record.length > names.length && record.slice(names.length).some((v) => v !== '') };
}

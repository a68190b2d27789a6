// Rows of a CSV file with a header, one at a time. A file that cannot be read is told in a sentence, with its line.
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { CsvError, parse as parseCsv } from 'csv-parse';
import { ImportFault } from '../../src/import/reject.ts';

export type CsvRow = { line: number; values: Record<string, string | undefined> };

/**
 * Values are trimmed; a column that a short row lacks is undefined, values beyond the header are left out.
 * @throws ImportFault when the file cannot be opened, or is no CSV from some line on
 */
export async function* csvRows(path: string): AsyncGenerator<CsvRow> {
  const parser = parseCsv({
    columns: true,
    bom: true,
    skip_empty_lines: true,
    relax_column_count: true,
    trim: true,
    info: true,
  });
  // an error of the file reaches whoever reads the parser; the callback has nothing to add
  pipeline(createReadStream(path), parser, () => {});
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: Record<string, string>;
      info: { lines: number };
    }>)
      yield { line: info.lines, values: record };
  } catch (cause) {
    // the parser's own words quote the line, which may be of a person
    if (cause instanceof CsvError)
      throw new ImportFault(`${path} is no CSV from line ${String(cause['lines'])} on (${cause.code}).`, { cause });
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw new ImportFault(`There is no file ${path}, or it cannot be read.`, { cause });
  }
}

// Rows out of lines of CSV (RFC 4180), as people and programs write it. What quotes make of a line is decided by the line itself: one
// whose quotes do not fit is a row that cannot be read, and the next line begins another.
// Not by csv-parse, which reads what is small here: a quote that does not end takes all that follows, and it cannot go on behind it.
import type { TextLine } from './text-lines.ts';

/** `line`: where it begins. `isCut`: a quote within it had not ended when the file did. */
export type CsvRecord =
  | { line: number; values: string[] }
  | { line: number; fault: 'quotes' | 'too-long'; isCut?: boolean };
type Fault = Extract<CsvRecord, { fault: unknown }>;

type Open = {
  lines: TextLine[];
  /** letters of all its lines */
  size: number;
  values: string[];
  /** the lines of a value whose quote has not ended, without that quote */
  quoted: string[] | undefined;
};

const QUOTE = '"';

/** Where the quote ends that has begun before `at`; -1: not in this line. */
function endOfQuote(text: string, at: number): number {
  let close = text.indexOf(QUOTE, at);
  while (close !== -1 && text[close + 1] === QUOTE) close = text.indexOf(QUOTE, close + 2);
  return close;
}

/**
 * Reads a line of a row: the row is whole, goes on in the next line (`open`), or its quotes fit no reading. What stood in the lines before is
 * not looked at again: a quote without an end may be followed by very many.
 */
function readOn(row: Open, text: string, delimiter: string): 'whole' | 'open' | 'bad' {
  const { values } = row;
  const isBlank = (at: number) => text[at] === ' ' || (text[at] === '\t' && delimiter !== '\t');
  let at = 0;
  for (;;) {
    if (row.quoted === undefined) {
      let from = at;
      while (isBlank(from)) from++;
      if (text[from] !== QUOTE) {
        const end = text.indexOf(delimiter, from);
        values.push(text.slice(from, end === -1 ? undefined : end).trim());
        if (end === -1) return 'whole';
        at = end + delimiter.length;
        continue;
      }
      row.quoted = [];
      at = from + 1;
    }
    const begin = at;
    const close = endOfQuote(text, begin);
    row.quoted.push(text.slice(begin, close === -1 ? undefined : close));
    if (close === -1) return 'open';
    const quoted = row.quoted.join('\n');
    row.quoted = undefined;
    let after = close + 1;
    while (isBlank(after)) after++;
    const isEnd = after >= text.length;
    if (isEnd || text.startsWith(delimiter, after)) {
      values.push(quoted.replaceAll('""', QUOTE).trim());
      if (isEnd) return 'whole';
      at = after + delimiter.length;
      continue;
    }
    // `"Best" Clinic`: quotes that are meant as they stand. With what parts values or lines within them it may be anything.
    if (quoted.includes(delimiter) || quoted.includes('\n')) return 'bad';
    const end = text.indexOf(delimiter, after);
    values.push(text.slice(begin - 1, end === -1 ? undefined : end).trim());
    if (end === -1) return 'whole';
    at = end + delimiter.length;
  }
}

/** Reads line by line; blank lines are passed over. */
export class CsvRowReader {
  readonly #delimiter: string;
  readonly #longest: number;
  #open: Open | undefined;

  /** @param longest letters of a row, with all its lines: a quote that does not end would take the rest of the file */
  constructor(delimiter: string, longest: number) {
    this.#delimiter = delimiter;
    this.#longest = longest;
  }

  *line(line: TextLine): Generator<CsvRecord> {
    const waiting = [line];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) yield* this.#take(next, waiting);
  }

  /** What is open when the file ends. */
  *end(): Generator<CsvRecord> {
    let isCut = true;
    while (this.#open !== undefined) {
      const waiting: TextLine[] = [];
      const { line } = this.#giveUp(this.#open, waiting);
      yield { line, fault: 'quotes', ...(isCut ? { isCut } : {}) };
      isCut = false;
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) yield* this.#take(next, waiting);
    }
  }

  *#take(line: TextLine, waiting: TextLine[]): Generator<CsvRecord> {
    if (line.text === undefined) {
      if (this.#open === undefined) yield { line: line.number, fault: 'too-long' };
      else {
        waiting.push(line);
        yield this.#giveUp(this.#open, waiting);
      }
      return;
    }
    if (this.#open === undefined && line.text.trim() === '') return;
    this.#open ??= { lines: [], size: -1, values: [], quoted: undefined };
    const row = this.#open;
    row.lines.push(line);
    row.size += line.text.length + 1;
    const read = readOn(row, line.text, this.#delimiter);
    if (read === 'open' && row.size <= this.#longest) return;
    if (read !== 'whole') {
      yield this.#giveUp(row, waiting);
      return;
    }
    this.#open = undefined;
    yield { line: row.lines[0]?.number ?? 0, values: row.values };
  }

  /** The first line of a row is none; the others are read again, before what waits. */
  #giveUp(row: Open, waiting: TextLine[]): Fault {
    this.#open = undefined;
    for (const line of row.lines.slice(1).reverse()) waiting.push(line);
    return { line: row.lines[0]?.number ?? 0, fault: 'quotes' };
  }
}

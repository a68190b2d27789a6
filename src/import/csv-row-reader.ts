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
  text: string;
  values: string[];
  /** where reading goes on, and where the quote stands within which it does; -1: none */
  at: number;
  quote: number;
};

const QUOTE = '"';

/** Reads on in a row, until it ends, its lines do (`open`), or its quotes fit no reading. */
function readOn(row: Open, delimiter: string): 'whole' | 'open' | 'bad' {
  const { text, values } = row;
  const isBlank = (at: number) => text[at] === ' ' || (text[at] === '\t' && delimiter !== '\t');
  for (;;) {
    if (row.quote === -1) {
      let from = row.at;
      while (isBlank(from)) from++;
      if (text[from] !== QUOTE) {
        const end = text.indexOf(delimiter, from);
        values.push(text.slice(from, end === -1 ? undefined : end).trim());
        if (end === -1) return 'whole';
        row.at = end + delimiter.length;
        continue;
      }
      row.quote = from;
      row.at = from + 1;
    }
    let close = text.indexOf(QUOTE, row.at);
    while (close !== -1 && text[close + 1] === QUOTE) close = text.indexOf(QUOTE, close + 2);
    if (close === -1) {
      row.at = text.length;
      return 'open';
    }
    let after = close + 1;
    while (isBlank(after)) after++;
    const isEnd = after >= text.length;
    if (isEnd || text.startsWith(delimiter, after)) {
      values.push(
        text
          .slice(row.quote + 1, close)
          .replaceAll('""', QUOTE)
          .trim(),
      );
      row.quote = -1;
      row.at = after + delimiter.length;
      if (isEnd) return 'whole';
      continue;
    }
    // `"Best" Clinic`: quotes that are meant as they stand. With what parts values or lines within them it may be anything.
    const quoted = text.slice(row.quote, close);
    if (quoted.includes(delimiter) || quoted.includes('\n')) return 'bad';
    const end = text.indexOf(delimiter, after);
    values.push(text.slice(row.quote, end === -1 ? undefined : end).trim());
    row.quote = -1;
    if (end === -1) return 'whole';
    row.at = end + delimiter.length;
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
    const open = this.#open;
    if (open === undefined) {
      if (line.text.trim() === '') return;
      this.#open = { lines: [line], text: line.text, values: [], at: 0, quote: -1 };
    } else {
      open.lines.push(line);
      open.text += `\n${line.text}`;
    }
    const row = this.#open as Open;
    const read = readOn(row, this.#delimiter);
    if (read === 'open' && row.text.length <= this.#longest) return;
    if (read !== 'whole') {
      yield this.#giveUp(row, waiting);
      return;
    }
    this.#open = undefined;
    yield { line: row.lines[0]?.number ?? 0, values: row.values };
  }

  /** The first line of a row is none; the others are read anew, before what waits. */
  #giveUp(row: Open, waiting: TextLine[]): Fault {
    this.#open = undefined;
    for (const line of row.lines.slice(1).reverse()) waiting.push(line);
    return { line: row.lines[0]?.number ?? 0, fault: 'quotes' };
  }
}

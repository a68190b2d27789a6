// The connections of a service that give rows as bytes. Short statements have one of their own, others share few: what comes in one moment
// is written to a connection together and answered together, which costs both sides less than a connection for each. Behind one
// that takes long, all would wait: then others take another connection.
import type { RawOptions, RunRaw } from '../store/raw-rows.ts';
import type { StatementLine } from './statement-line.ts';

/** Milliseconds that the statement in turn may have taken, all before it counted. */
const PATIENCE_MS = 10;
/** So many are shared before another is opened: more of the server's processes than processors take turns, at the cost of all. */
const SHARED = 4;

export type StatementLines = { run: RunRaw; close(): Promise<void> };

/**
 * @param make a line that is not open yet
 * @param most lines beside the one of short statements
 * @param now milliseconds, for tests
 */
export function statementLines(
  make: () => StatementLine,
  most: number,
  now: () => number = () => performance.now(),
): StatementLines {
  const short = make();
  const others: StatementLine[] = [];
  const isPatient = (line: StatementLine): boolean => line.waiting() === 0 || now() - line.since() <= PATIENCE_MS;

  /** One that has nothing to do; a new one, unless enough are there that do not take long; the one with the least to do. */
  function other(): StatementLine {
    const free = others.find((line) => line.waiting() === 0);
    if (free !== undefined) return free;
    const quick = others.filter(isPatient);
    if (quick.length < SHARED && others.length < most) {
      const made = make();
      others.push(made);
      return made;
    }
    return (quick.length === 0 ? others : quick).reduce((a, b) => (b.waiting() < a.waiting() ? b : a));
  }

  const choose = ({ short: isShort }: RawOptions): StatementLine =>
    isShort === true && isPatient(short) ? short : other();
  return {
    run: (text, values, options) => choose(options).run(text, values, options.prepare),
    close: async () => void (await Promise.all([short, ...others].map((line) => line.close()))),
  };
}

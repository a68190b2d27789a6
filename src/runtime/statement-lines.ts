// The connections of a service that give rows as bytes. Short statements have one of their own, others share few: what comes in one moment
// is written to a connection together and answered together, which costs both sides less than a connection for each. Behind one
// that takes long, all would wait: then others take another connection. Where statements take so long that being written together
// gains nothing, they wait here, in the order in which they came, for the connection that is free first: each has chosen its
// connection as late as can be, and none waits longer than its turn.
import type { RawOptions, RawRows, RunRaw } from '../store/raw-rows.ts';
import { CLOSE_MS, type StatementLine } from './statement-line.ts';

/** Milliseconds that the statement in turn may have taken, all before it counted. */
const PATIENCE_MS = 10;
/** So many are shared before another is opened: more of the server's processes than processors take turns, at the cost of all. */
const SHARED = 4;
/** Milliseconds of statements that are written to a connection ahead of their turn. */
const AHEAD_MS = 2;
/** So many statements back it is remembered how long they took. */
const REMEMBERED = 32;

export type StatementLines = { run: RunRaw; close(): Promise<void> };

type Asked = { text: string; values: readonly string[]; prepare: boolean };
type Waiting = Asked & { resolve: (rows: RawRows) => void; reject: (error: unknown) => void };
/** `since`: when what it does now began to be all that it does */
type Shared = { line: StatementLine; since: number };

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
  const others: Shared[] = [];
  let waiting: Waiting[] = [];
  let looking: NodeJS.Timeout | undefined;
  /** milliseconds that a statement takes of late, those of a connection one after the other */
  let typical = 0;
  const isPatient = (line: StatementLine): boolean => line.waiting() === 0 || now() - line.since() <= PATIENCE_MS;
  const hasRoom = (line: StatementLine): boolean => line.waiting() * typical <= AHEAD_MS;

  /**
   * One that has nothing to do; a new one, unless enough are there that do not take long; the one with the least to do.
   * @returns undefined when all have enough to do
   */
  function other(): Shared | undefined {
    const free = others.find(({ line }) => line.waiting() === 0);
    if (free !== undefined) return free;
    const quick = others.filter(({ line }) => isPatient(line));
    if (quick.length < SHARED && others.length < most) {
      const made = { line: make(), since: 0 };
      others.push(made);
      return made;
    }
    const least = (quick.length === 0 ? others : quick).reduce((a, b) => (b.line.waiting() < a.line.waiting() ? b : a));
    return hasRoom(least.line) ? least : undefined;
  }

  function start(on: Shared, { text, values, prepare }: Asked): Promise<RawRows> {
    if (on.line.waiting() === 0) on.since = now();
    const answer = on.line.run(text, values, prepare);
    const ended = (): void => {
      const at = now();
      typical += (at - on.since - typical) / REMEMBERED;
      on.since = at;
      if (waiting.length > 0) next();
    };
    answer.then(ended, ended);
    return answer;
  }

  /** Those that came first, as far as there is room. */
  function next(): void {
    let taken = 0;
    for (const { resolve, reject, ...asked } of waiting) {
      const on = other();
      if (on === undefined) break;
      taken++;
      start(on, asked).then(resolve, reject);
    }
    if (taken > 0) waiting = waiting.slice(taken);
    look();
  }

  /** While some wait, a connection may turn out to take long, so that another is opened. */
  function look(): void {
    if (looking !== undefined || waiting.length === 0) return;
    looking = setTimeout(() => {
      looking = undefined;
      next();
    }, PATIENCE_MS);
  }

  return {
    run(text, values, options: RawOptions) {
      if (options.short === true && isPatient(short)) return short.run(text, values, options.prepare);
      const asked = { text, values, prepare: options.prepare };
      const on = waiting.length === 0 ? other() : undefined;
      if (on !== undefined) return start(on, asked);
      return new Promise((resolve, reject) => {
        waiting.push({ ...asked, resolve, reject });
        look();
      });
    },
    close: async () => {
      const end = now() + CLOSE_MS;
      while (waiting.length > 0 && now() < end) await new Promise((done) => setTimeout(done, PATIENCE_MS));
      await Promise.all([short, ...others.map(({ line }) => line)].map((line) => line.close()));
    },
  };
}

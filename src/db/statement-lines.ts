// The connections of a service that give rows as bytes. Short statements have one of their own, others share few: what comes in one moment
// is written to a connection together and answered together, which costs both sides less than a connection for each. Behind one
// that takes long, all would wait: then others take another connection. Where statements take so long that being written together
// gains nothing, they wait here, in the order in which they came, for the connection that is free first: each has chosen its
// connection as late as can be, and none waits longer than its turn. What belongs to a request deadline that may take long (src/db/request-deadline.ts)
// has a connection of its own while it runs, and nothing is written behind it.

import type { RawOptions, RawRows, RunRaw } from './raw-rows.ts';
import { endOf, type RequestDeadline } from './request-deadline.ts';
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

type Asked = { text: string; values: readonly string[]; prepare: boolean; deadline: RequestDeadline | undefined };
type Waiting = Asked & { resolve: (rows: RawRows) => void; reject: (error: unknown) => void };
/** `since`: when what it does now began to be all that it does. `isLong`: that may take long */
type Shared = { line: StatementLine; since: number; isLong: boolean };

const mayBeLong = ({ deadline }: Asked): boolean => deadline?.isLong === true;

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
   * @param alone nothing else is to be written there
   * @returns undefined when all have enough to do
   */
  function other(alone: boolean): Shared | undefined {
    const free = others.find(({ line }) => line.waiting() === 0);
    if (free !== undefined) return free;
    const open = others.filter(({ isLong }) => !isLong);
    const quick = open.filter(({ line }) => isPatient(line));
    if ((alone || quick.length < SHARED) && others.length < most) {
      const made = { line: make(), since: 0, isLong: false };
      others.push(made);
      return made;
    }
    const [first, ...more] = alone ? [] : quick.length === 0 ? open : quick;
    if (first === undefined) return undefined;
    const least = more.reduce((a, b) => (b.line.waiting() < a.line.waiting() ? b : a), first);
    return hasRoom(least.line) ? least : undefined;
  }

  function start(on: Shared, asked: Asked): Promise<RawRows> {
    if (on.line.waiting() === 0) on.since = now();
    if (mayBeLong(asked)) on.isLong = true;
    const answer = on.line.run(asked.text, asked.values, asked.prepare, asked.deadline);
    const ended = (): void => {
      const at = now();
      if (!on.isLong) typical += (at - on.since - typical) / REMEMBERED;
      on.since = at;
      on.isLong = false;
      if (waiting.length > 0) next();
    };
    answer.then(ended, ended);
    return answer;
  }

  /** Those that came first, as far as there is room. */
  function next(): void {
    let taken = 0;
    for (const { resolve, reject, ...asked } of waiting) {
      const on = other(mayBeLong(asked));
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
      waiting = waiting.filter(({ deadline, reject }) => {
        const end = deadline && endOf(deadline);
        if (end !== undefined) reject(end);
        return end === undefined;
      });
      next();
    }, PATIENCE_MS);
  }

  return {
    run(text, values, options: RawOptions) {
      const asked: Asked = { text, values, prepare: options.prepare, deadline: options.deadline };
      const alone = mayBeLong(asked);
      if (options.short === true && !alone && isPatient(short))
        return short.run(text, values, options.prepare, options.deadline);
      const on = waiting.length === 0 ? other(alone) : undefined;
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

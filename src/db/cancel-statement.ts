// Statements whose request deadline is over (src/db/request-deadline.ts) are given up: the caller gets an error at once, and the server is asked to cancel when it is doing what
// no one waits for. It may have come to the next statement when it hears that, which is then asked once more.
import { endOf, type RequestDeadline } from './request-deadline.ts';

/** A statement of a line. `isGivenUp`: no one waits for its answer. */
export type Given = { deadline: RequestDeadline | undefined; isGivenUp: boolean; reject(error: unknown): void };

export type GivingUp<S extends Given> = {
  /** begins to look, when there is something to look at */
  watch(): void;
  /** The server is done with this one. */
  settled(statement: S): void;
  /** May a statement have ended in place of the one before it? */
  mayBeMistaken(): boolean;
  /** the connection is no more */
  forget(): void;
};

/** So often it is looked whether request deadlines are over. */
const LOOK_MS = 25;

/**
 * @param under statements in the order of their answers
 * @param since when the first of them became the first, in milliseconds of `performance.now()`
 * @param cancel asks the server to end what it does; resolves when it has heard. Undefined when it cannot be asked
 */
export function givingUp<S extends Given>(
  under: () => readonly S[],
  since: () => number,
  cancel: () => Promise<void> | undefined,
): GivingUp<S> {
  /**
   * `of`: the one that is to end; `last`: the last that the server had when it heard, undefined until then. It may be doing any of them, as
   * answers of those before may be on their way
   */
  type Cancelling = { of: S; last: S | undefined };
  let cancelling: Cancelling | undefined;
  let looking: NodeJS.Timeout | undefined;

  function cancelFirst(): void {
    const [of] = under();
    const isAsked = cancelling !== undefined && (cancelling.of === of || cancelling.last === undefined);
    if (of?.isGivenUp !== true || isAsked) return;
    const heard = cancel();
    if (heard === undefined) return;
    const one: Cancelling = { of, last: undefined };
    cancelling = one;
    void heard.then(() => {
      if (cancelling !== one) return;
      one.last = under().at(-1);
      if (one.last === undefined) cancelling = undefined;
      // meanwhile it may do something else that no one waits for
      else cancelFirst();
    });
  }

  function look(): void {
    looking = undefined;
    under().forEach((statement, place) => {
      const { deadline, isGivenUp } = statement;
      const end = deadline === undefined || isGivenUp ? undefined : endOf(deadline);
      if (deadline === undefined || end === undefined) return;
      if (place === 0) deadline.took += performance.now() - since();
      statement.isGivenUp = true;
      statement.reject(end);
    });
    cancelFirst();
    watch();
  }

  function watch(): void {
    if (looking === undefined && under().some(({ deadline, isGivenUp }) => deadline !== undefined && !isGivenUp))
      looking = setTimeout(look, LOOK_MS).unref();
  }

  return {
    watch,
    settled(statement) {
      if (cancelling?.last === statement) cancelling = undefined;
      cancelFirst();
    },
    mayBeMistaken: () => cancelling !== undefined,
    forget() {
      cancelling = undefined;
    },
  };
}

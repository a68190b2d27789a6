// Pages are made in turns. A page costs the process as much as hundreds of reads: were very many made at once, each answer would wait for
// a piece of all of them. A page that waits for the database has no turn meanwhile, so that one that waits long holds up no one.
import { type Admission, admission } from '../src/http/admission.ts';

/** Does what waits without the turn of its page, which then waits for the next one. */
export type Beside = <T>(work: () => Promise<T>) => Promise<T>;

export type Rendering = {
  /**
   * Makes a page when its turn comes.
   * @param search it is the page of a search: of those there may be very many, and others come before them
   * @param isGone no one waits for it any more
   * @throws Outcome busy
   */
  page<T>(search: boolean, isGone: () => boolean, make: (beside: Beside) => Promise<T>): Promise<T>;
};

/** Pages that are made at once. */
const AT_ONCE = 4;
const PATIENCE_MS = 3000;
/** A page that has begun goes on before others begin. */
const LEVELS = { goesOn: 0, other: 1, search: 2 } as const;

/** @param waiting most pages that wait */
export function rendering(
  waiting: number,
  turns: Admission = admission([AT_ONCE, AT_ONCE, AT_ONCE], waiting, PATIENCE_MS),
): Rendering {
  return {
    async page(search, isGone, make) {
      let held: number | undefined = search ? LEVELS.search : LEVELS.other;
      await turns.enter(held, { isGone });
      const leave = () => {
        if (held !== undefined) turns.leave(held);
        held = undefined;
      };
      let beside = 0;
      let isOver = false;
      try {
        return await make(async (work) => {
          beside++;
          leave();
          try {
            return await work();
          } finally {
            // of several at once the last one takes the turn, unless one that failed has ended the page
            if (--beside === 0 && !isOver) {
              await turns.enter(LEVELS.goesOn, { isGone });
              // while it came the page may have ended, gone to wait again, or have got another
              if (isOver || beside > 0 || held !== undefined) turns.leave(LEVELS.goesOn);
              else held = LEVELS.goesOn;
            }
          }
        });
      } finally {
        isOver = true;
        leave();
      }
    },
  };
}

// The work of a directory for its readers: bounded at once, in time, and so that what takes long leaves places for what does not. One for
// the API, the pages and the merged view together, as they have one database.
import type { Config } from '../src/config.ts';
import { type Database, viewOf } from '../src/db/database.ts';
import { deadline, type RequestDeadline, withDeadline } from '../src/db/request-deadline.ts';
import type { SearchRequest } from '../src/fhir/search/request.ts';
import { type Admission, admission, admitted } from '../src/http/admission.ts';
import { type Rendering, rendering } from './rendering.ts';
import { type Efforts, efforts, LEVELS } from './search/effort.ts';

export type Work = Rendering & {
  /**
   * Makes an answer that is rewritten when its turn comes: from the search on, so that none is held in memory while it waits.
   * @param isGone no one waits for it any more
   * @throws Outcome busy
   */
  written<T>(make: () => Promise<T>, isGone: () => boolean): Promise<T>;
  /** what one request may take from now on. @param isGone no one waits for it any more */
  deadline(isGone?: () => boolean): RequestDeadline;
  /**
   * Waits for a place, then does what is soon done.
   * @param isGone no one waits for it any more
   * @throws Outcome busy
   */
  short<T>(work: () => Promise<T>, isGone?: () => boolean): Promise<T>;
  /**
   * Waits for a place of a search, then asks the database.
   * @param ask is given the database of this request deadline
   * @throws Outcome busy, or too-costly when the request deadline is over
   */
  search<T>(
    request: SearchRequest,
    database: Database,
    of: RequestDeadline,
    ask: (database: Database) => Promise<T>,
  ): Promise<T>;
};

/** Statements on their way over one connection. */
const PER_CONNECTION = 2;
/** Places that only what is soon done may have. */
const KEPT = 2;
/** One of so many connections may have what takes long. */
const LONG_OF = 3;
const PATIENCE_MS = 3000;
/** Answers that are rewritten at once. */
const WRITTEN = 6;

/** Places by level: {@link LEVELS}. @param pool connections of the service */
export function placesOf(pool: number): readonly number[] {
  const all = pool * PER_CONNECTION;
  const long = Math.max(1, Math.floor(pool / LONG_OF));
  // one more of a kind that is not known yet: it may be quick; each of these has a connection of its own, and one is for the others
  return [all, all - KEPT, Math.min(long + 1, pool - 1), long];
}

/** @param options for tests */
export function workOf(
  config: Pick<Config, 'databasePool' | 'directoryQueueMax' | 'directoryTimeoutMs'>,
  options: { admission?: Admission; efforts?: Efforts } = {},
): Work {
  const places = options.admission ?? admission(placesOf(config.databasePool), config.directoryQueueMax, PATIENCE_MS);
  const known = options.efforts ?? efforts();
  const writing = admission(WRITTEN, config.directoryQueueMax, PATIENCE_MS);
  return {
    written: (make, isGone) => admitted(writing, make, 0, { isGone }),
    ...rendering(config.directoryQueueMax),
    deadline: (isGone) => deadline(config.directoryTimeoutMs, isGone),
    short: (work, isGone) => admitted(places, work, LEVELS.short, isGone && { isGone }),
    search<T>(
      request: SearchRequest,
      database: Database,
      of: RequestDeadline,
      ask: (database: Database) => Promise<T>,
    ) {
      const effort = known.of(request);
      // one that waited may have become known by others of its kind
      const { level: levelNow, expected } = effort;
      const work = async (): Promise<T> => {
        of.isLong = levelNow() >= LEVELS.unknown;
        const before = of.took;
        let isWhole = false;
        try {
          const answer = await ask(viewOf(database, (sql) => withDeadline(sql, of)));
          isWhole = true;
          return answer;
        } finally {
          effort.took(of.took - before, isWhole);
        }
      };
      return admitted(places, work, levelNow(), { latest: of.until - expected, isGone: of.isGone, levelNow });
    },
  };
}

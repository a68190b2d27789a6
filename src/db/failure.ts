// Errors of what keeps our data as answers: a statement that ran too long, a database that is not there, a disk that is full,
// characters that it cannot hold.
import { Outcome } from '../fhir/outcome.ts';

/** query_canceled: the statement timeout of the service's connections */
const TOO_LONG = new Set(['57014']);
/** character_not_in_repertoire, untranslatable_character: NUL or half a character, which only a request can have brought */
const NO_TEXT = new Set(['22021', '22P05']);
/** given way to the changes of the primary (40001, of a replica), shutting down or starting, no room, no memory, too many connections, no route; full disks and open files without end */
const AWAY =
  /^(40001|57P0[1-3]|53\d{3}|08\w{3}|ENOSPC|EDQUOT|EMFILE|ENFILE|CONNECT_TIMEOUT|CONNECTION_\w+|ECONN\w+|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT)$/;

/** The outcome of an error of the driver; undefined when the error is about none of reach, time and what was sent. */
export function storeFailure(error: unknown): Outcome | undefined {
  const code = codeOf(error);
  if (TOO_LONG.has(code)) return new Outcome('too-costly', undefined, { retryAfter: 5, cause: error });
  if (AWAY.test(code)) return new Outcome('unavailable', undefined, { retryAfter: 10, cause: error });
  if (NO_TEXT.has(code)) return new Outcome('invalid-parameter', 'The request holds characters that are no text.');
  return undefined;
}

/** May the same succeed later without a change of anything? */
export const isPassing = (error: unknown): boolean => AWAY.test(codeOf(error));

/** Was the statement cancelled because it ran too long? */
export const isTimeout = (error: unknown): boolean => TOO_LONG.has(codeOf(error));

/** lock_not_available, deadlock_detected */
const HELD = new Set(['55P03', '40P01']);

/** Does someone else hold what the statement wants? */
export const isHeld = (error: unknown): boolean => HELD.has(codeOf(error));

/** Is something there already under the same key? */
export const isDuplicate = (error: unknown): boolean => codeOf(error) === '23505';

/** Has the server no connection to give? */
export const isFull = (error: unknown): boolean => codeOf(error) === '53300';

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

// Why a request of a payer is not answered yet, or never was, as staff read it. Pure.
import { timeText } from '../../src/ui/time.ts';
import { count } from '../staff/data/texts.ts';
import type { RequestLine } from './request-rows.ts';

/** By the codes of the system and of PostgreSQL that stand in what was written down of the failure. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/\b(ENOSPC|EDQUOT)\b/, 'there was no room for files under BLOBS_DIR'],
  [/\b53100\b/, 'the disk of the database was full'],
  [/\b(EMFILE|ENFILE)\b/, 'too many files were open'],
  [/\b53[2-4]\d\d\b/, 'the database had no memory or connection to give'],
  [/\b(57P0\d|08\w{3}|CONNECT\w+|ECONN\w+|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT)\b/, 'the database was away'],
  [/\b(ENOENT|EACCES|EPERM|EROFS|EIO)\b/, 'files under BLOBS_DIR could not be read or written'],
];

/** What kept an answer from coming about, without where in the program: for those outside. */
export const causeText = (failure: string): string => knownCause(failure) ?? 'an error of ours';
const knownCause = (failure: string): string | undefined => CAUSES.find(([codes]) => codes.test(failure))?.[1];

type Tried = Pick<RequestLine, 'state' | 'failure' | 'attempts' | 'nextAt'>;

/** Undefined where nothing failed, or it was answered since. A consent that changed while it was made is no failure. */
export function failureText(r: Tried, timeZone: string): string | undefined {
  const { failure, state } = r;
  if (failure === 'consent-changed' || !['queued', 'running', 'failed'].includes(state)) return undefined;
  // a process that is killed, as for memory, writes nothing down
  if (failure === null)
    return r.attempts > 1
      ? `Making the answer was begun ${count(r.attempts, 'time')}: the processes that made it before ended without a word, or lost the database for long.`
      : undefined;
  const cause = knownCause(failure) ?? `of an error of ours (${failure.trim()})`;
  const begun = `Making the answer was begun ${count(r.attempts, 'time')} and broke off, the last time because ${cause}.`;
  if (state === 'failed') return `${begun} It is not tried again: the payer has to ask again.`;
  const next = state === 'queued' && r.nextAt !== null ? `, next on ${timeText(r.nextAt, timeZone)}` : '';
  return `${begun} It is tried again by itself${next}; nothing of it is offered until it is whole.`;
}

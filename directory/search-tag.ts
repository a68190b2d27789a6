// The entity tag of a search by GET. It is made of the change counter, the day and the question, so that a client that has the newest
// answer is confirmed without a search.
import type { Context } from 'hono';
import type { Deps } from '../src/deps.ts';
import { isNotModified } from '../src/http/conditional.ts';
import type { FhirEnv } from '../src/http/fhir-app.ts';
import type { ChangeCounter } from './change-counter.ts';

export type TagDeps = Pick<Deps, 'database' | 'clock'> & { changes: ChangeCounter };

const DAY = 86_400_000;
/** Dates that move with the clock (`ap2027`) have no lasting answer; plans of statements have none either. */
const MOVING = /=(?:[^&]*(?:,|%2c))?ap\d|__explain/i;
const MAX_URL = 2048;

/** The tag, of all forms; undefined for a search that is always computed again. Answers may speak of today: no tag is good tomorrow. */
export async function searchTag(c: Context<FhirEnv>, deps: TagDeps): Promise<string | undefined> {
  const { url } = c.req;
  if (url.length > MAX_URL || MOVING.test(url)) return undefined;
  const question = url.slice(url.indexOf('/', url.indexOf('://') + 3));
  const change = await deps.changes(deps.database.sql);
  const day = Math.floor(deps.clock().getTime() / DAY);
  return `W/"${change}.${day}.${fingerprint(isLenient(c) ? `${question} lenient` : question)}"`;
}

/** `Prefer: handling=lenient`: what is not known is ignored. It is another question. */
export const isLenient = (c: Context<FhirEnv>): boolean =>
  c.req.header('prefer')?.includes('handling=lenient') === true;

/** FNV-1a, 32 bits: the tag of one question is not good for another. */
function fingerprint(question: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < question.length; i++) hash = Math.imul(hash ^ question.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16);
}

/** Has the client the answer of this tag? It can only have the tag from an answer to the same question. */
export function hasNewest(c: Context<FhirEnv>, tag: string): boolean {
  const known = c.req.header('if-none-match');
  return known?.includes('*') === false && isNotModified(known, undefined, tag, new Date(0));
}

// Answers from memory, before the database is asked: reads and searches by GET. The entity tag of a search is made of the
// change counter, the day and the question, so a client that has the newest answer is told so without a search.
import type { Deps } from '../src/deps.ts';
import type { Asked } from '../src/http/asked.ts';
import { isNotModified } from '../src/http/conditional.ts';
import type { Reply } from '../src/http/fhir-app.ts';
import { acceptsJson } from '../src/http/negotiate.ts';
import type { Answer, Answers } from './answers.ts';

const DAY = 86_400_000;
/** Dates that move with the clock (`ap2027`) have no lasting answer; plans of statements have none either. */
const MOVING = /=(?:[^&]*(?:,|%2c))?ap\d|__explain/i;
const MAX_URL = 2048;

export type Memory = {
  /** the answer, when it is there and the change counter is fresh: nothing is asked */
  atOnce(asked: Asked, search: boolean): Reply | undefined;
  /** the answer, or what keeps the one that is made now; undefined for what is always asked anew */
  recall(asked: Asked, search: boolean): Promise<Reply | Keep | undefined>;
};

/** Keeps an answer and gives it its entity tag. */
type Keep = (made: Reply) => Reply;

export function memory(deps: Pick<Deps, 'database' | 'clock'>, answers: Answers): Memory {
  const look = (asked: Asked, question: string, change: string, tag: string | undefined): Reply | undefined => {
    const known = answers.get(question, change);
    if (known !== undefined && (tag === undefined || known.headers['etag'] === tag)) return fromAnswer(asked, known);
    if (tag === undefined || !hasTag(asked.header('if-none-match'), tag)) return undefined;
    return { body: null, status: 304, headers: { etag: tag, 'cache-control': 'no-cache' } };
  };
  const tagOf = (search: boolean, change: string, question: string) =>
    search ? searchTag(change, deps.clock(), question) : undefined;
  return {
    atOnce(asked, search) {
      const change = answers.fresh();
      const question = change === undefined ? undefined : questionOf(asked);
      if (change === undefined || question === undefined) return undefined;
      return look(asked, question, change, tagOf(search, change, question));
    },
    async recall(asked, search) {
      const question = questionOf(asked);
      if (question === undefined) return undefined;
      const change = await answers.change(deps.database.sql);
      const tag = tagOf(search, change, question);
      return (
        look(asked, question, change, tag) ??
        ((made) => {
          const { body, status } = made;
          if (status !== 200 || body === null) return made;
          const headers = tag === undefined ? made.headers : { ...made.headers, etag: tag };
          answers.set(question, change, { body, headers });
          return { body, status, headers };
        })
      );
    },
  };
}

function fromAnswer({ header }: Asked, known: Answer): Reply {
  const etag = known.headers['etag'] ?? '';
  const modified = known.headers['last-modified'];
  const since = modified === undefined ? undefined : header('if-modified-since');
  if (!isNotModified(header('if-none-match'), since, etag, new Date(modified ?? 0)))
    return { body: known.body, status: 200, headers: known.headers };
  const { 'content-type': _, ...headers } = known.headers;
  return { body: null, status: 304, headers };
}

/** FNV-1a, 32 bits: the tag of one question is not good for another. */
function fingerprint(question: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < question.length; i++) hash = Math.imul(hash ^ question.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16);
}

/** Answers may speak of today: none is given tomorrow. */
const searchTag = (change: string, now: Date, question: string) =>
  `W/"${change}.${Math.floor(now.getTime() / DAY)}.${fingerprint(question)}"`;

/** Has the client the answer of this tag? It can only have the tag from an answer to the same question. */
const hasTag = (ifNoneMatch: string | undefined, tag: string): boolean =>
  ifNoneMatch?.includes('*') === false && isNotModified(ifNoneMatch, undefined, tag, new Date(0));

/** What makes two requests the same question; undefined for what is always asked anew. */
function questionOf({ url, header }: Asked): string | undefined {
  if (url.length > MAX_URL || MOVING.test(url)) return undefined;
  // `_format` in the URL comes before `Accept`: the handler judges
  if (!acceptsJson(header('accept'))) return undefined;
  return header('prefer')?.includes('handling=lenient') === true ? `${url} lenient` : url;
}

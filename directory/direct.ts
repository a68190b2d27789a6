// Reads and searches by GET: nearly all that a directory is asked. One way for the router and for the Node server, which
// takes it before it makes a request of what came and routes it.
import { isDirectoryType } from '../src/fhir/search/types.ts';
import type { Asked } from '../src/http/asked.ts';
import type { Reply } from '../src/http/fhir-app.ts';
import type { Memory } from './from-memory.ts';
import { keyOf, read } from './read.ts';
import { type SearchDeps, search } from './search-type.ts';

/** What is asked: a resource, or without an id a search. */
export type Question = { type: string; id: string | undefined };

export type Direct = {
  /** @param url path and query. Undefined when it asks for something else, or in another spelling */
  question(url: string): Question | undefined;
  /** without asking the database */
  atOnce(asked: Asked, question: Question): Reply | undefined;
  /** @throws Outcome */
  answer(asked: Asked, question: Question): Promise<Reply>;
};

const FORM = /^\/([A-Z][A-Za-z]{1,40})(?:\/([A-Za-z0-9.-]{1,64}))?(?:\?|$)/;

/** @param path of the FHIR base */
export function direct(deps: SearchDeps, path: string, memory: Memory | undefined): Direct {
  const made = (asked: Asked, { type, id }: Question): Promise<Reply> =>
    id === undefined
      ? search(type, asked, deps)
      : deps.work.short(() => read(keyOf(type, id), asked, deps), asked.isGone);
  return {
    question(url) {
      const form = url.startsWith(path) ? FORM.exec(url.slice(path.length)) : null;
      const type = form?.[1];
      return type !== undefined && isDirectoryType(type) ? { type, id: form?.[2] } : undefined;
    },
    atOnce: (asked, { id }) => memory?.atOnce(asked, id === undefined),
    async answer(asked, question) {
      const recalled = await memory?.recall(asked, question.id === undefined);
      if (recalled !== undefined && typeof recalled !== 'function') return recalled;
      const reply = await made(asked, question);
      return recalled === undefined ? reply : recalled(reply);
    },
  };
}

/** Route of a question, for log and metrics. */
export const routeOf = ({ id }: Question): string => (id === undefined ? '/:type' : '/:type/:id');

// The quick way of the Node process: what is in memory is answered before a request is made and routed. Everything else that
// happens to a request happens here too: the limit of its client, its headers, its line in the log, its count.
import type { Deps } from '../src/deps.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { fixedHeaders, recordRequest, requestIdOf } from '../src/http/fhir-app.ts';
import { clientAddress, type RateLimit } from '../src/http/rate-limit.ts';
import type { Answers } from './answers.ts';
import { CORS } from './app-answers.ts';
import { type Quick, quickly } from './from-memory.ts';

/** A request as the server of the runtime has it. `url`: path and query; `peer`: address of the socket's other end. */
export type Incoming = {
  method: string;
  url: string;
  header: (name: string) => string | undefined;
  peer: string | undefined;
};

export type QuickAnswer = (request: Incoming) => Quick | undefined;

/** @param path of the FHIR base */
export function quickAnswers(
  deps: Pick<Deps, 'clock' | 'log' | 'metrics'>,
  answers: Answers,
  limit: RateLimit | undefined,
  path: string,
): QuickAnswer {
  const fixed = fixedHeaders(CORS);
  return ({ method, url, header, peer }) => {
    // a request that has gone through a node may be our own
    if (header('via') !== undefined) return undefined;
    const started = performance.now();
    try {
      const found = quickly(answers, deps.clock(), { method, asked: url, header }, path);
      if (found === undefined) return undefined;
      const limits = limit?.take(clientAddress(peer, header('cf-connecting-ip') ?? header('x-forwarded-for')));
      const requestId = requestIdOf(header('x-request-id'));
      const { status, route } = found;
      const seconds = (performance.now() - started) / 1000;
      recordRequest(deps, { service: 'directory', method, route, status, seconds, requestId });
      return { ...found, headers: { 'x-request-id': requestId, ...fixed, ...limits, ...found.headers } };
    } catch (error) {
      if (error instanceof Outcome) return undefined; // over its limit, or accepts nothing of ours: the router says so
      throw error;
    }
  };
}

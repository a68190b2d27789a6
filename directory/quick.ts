// The quick way of the Node process: reads and searches are answered before a request is made of what came and routed.
// Everything else that happens to a request happens here too: the limit of its client, its headers, its line in the log, its
// count.
import type { Deps } from '../src/deps.ts';
import type { Asked } from '../src/http/asked.ts';
import { clientAddress } from '../src/http/client-address.ts';
import { errorReply, fixedHeaders, outcomeOf, type Reply, recordRequest, requestIdOf } from '../src/http/fhir-app.ts';
import { CLIENT_GONE } from '../src/http/gone.ts';
import type { RateLimit } from '../src/http/rate-limit.ts';
import { isWrittenAnew, VARIES } from './answer-forms.ts';
import { CORS } from './app-answers.ts';
import { type Direct, routeOf } from './direct.ts';

/** A request as the server of the runtime has it. `peer`: address of the socket's other end. */
type Incoming = Asked & { peer: string | undefined };

/** Undefined for what the router answers. */
export type QuickAnswer = (request: Incoming) => Reply | Promise<Reply> | undefined;

export function quickAnswers(
  deps: Pick<Deps, 'log' | 'metrics' | 'config'>,
  direct: Direct,
  limit: RateLimit | undefined,
): QuickAnswer {
  const service = 'directory';
  const fixed = fixedHeaders(CORS);
  return (request) => {
    const { method, header } = request;
    // a request that has gone through a node may be our own
    if (method !== 'GET' || header('via') !== undefined) return undefined;
    // what is written anew goes through the router
    if (isWrittenAnew(request)) return undefined;
    const question = direct.question(request.url);
    if (question === undefined) return undefined;
    const started = performance.now();
    const route = routeOf(question);
    const requestId = requestIdOf(header('x-request-id'));
    let limits: Record<string, string> | undefined;
    const finish = ({ body, status, headers }: Reply): Reply => {
      const seconds = (performance.now() - started) / 1000;
      const told = request.isGone?.() === true ? CLIENT_GONE : status;
      recordRequest(deps, { service, method, route, status: told, seconds, requestId });
      return { body, status, headers: { 'x-request-id': requestId, ...fixed, ...VARIES, ...limits, ...headers } };
    };
    const failed = (error: unknown) => finish(errorReply(outcomeOf(error, deps, service, requestId), requestId));
    try {
      limits = limit?.take(clientAddress(request.peer, header, deps.config.trustedProxies));
      const known = direct.atOnce(request, question);
      return known === undefined ? direct.answer(request, question).then(finish, failed) : finish(known);
    } catch (error) {
      return failed(error);
    }
  };
}

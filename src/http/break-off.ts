// An answer that stops in its midst: the connection ends, so that nobody takes what came for the whole, and the log has a line of ours
// instead of the server's stack.
import type { Context } from 'hono';
import type { Deps } from '../deps.ts';
import { describe, type FhirEnv } from './fhir-app.ts';

/** What the Node server hands to the routes beside the request; other runtimes have none. */
const outgoingOf = (c: Context<FhirEnv>): { destroy(): void } | undefined =>
  (c.env as { outgoing?: { destroy(): void } } | undefined)?.outgoing;

/** Bytes of an answer. Where they cannot go on the connection is ended; a runtime without connections is told by the error. */
export async function* orBrokenOff(
  c: Context<FhirEnv>,
  deps: Pick<Deps, 'log'>,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    const outgoing = outgoingOf(c);
    if (!outgoing) throw error;
    deps.log('warn', 'answer broken off', { requestId: c.get('requestId'), error: describe(error) });
    outgoing.destroy();
  }
}

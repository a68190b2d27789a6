// An answer that stops in its midst: the connection ends, so that nobody takes what came for the whole, and the log has a line of ours
// instead of the server's stack.
import type { Context } from 'hono';
import type { Deps } from '../deps.ts';
import { describe, type FhirEnv } from './fhir-app.ts';

type Outgoing = { destroy(): void; socket?: { resetAndDestroy(): void } | null };

/** What the Node server hands to the routes beside the request; other runtimes have none. */
const outgoingOf = (c: Context<FhirEnv>): Outgoing | undefined =>
  (c.env as { outgoing?: Outgoing } | undefined)?.outgoing;

/**
 * What is read, as long as it may leave. Broken off, not ended: what is inflated as it goes has no length that would tell. On Node it is looked at also
 * while the client takes nothing: what stands for it in the buffers of the system (some megabytes) goes with the connection.
 * @param mayGoOn asked every so often; who cannot be asked about may not
 */
export async function* whileAllowed(
  c: Context<FhirEnv>,
  source: AsyncIterable<Uint8Array>,
  mayGoOn: () => Promise<boolean>,
  everyMs: number,
): AsyncGenerator<Uint8Array> {
  const outgoing = outgoingOf(c);
  let looked = performance.now();
  let refused: Error | undefined;
  const look = async () => {
    looked = performance.now();
    try {
      if (!(await mayGoOn())) refused = new Error('the file may not leave any more');
    } catch (error) {
      refused = error instanceof Error ? error : new Error(String(error));
    }
    if (refused) outgoing?.socket?.resetAndDestroy();
  };
  const watch = outgoing && setInterval(() => void look(), everyMs);
  try {
    for await (const chunk of source) {
      if (performance.now() - looked > everyMs) await look();
      if (refused) throw refused;
      yield chunk;
    }
  } finally {
    clearInterval(watch);
  }
}

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

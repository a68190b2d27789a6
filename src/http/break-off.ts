// An answer that stops in its midst: the connection ends, so that no one takes what came for the whole, and the log has a line of ours
// instead of the server's stack.
import type { Context } from 'hono';
import type { Deps } from '../deps.ts';
import { describe, type FhirEnv } from './fhir-app.ts';

type Outgoing = { destroy(): void; socket?: { destroy(): void; resetAndDestroy(): void } | null };

/** What the Node server hands to the routes beside the request; other runtimes have none. */
const outgoingOf = (c: Context<FhirEnv>): Outgoing | undefined =>
  (c.env as { outgoing?: Outgoing } | undefined)?.outgoing;

/** Ends the connection at once, with what stands in the buffers of the system. An answer that is over has none any more. */
function reset(outgoing: Outgoing | undefined): void {
  const socket = outgoing?.socket;
  try {
    socket?.resetAndDestroy();
  } catch {
    // only what is TCP itself can be reset (not TLS, nor a socket of the file system): the others are closed
    socket?.destroy();
  }
}

/**
 * What is read, as long as it may leave. Broken off, not ended: what is inflated as it goes has no length that would tell. On Node it is asked also
 * while the client takes nothing: what stands for it in the buffers of the system (some megabytes) goes with the connection. One question at a
 * time; while it has no answer, as when the database is away, nothing leaves.
 * @param mayGoOn asked when the last yes is older than `everyMs`
 * @param times.patienceMs after so long without a yes it is broken off; until then a question that fails is asked again
 */
export async function* whileAllowed(
  c: Context<FhirEnv>,
  source: AsyncIterable<Uint8Array>,
  mayGoOn: () => Promise<boolean>,
  times: { everyMs: number; patienceMs: number },
): AsyncGenerator<Uint8Array> {
  const outgoing = outgoingOf(c);
  const { everyMs, patienceMs } = times;
  const tickMs = Math.min(everyMs, 1000);
  let allowedAt = performance.now();
  let refused: Error | undefined;
  /** why it could not be asked last */
  let fault: unknown;
  let asking: Promise<void> | undefined;
  let watch: ReturnType<typeof setInterval> | undefined;
  const sinceYes = () => performance.now() - allowedAt;
  const refuse = (error: unknown) => {
    refused ??= error instanceof Error ? error : new Error(String(error));
    clearInterval(watch);
    reset(outgoing);
  };
  const ask = async () => {
    try {
      if (await mayGoOn()) allowedAt = performance.now();
      else refuse(new Error('the file may not leave any more'));
    } catch (error) {
      fault = error;
      if (sinceYes() > patienceMs) refuse(error);
      else await new Promise((done) => setTimeout(done, tickMs));
    }
    asking = undefined;
  };
  const tick = () => {
    if (sinceYes() > patienceMs) refuse(fault ?? new Error('no one says whether the file may leave'));
    else if (sinceYes() > everyMs) asking ??= ask();
  };
  if (outgoing) watch = setInterval(tick, tickMs);
  try {
    for await (const chunk of source) {
      while (refused === undefined && sinceYes() > everyMs) {
        asking ??= ask();
        await asking;
      }
      if (refused) throw refused;
      yield chunk;
    }
  } finally {
    clearInterval(watch);
  }
}

/** Bytes of an answer. Where they cannot go on the connection is ended; a runtime without connections gets the error. */
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

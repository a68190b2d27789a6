// How many files one payer is sent at once: each holds some buffers (0.8 MB where it is inflated) for as long as its
// client takes, so that a payer that opens thousands and reads none would take the memory from all others. In this
// process; on Workers nothing is shared.
import type { Context } from 'hono';
import type { Deps } from '../../../src/deps.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import type { FhirEnv } from '../../../src/http/fhir-app.ts';
import { untilSent } from '../../../src/http/until-sent.ts';

/** Clients in the field take some ten at once. */
export const MOST_DOWNLOADS = 100;
const RETRY_SECONDS = 5;
/** One that reads nothing is ended by the listener after a minute; so long no one reads a file. */
const DAY_MS = 86_400_000;

const underWay = new WeakMap<Deps, Map<string, number>>();

/**
 * Counts a download until its answer has been sent, or its client has gone.
 * @throws Outcome throttled
 */
export function takeDownload(c: Context<FhirEnv>, deps: Deps, peerId: string): void {
  const counts = underWay.get(deps) ?? new Map<string, number>();
  underWay.set(deps, counts);
  const open = counts.get(peerId) ?? 0;
  if (open >= MOST_DOWNLOADS)
    throw new Outcome('throttled', 'Too many files are being sent to you.', { retryAfter: RETRY_SECONDS });
  counts.set(peerId, open + 1);
  untilSent(c.env, DAY_MS, () => {
    const left = (counts.get(peerId) ?? 1) - 1;
    if (left > 0) counts.set(peerId, left);
    else counts.delete(peerId);
  });
}

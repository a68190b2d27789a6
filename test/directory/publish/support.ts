// A directory with a clock of its own, and what it takes to publish it.

import type { Part, PublishDeps } from '../../../directory/publish/make-publication.ts';
import { publishNow } from '../../../directory/publish/work.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import type { Tuning } from '../../../src/tuning.ts';
import { directory, FIXTURE, ORIGIN } from '../fixture.ts';

export async function publishing(
  resources: readonly (Resource | string)[] = FIXTURE,
  env: Record<string, string> = {},
  start = '2027-03-01T12:00:00.123Z',
  tuning: Partial<Tuning> = {},
) {
  const clock = { now: new Date(start) };
  const d = await directory(resources, env, () => clock.now, undefined, tuning);
  const deps: PublishDeps = {
    config: d.config,
    clock: () => clock.now,
    database: d.database,
    blobs: d.blobs,
    log: () => {},
  };
  const pass = (days: number) => {
    clock.now = new Date(clock.now.getTime() + days * 86_400_000);
  };
  const publish = (parts?: readonly Part[]) => publishNow(deps, parts);
  const load: typeof d.load = (input, more) => d.load(input, { clock: () => clock.now, ...more });
  /** by absolute URL or path */
  const fetch = async (url: string, init: RequestInit = {}): Promise<Response> =>
    d.app.request(url.startsWith('http') ? url : `${ORIGIN}${url}`, init);
  return { ...d, load, deps, clock, pass, publish, fetch };
}

// May a payer still have a finished export? Only while every consent in it holds, which is asked each time that the
// payer asks for something of it.
import type { Deps } from '../../../src/deps.ts';
import { gather } from '../../../src/http/gather.ts';
import type { BulkJob } from '../bulk-job.ts';
import { holdsConsent } from './revoke.ts';

/** Of each payer one question at a time, whether all of an export's members may still be read: it may look at each of them. */
const doors = new WeakMap<Deps, Map<string, Door>>();
/** The answer in a thing of its own, as it may be a failure. */
type Door = (job: BulkJob) => Promise<{ may: Promise<boolean> }>;

/**
 * Does every consent hold? Who asks while it is asked for another person waits for a question that began after it came:
 * whatever a payer asks for at once, the database has one of them at a time.
 */
export async function mayHave(deps: Deps, job: BulkJob): Promise<boolean> {
  const known = doors.get(deps) ?? new Map<string, Door>();
  doors.set(deps, known);
  const ask: Door =
    known.get(job.peerId) ??
    gather(
      async (jobs: readonly BulkJob[]) => {
        const looks = new Map<string, Promise<boolean>>();
        for (const one of jobs) {
          if (looks.has(one.id)) continue;
          const look = holdsConsent(deps, one);
          looks.set(one.id, look);
          // one that takes too long fails for all who wait for it: once more for each of them, and anyone who comes next waits for minutes
          await look.catch(() => undefined);
        }
        return jobs.map((one) => ({ may: looks.get(one.id) ?? holdsConsent(deps, one) }));
      },
      { most: 64, slots: 1 },
    );
  known.set(job.peerId, ask);
  const { may } = await ask(job);
  return may;
}

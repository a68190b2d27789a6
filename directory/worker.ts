// The directory as a Cloudflare Worker: `wrangler deploy --env directory`.
import { isBucket, r2Blobs } from '../src/runtime/r2-blobs.ts';
import { secretKeys, type WorkerContext, type WorkerEnv, workerDeps } from '../src/runtime/workers.ts';
import { answers } from './answers.ts';
import { DIRECTORY_ROLE } from './app.ts';
import { createSite } from './site.ts';
import { totals } from './totals.ts';

/** Numbers, text and bytes only: safe to share between the requests of an isolate, which has 128 MB in all. */
const known = totals();
const kept = answers(24_000_000);
const plans = { plans: undefined };

export default {
  async fetch(request: Request, env: WorkerEnv, ctx: WorkerContext): Promise<Response> {
    const { BLOBS } = env;
    const files = isBucket(BLOBS) ? { blobs: r2Blobs(BLOBS) } : {};
    const deps = workerDeps(env, ctx, { role: DIRECTORY_ROLE, keys: secretKeys(env), ...files });
    try {
      return await createSite(deps, { totals: known, answers: kept, plans }).fetch(request);
    } finally {
      deps.end();
    }
  },
};

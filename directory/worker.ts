// The directory as a Cloudflare Worker: `wrangler deploy --env directory`.
import { secretKeys, type WorkerContext, type WorkerEnv, workerDeps } from '../src/runtime/workers.ts';
import { createDirectory, DIRECTORY_ROLE } from './app.ts';
import { totals } from './totals.ts';

/** Numbers and text only: safe to share between the requests of an isolate. */
const known = totals();

export default {
  async fetch(request: Request, env: WorkerEnv, ctx: WorkerContext): Promise<Response> {
    const deps = workerDeps(env, ctx, { role: DIRECTORY_ROLE, keys: secretKeys(env) });
    try {
      return await createDirectory(deps, { totals: known }).fetch(request);
    } finally {
      deps.end();
    }
  },
};

// The directory and the merged view as a Cloudflare Worker: `wrangler deploy --env directory`. It reads; harvests run on a node.

import { answerUnder } from '../../src/http/base-path.ts';
import { errorReply, forgivingPath, outcomeOf, requestIdOf } from '../../src/http/fhir-app.ts';
import { isBucket, r2Blobs } from '../../src/runtime/r2-blobs.ts';
import { requireConfined } from '../../src/runtime/worker-session.ts';
import { secretKeys, type WorkerContext, type WorkerEnv, workerDeps } from '../../src/runtime/workers.ts';
import { changeCounter } from '../change-counter.ts';
import { totals } from '../search/totals.ts';
import { createSite } from '../site.ts';
import { createFederation } from './app.ts';
import { isMergedPath, isOurCrawl, LOOP } from './via.ts';

/** Numbers, text and bytes only: safe to share between the requests of an isolate, which has 128 MB in all. */
const known = totals();
const changes = changeCounter();
const knownOfAll = totals();
const changesOfAll = changeCounter();
const plans = { plans: undefined };
const user = { isInOrder: false };

export default {
  async fetch(request: Request, env: WorkerEnv, ctx: WorkerContext): Promise<Response> {
    const { BLOBS } = env;
    const files = isBucket(BLOBS) ? { blobs: r2Blobs(BLOBS) } : {};
    const deps = workerDeps(env, ctx, { keys: secretKeys(env), ...files });
    try {
      await requireConfined(user, deps);
    } catch (error) {
      deps.end();
      const id = requestIdOf(undefined);
      const { body, status, headers } = errorReply(outcomeOf(error, deps, 'directory', id), id);
      return new Response(body, { status, headers });
    }
    try {
      return await answerUnder(deps.config.baseUrl, request, async (local) => {
        const path = forgivingPath(local);
        if (path.startsWith('/directory/') && isOurCrawl(local.headers.get('via') ?? undefined, deps.config))
          return new Response(`${LOOP.text}\n`, { status: LOOP.status });
        // each of the two views changes by itself
        if (isMergedPath(path))
          return createFederation(deps, { totals: knownOfAll, changes: changesOfAll }).fetch(local);
        return createSite(deps, { totals: known, changes, plans }).fetch(local);
      });
    } finally {
      deps.end();
    }
  },
};

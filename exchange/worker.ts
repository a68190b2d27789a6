// The exchange as a Cloudflare Worker: `wrangler deploy --env exchange`.
import { answerUnder } from '../src/http/base-path.ts';
import { clientAddress } from '../src/http/client-address.ts';
import type { AddressOf } from '../src/http/fhir-app.ts';
import { isBucket, r2Blobs } from '../src/runtime/r2-blobs.ts';
import { tellOfUser } from '../src/runtime/worker-session.ts';
import { secretKeys, type WorkerContext, type WorkerEnv, workerDeps } from '../src/runtime/workers.ts';
import { createExchange } from './app.ts';
import { createMemberPages } from './members/consent/member-page.ts';
import { keepClocks } from './schedule.ts';
import { createStaff } from './staff/app.ts';

const addressOf: AddressOf = (c) => clientAddress(undefined, (name) => c.req.header(name));
const user = { isInOrder: false };

export default {
  async fetch(request: Request, env: WorkerEnv, ctx: WorkerContext): Promise<Response> {
    const { BLOBS } = env;
    const files = isBucket(BLOBS) ? { blobs: r2Blobs(BLOBS) } : {};
    const deps = workerDeps(env, ctx, { keys: secretKeys(env), ...files });
    try {
      return await answerUnder(deps.config.baseUrl, request, async (local) => {
        const { pathname } = new URL(local.url);
        if (pathname === '/staff' || pathname.startsWith('/staff/'))
          return createStaff(deps, { addressOf }).fetch(local);
        if (pathname.startsWith('/my/')) return createMemberPages(deps).fetch(local);
        return createExchange(deps, addressOf).fetch(local);
      });
    } finally {
      deps.end();
    }
  },

  async scheduled(_event: unknown, env: WorkerEnv, ctx: WorkerContext): Promise<void> {
    const deps = workerDeps(env, ctx, { keys: secretKeys(env) });
    try {
      await tellOfUser(user, deps);
      await keepClocks(deps);
    } finally {
      deps.end();
    }
  },
};

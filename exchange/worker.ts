// The exchange as a Cloudflare Worker: `wrangler deploy --env exchange`.
import { isBucket, r2Blobs } from '../src/runtime/r2-blobs.ts';
import { secretKeys, type WorkerContext, type WorkerEnv, workerDeps } from '../src/runtime/workers.ts';
import { createExchange } from './app.ts';
import { createMemberPages } from './member/app.ts';
import { keepClocks } from './schedule.ts';
import { createStaff } from './staff/app.ts';

export default {
  async fetch(request: Request, env: WorkerEnv, ctx: WorkerContext): Promise<Response> {
    const { BLOBS } = env;
    const files = isBucket(BLOBS) ? { blobs: r2Blobs(BLOBS) } : {};
    const { pathname } = new URL(request.url);
    const isStaff = pathname === '/staff' || pathname.startsWith('/staff/');
    const isMembers = pathname.startsWith('/my/');
    const deps = workerDeps(env, ctx, { keys: secretKeys(env), ...files, isPeers: !isStaff && !isMembers });
    try {
      if (isStaff) return await createStaff(deps).fetch(request);
      if (isMembers) return await createMemberPages(deps).fetch(request);
      return await createExchange(deps, (c) => c.req.header('cf-connecting-ip') ?? 'unknown').fetch(request);
    } finally {
      deps.end();
    }
  },

  async scheduled(_event: unknown, env: WorkerEnv, ctx: WorkerContext): Promise<void> {
    const deps = workerDeps(env, ctx, { keys: secretKeys(env) });
    try {
      await keepClocks(deps);
    } finally {
      deps.end();
    }
  },
};

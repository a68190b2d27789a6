// The exchange as a Cloudflare Worker: `wrangler deploy --env exchange`.
import { secretKeys, type WorkerContext, type WorkerEnv, workerDeps } from '../src/runtime/workers.ts';
import { createExchange } from './app.ts';
import { keepClocks } from './schedule.ts';

export default {
  async fetch(request: Request, env: WorkerEnv, ctx: WorkerContext): Promise<Response> {
    const deps = workerDeps(env, ctx, { keys: secretKeys(env) });
    try {
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

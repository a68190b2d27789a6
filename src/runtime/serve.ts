// `serve`: a node that runs until it is stopped. In the sandbox the demo payer runs beside it.
import { randomUUID } from 'node:crypto';
import cron from 'node-cron';
import { type Config, readConfig } from '../config.ts';
import type { Deps } from '../deps.ts';
import { CommandFault } from './fault.ts';
import { usable } from './folders.ts';
import { prometheus } from './metrics.ts';
import { createApp, type Listening, listen, type Mount, type Services } from './node-http.ts';
import { claimFolder, type OpenNode, openNode, openServer } from './open-node.ts';
import { printReadiness } from './readiness.ts';
import { priorPlan, sandboxPlan } from './sandbox-plan.ts';
import { say } from './say.ts';
import { unusedInSandbox } from './to-set.ts';

type Stop = () => Promise<void>;
type Page = (request: Request, env: object) => Response | Promise<Response>;
/** The worker of the exchange: `wake` looks for due work, `nudge` says that some was added. */
type Worker = { wake(): void; trigger(): void; stop(): Promise<void> };

/** The two services, as `main.ts` hands them over: the core imports neither. */
export type Composition = {
  directory: {
    mount: Mount;
    checkIndex(of: { database: Deps['database']; baseUrl: string; embedded: boolean }, say: Say): Promise<void>;
    publishFirst(node: OpenNode): Promise<void>;
    startBackground(
      node: OpenNode,
      url: string,
      options: { embedded: boolean; requests: () => number },
    ): { publish(): void; stop(): Promise<void> };
  };
  exchange: {
    mount: Mount;
    staffPages(node: OpenNode): { page: Page; account: { user: string; password: string } | undefined };
    startWork(deps: Deps, how: { plans: boolean; alone: boolean }): Worker;
  };
  sandbox: {
    isSeeded(node: OpenNode): Promise<boolean>;
    readdress(ours: OpenNode, prior: OpenNode): Promise<void>;
    seed(ours: OpenNode, prior: OpenNode, say: Say): Promise<void>;
    /** waits for the first pull and gives its report; undefined when it did not end in time */
    firstPullReport(node: OpenNode, signal: AbortSignal): Promise<string | undefined>;
  };
};
type Say = (line: string) => void;

/** What runs, so that it can be stopped in reverse order. */
/** For all stops together: a database that has died answers nothing, not even that it stops. Answers under way have ten seconds. */
const STOP_MS = 20_000;

class Running {
  readonly #stops: { name: string; stop: Stop }[] = [];
  add(name: string, stop: Stop): void {
    this.#stops.push({ name, stop });
  }
  async stop(say: (line: string) => void): Promise<void> {
    const end = Date.now() + STOP_MS;
    for (const { name, stop } of this.#stops.reverse())
      try {
        const late = await Promise.race([
          stop().then(() => false),
          // unref: what stops in time is not held up by its own deadline
          new Promise<true>((done) => setTimeout(() => done(true), Math.max(1000, end - Date.now())).unref()),
        ]);
        if (late) say(`${name} did not stop in time and was left.`);
      } catch (error) {
        say(`${name} did not stop cleanly: ${error instanceof Error ? error.message : 'unknown'}`);
      }
  }
}

/** Serves until SIGINT or SIGTERM. Resolves when everything has stopped. */
export async function serveNode(
  composition: Composition,
  services: Services,
  env: Record<string, string | undefined>,
): Promise<void> {
  const given = readConfig({ ...env, LOG_LEVEL: env['LOG_LEVEL'] ?? (process.stdout.isTTY ? 'warn' : 'info') });
  const config = given.sandbox ? sandboxPlan(given) : given;
  const unused = unusedInSandbox(given);
  if (unused !== undefined) say(unused);
  const running = new Running();
  const stopped = signalled();
  try {
    await startAll(composition, services, config, running, stopped.signal);
    await stopped.promise;
    say('\nStopping: finishing what is under way …');
  } finally {
    await running.stop(say);
  }
  say('Stopped.');
  // what was left must not keep the process
  setTimeout(() => process.exit(), 1000).unref();
}

async function startAll(
  { directory, exchange, sandbox }: Composition,
  services: Services,
  config: Config,
  running: Running,
  signal: AbortSignal,
): Promise<void> {
  const server = await openServer(config);
  running.add('database', () => server.release());
  await claimFolder(config, server);
  const metrics = prometheus();
  const node = await openNode(config, server, 'payer_node', { metrics });
  running.add('node', () => node.close());
  if (services !== 'directory') {
    usable(config.blobsDir, 'BLOBS_DIR');
    // made where there is none yet: without them each token, and each seal, would fail
    for (const use of ['token', 'evidence'] as const) await node.deps.keys.signing(use);
  }
  if (services !== 'exchange')
    await directory.checkIndex(
      { database: node.deps.database, baseUrl: config.baseUrl, embedded: server.embedded !== undefined },
      say,
    );
  const staff = services === 'directory' ? undefined : exchange.staffPages(node);
  const app = createApp({
    node,
    mounts: {
      exchange: services === 'directory' ? undefined : exchange.mount,
      directory: services === 'exchange' ? undefined : directory.mount,
    },
    metrics,
    ...(staff ? { staff: staff.page } : {}),
  });
  // the port is bound before the sandbox is filled: a taken port is reported at once
  const main = await listen(app, config);
  running.add('http', () => main.close());
  const prior =
    config.sandbox && services === 'all' ? await openPrior(exchange.mount, config, server, running) : undefined;
  if (prior && (await sandbox.isSeeded(node))) await sandbox.readdress(node, prior.node);
  else if (prior) await sandbox.seed(node, prior.node, say);
  if (signal.aborted) return;
  if (services !== 'exchange') {
    if (config.sandbox) await directory.publishFirst(node);
    const background = directory.startBackground(node, await server.url('payer_node'), {
      embedded: server.embedded !== undefined,
      requests: main.requests,
    });
    node.directory.wake = () => background.publish();
    running.add('background process', () => background.stop());
  }
  let worker: Worker | undefined;
  if (services !== 'directory') {
    const alone = server.embedded !== undefined;
    if (prior) startWorker(exchange, prior.node, running, { plans: false, alone });
    worker = startWorker(exchange, node, running, { plans: config.schedule, alone });
  }
  printReadiness({ config, node, services, main, prior: prior?.http, account: staff?.account }, say);
  if (config.sandbox && worker && prior) {
    const report = await sandbox.firstPullReport(node, signal);
    if (report !== undefined) say(report);
  }
}

async function openPrior(
  mount: Mount,
  config: Config,
  server: Awaited<ReturnType<typeof openServer>>,
  running: Running,
): Promise<{ node: OpenNode; http: Listening }> {
  const settings = priorPlan(config);
  const node = await openNode(settings, server, 'prior_payer');
  running.add('demo payer', () => node.close());
  const http = await listen(createApp({ node, mounts: { exchange: mount } }), settings);
  running.add('demo payer http', () => http.close());
  return { node, http };
}

function startWorker(
  exchange: Composition['exchange'],
  node: OpenNode,
  running: Running,
  how: { plans: boolean; alone: boolean },
): Worker {
  const worker = exchange.startWork(node.deps, how);
  node.deps.wake = () => worker.trigger();
  node.exchange.wake = node.deps.wake;
  const task = cron.schedule('* * * * *', () => worker.wake(), { name: `wake-${randomUUID()}` });
  running.add('worker', async () => {
    await task.destroy();
    await worker.stop();
  });
  return worker;
}

function signalled(): { promise: Promise<void>; signal: AbortSignal } {
  const controller = new AbortController();
  const promise = new Promise<void>((done) => {
    const once = () => {
      if (controller.signal.aborted) process.exit(130); // a second Ctrl-C does not wait
      controller.abort();
      done();
    };
    process.on('SIGINT', once);
    process.on('SIGTERM', once);
  });
  return { promise, signal: controller.signal };
}

export function parseServices(text: string | undefined): Services {
  if (text === undefined || text === 'all') return 'all';
  if (text === 'directory' || text === 'exchange') return text;
  throw new CommandFault(
    `There is no command or service "${text}": payer-node --help lists the commands; serve takes all, directory or exchange.`,
  );
}

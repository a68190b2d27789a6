// Keeps the harvesting thread of a serving node alive, and ends it.
import { Worker } from 'node:worker_threads';
import { describe } from '../http/fhir-app.ts';
import type { HarvestThreadData, HarvestThreadMessage } from './harvest-thread.ts';
import type { OpenNode } from './node.ts';
import { HARVEST_THREAD } from './threads.ts';

const PAUSE_MS = 60_000;
const WATCH_MS = 500;

export type HarvestThreadOptions = {
  /** the server of the database runs on this machine as one of ours */
  embedded?: boolean;
  /** how many requests the node has had: while some come, the thread and its connections leave a processor alone */
  requests?: () => number;
  /** milliseconds without a request after which nobody is thought to wait */
  calmMs?: number;
};

/**
 * Starts the thread. One that dies is told in the log and started anew a minute later: a harvest goes on from its position.
 * @param url of the database
 */
export function startHarvestThread(
  node: OpenNode,
  url: string,
  { embedded = false, requests = () => 0, calmMs = 10_000 }: HarvestThreadOptions = {},
): { stop(): Promise<void> } {
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let worker: Worker;
  const tell = (message: HarvestThreadMessage) => worker.postMessage(message);
  let seen = requests();
  let calm = 0;
  let awaited = true;
  const watch = setInterval(() => {
    const now = requests();
    calm = now === seen ? calm + WATCH_MS : 0;
    seen = now;
    if (awaited === calm < calmMs) return;
    awaited = calm < calmMs;
    tell(awaited ? 'awaited' : 'alone');
  }, WATCH_MS).unref();
  let gone: Promise<void>;
  const start = () => {
    awaited = true; // a thread begins so
    const data: HarvestThreadData = { config: node.config, url, embedded };
    worker = new Worker(HARVEST_THREAD, { workerData: data });
    worker.on('error', (error: unknown) =>
      node.deps.log('error', 'harvester died, it is started again in a minute', { error: describe(error) }),
    );
    gone = new Promise((done) => worker.once('exit', () => done()));
    void gone.then(() => {
      if (!ended) timer = setTimeout(start, PAUSE_MS).unref();
    });
  };
  start();
  return {
    async stop() {
      ended = true;
      clearTimeout(timer);
      clearInterval(watch);
      tell('stop');
      await gone;
    },
  };
}

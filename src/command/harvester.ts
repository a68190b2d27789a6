// Keeps the harvesting thread of a serving node alive, and ends it.
import { Worker } from 'node:worker_threads';
import { describe } from '../http/fhir-app.ts';
import type { HarvestThreadData } from './harvest-thread.ts';
import type { OpenNode } from './node.ts';
import { HARVEST_THREAD } from './threads.ts';

const PAUSE_MS = 60_000;

/**
 * Starts the thread. One that dies is told in the log and started anew a minute later: a harvest goes on from its position.
 * @param url of the database
 * @param embedded its server runs on this machine as one of ours
 */
export function startHarvestThread(node: OpenNode, url: string, embedded = false): { stop(): Promise<void> } {
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let worker: Worker;
  let gone: Promise<void>;
  const start = () => {
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
      worker.postMessage('stop');
      await gone;
    },
  };
}

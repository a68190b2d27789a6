// Keeps the process that harvests and publishes beside a serving node alive, and ends it.
import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { describe } from '../../src/http/fhir-app.ts';
import type { OpenNode } from '../../src/runtime/open-node.ts';
import { BACKGROUND_PROCESS } from '../../src/runtime/threads.ts';
import type { BackgroundProcessData, BackgroundProcessMessage } from './background-process.ts';

const PAUSE_MS = 60_000;
const WATCH_MS = 500;

export type BackgroundProcessOptions = {
  /** the server of the database runs on this machine as one of ours */
  embedded?: boolean;
  /** how many requests the node has had: while some come, the process and its connections leave a processor alone */
  requests?: () => number;
  /** milliseconds without a request after which no one is thought to wait */
  calmMs?: number;
};

/**
 * Starts the process. One that dies is reported in the log and restarted a minute later: a harvest goes on from its position.
 * @param url of the database
 */
export function startBackground(
  node: OpenNode,
  url: string,
  { embedded = false, requests = () => 0, calmMs = 10_000 }: BackgroundProcessOptions = {},
): { publish(): void; stop(): Promise<void> } {
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let child: ChildProcess;
  const tell = (message: BackgroundProcessMessage | BackgroundProcessData) => {
    if (child.connected) child.send(message);
  };
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
    awaited = true; // a process begins so
    child = fork(BACKGROUND_PROCESS, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    // whole lines: its log and ours are one
    if (child.stderr) createInterface(child.stderr).on('line', (line) => process.stderr.write(`${line}\n`));
    gone = new Promise((done) => {
      let fault: unknown;
      const over = (code: number | null, signal: string | null) => {
        if (!ended)
          node.deps.log('error', 'background process died, it is started again in a minute', {
            ...(fault === undefined ? {} : { error: describe(fault) }),
            ...(signal === null ? { code: code ?? undefined } : { signal }),
          });
        done();
      };
      child.once('close', over);
      child.on('error', (error) => {
        fault = error;
        // one that never began, for want of file handles, does not close either
        if (child.pid === undefined) {
          child.off('close', over);
          over(null, null);
        }
      });
    });
    node.deps.log('debug', 'background process started', { pid: child.pid });
    tell({ config: node.config, url, embedded } satisfies BackgroundProcessData);
    void gone.then(() => {
      if (!ended) timer = setTimeout(start, PAUSE_MS).unref();
    });
  };
  start();
  return {
    /** Looks for an export that was asked for; without this it is found within ten seconds. */
    publish: () => tell('publish'),
    async stop() {
      ended = true;
      clearTimeout(timer);
      clearInterval(watch);
      tell('stop');
      await gone;
    },
  };
}

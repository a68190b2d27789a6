// Threads beside the one that serves, for work that needs neither database nor network. One core is left for the database.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Thread, ThreadName, Threads } from '../deps.ts';
import type { Question, Reply } from './thread.ts';

/** More would wait for the one that hands out the work. */
const MOST = 3;

/** So long a thread is kept that no one asks: what it runs is compiled by then, which costs a second again. */
const IDLE_MS = 60_000;

/** `isFree`: it answers nothing, and can answer more. */
type Kept = Thread & { isFree(): boolean };

/** An error of the far side, with the place where it was thrown. */
function thrownThere({ name, frames }: { name: string; frames: string[] }): Error {
  const error = new Error('a thread failed');
  error.name = name;
  error.stack = [name, ...frames].join('\n');
  return error;
}

/** @param name the operating system knows it by, at most 15 characters */
function openThread(file: URL, name: ThreadName): Kept {
  const worker = new Worker(file, { name });
  const waiting = new Map<number, { done: (value: unknown) => void; fail: (error: Error) => void }>();
  let next = 0;
  let fault: Error | undefined;
  const failAll = (error: Error) => {
    fault ??= error;
    for (const one of waiting.values()) one.fail(error);
    waiting.clear();
  };
  worker.on('message', (reply: Reply) => {
    const one = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('error' in reply) one?.fail(thrownThere(reply.error));
    else one?.done(reply.value);
  });
  worker.on('error', failAll);
  worker.on('exit', () => failAll(new Error('a thread ended')));
  // anyone who asks waits for the answer; a thread alone keeps no process alive
  worker.unref();
  return {
    ask(message, moved) {
      if (fault) return Promise.reject(fault);
      const id = next++;
      return new Promise((done, fail) => {
        waiting.set(id, { done, fail });
        worker.postMessage({ id, message } satisfies Question, moved);
      });
    },
    close: () => void worker.terminate(),
    isFree: () => fault === undefined && waiting.size === 0,
  };
}

/** Threads of one module, of which those that are closed are lent again. */
function lender(file: URL, name: ThreadName, idleMs: number): () => Thread {
  const idle = new Map<Kept, NodeJS.Timeout>();
  const end = (thread: Kept) => {
    clearTimeout(idle.get(thread));
    idle.delete(thread);
    thread.close();
  };
  const take = (): Kept => {
    for (const [thread, timer] of idle) {
      if (!thread.isFree()) {
        end(thread);
        continue;
      }
      clearTimeout(timer);
      idle.delete(thread);
      return thread;
    }
    return openThread(file, name);
  };
  return () => {
    const thread = take();
    let isClosed = false;
    return {
      ask: (message, moved) => (isClosed ? Promise.reject(new Error('a thread ended')) : thread.ask(message, moved)),
      close() {
        if (isClosed) return;
        isClosed = true;
        if (thread.isFree()) idle.set(thread, setTimeout(() => end(thread), idleMs).unref());
        else thread.close();
      },
    };
  };
}

/**
 * @param files the module of each thread
 * @param cores of the machine; with one there are no threads
 */
export function nodeThreads(
  files: Record<ThreadName, URL>,
  cores = availableParallelism(),
  idleMs = IDLE_MS,
): Threads | undefined {
  const count = Math.min(MOST, cores - 1);
  if (count < 1 || Object.values(files).some((f) => !existsSync(fileURLToPath(f)))) return undefined;
  const lend = { units: lender(files.units, 'units', idleMs), lines: lender(files.lines, 'lines', idleMs) };
  return { open: (name) => Array.from({ length: count }, lend[name]) };
}

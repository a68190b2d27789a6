// A thread that stands back, with one that it opened: where both may run.
import { readdirSync, readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { threads } from '../../src/command/threads.ts';
import { threadStandsBack } from '../../src/runtime/stand-back.ts';

// how many threads are worth it is found out while all processors may be used
const beside = threads();
const standing = threadStandsBack(() => {}, 'lines');
const opened = beside?.open('lines') ?? [];
const processors = (name: string) =>
  readdirSync('/proc/self/task')
    .filter((id) => readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim() === name)
    .map((id) => /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync(`/proc/self/task/${id}/status`, 'utf8'))?.[1]);
parentPort?.on('message', (message: 'confine' | 'free' | 'work' | 'rest' | 'lines' | 'V8Worker' | 'end') => {
  if (message === 'lines' || message === 'V8Worker') parentPort?.postMessage(processors(message));
  else if (message === 'work' || message === 'rest') standing.work(message === 'work');
  else if (message === 'end') {
    for (const thread of opened) thread.close();
    parentPort?.close();
  } else standing.confine(message === 'confine');
});

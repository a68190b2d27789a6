// A process that stands back, with a thread that it opened: where each of its threads may run, by the name that the system has for it.
import { readdirSync, readFileSync } from 'node:fs';
import { processStandsBack } from '../../src/runtime/low-priority.ts';
import { threads } from '../../src/runtime/threads.ts';

// how many threads are worth it is found out while all processors may be used
const beside = threads();
const standing = processStandsBack(() => {});
const opened = beside?.open('lines') ?? [];
const places = () =>
  readdirSync('/proc/self/task').map((id) => ({
    name: readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim(),
    place: /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync(`/proc/self/task/${id}/status`, 'utf8'))?.[1],
    // the 41st and the 19th field (proc_pid_stat(5)); 0 is the usual class, 5 the idle one
    ...((fields: string[]) => ({ policy: Number(fields[38]), nice: Number(fields[16]) }))(
      readFileSync(`/proc/self/task/${id}/stat`, 'utf8').replace(/.*\) /s, '').split(' '),
    ),
  }));
process.on('message', (message: 'confine' | 'free' | 'look' | 'end') => {
  if (message === 'look') process.send?.(places());
  else if (message === 'end') {
    for (const thread of opened) thread.close();
    standing.end();
    process.disconnect();
  } else standing.confine(message === 'confine');
});

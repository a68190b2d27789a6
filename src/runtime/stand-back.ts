// Work that nobody waits for stands back behind work that somebody does. On Linux a priority belongs to a thread, and each connection to
// PostgreSQL is a process of the server's own: both get a lower one, and while somebody waits they leave one of several processors
// alone (where `taskset` is there), so that a request finds one at once; and they run only when nothing else would (where `chrt` is
// there), so that a request finds the others at once as well. A process of the server does so only while something is left over: others may
// wait for a lock that it holds, and it must come to give it back.
// https://man7.org/linux/man-pages/man7/sched.7.html
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import type { Log, ThreadName } from '../deps.ts';
import { describe } from '../http/fhir-app.ts';
import type { Queryable } from '../store/database.ts';

const LOOK_MS = 500;

/** Work that stands back. */
export type StandingBack = {
  /** Leaves one processor alone, as it does at first, or takes them all. */
  confine(on: boolean): void;
  end(): void;
};

const NOTHING: StandingBack = { confine: () => {}, end: () => {} };

/**
 * The calling thread, and those that it opens afterwards: they begin with its priority, and are known by their name. Elsewhere than
 * on Linux it would be the whole process, and nothing is done.
 */
export function threadStandsBack(log: Log, helpers?: ThreadName): StandingBack {
  if (process.platform !== 'linux') return NOTHING;
  const id = Number(/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1]);
  const all = processors();
  lower(id, log);
  place(id, true, all, log);
  run(log, 'chrt', '-i', '-p', '0', String(id));
  return {
    confine(on) {
      for (const one of [id, ...threadsNamed(helpers)]) place(one, on, all, log);
    },
    end: () => {},
  };
}

/** Threads of this process. */
function threadsNamed(name: ThreadName | undefined): number[] {
  if (name === undefined) return [];
  return readdirSync('/proc/self/task')
    .filter((id) => {
      try {
        return readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim() === name;
      } catch {
        return false; // it ended meanwhile
      }
    })
    .map(Number);
}

/** Of the processors' time: with less left over the server's processes take their turns, with more they run when nothing else would. */
const LEFT_OVER = { least: 0.1, enough: 0.3 };

/** A turn of a process of the server: whoever wakes up meanwhile waits no longer (Linux 6.12, util-linux 2.41; 3 ms otherwise). */
const SLICE_NS = 100_000;

/**
 * The server's processes behind connections whose application_name begins with `name`, parallel ones too, as they come, and those that
 * clean up after them. Only for a server on this machine that we started: the number of a process means nothing elsewhere.
 */
export function connectionsStandBack(sql: Queryable, name: string, log: Log): StandingBack {
  if (process.platform !== 'linux') return NOTHING;
  const all = processors();
  let known = new Map<number, { confined: boolean; yields: boolean }>();
  let confined = true;
  let yields = false;
  const left = leftOver();
  const mayYield = canReturn();
  let looking = false;
  let ended = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      const rows = await sql<
        { pid: number }[]
      >`select pid from pg_stat_activity where starts_with(application_name, ${name}) or backend_type = 'autovacuum worker'`;
      const share = left();
      if (share !== undefined) yields = (await mayYield) && share > (yields ? LEFT_OVER.least : LEFT_OVER.enough);
      const now: typeof known = new Map();
      for (const { pid } of rows) {
        const was = known.get(pid);
        if (!was) lower(pid, log);
        if (was?.confined !== confined) place(pid, confined, all, log);
        if (was?.yields !== yields)
          run(log, 'chrt', ...(yields ? ['-i'] : ['-o', '-T', String(SLICE_NS)]), '-p', '0', String(pid));
        now.set(pid, { confined, yields });
      }
      known = now;
    } catch (error) {
      if (!ended) log('debug', 'connections do not stand back', { error: describe(error) });
    } finally {
      looking = false;
    }
  };
  const timer = setInterval(() => void look(), LOOK_MS).unref();
  void look();
  return {
    confine: (on) => {
      confined = on;
      void look();
    },
    end: () => {
      ended = true;
      clearInterval(timer);
    },
  };
}

/** @param id of a process or thread. One that is gone meanwhile, or that is not ours, stays as it is. */
function lower(id: number, log: Log): void {
  try {
    setPriority(id, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch (error) {
    log('debug', 'priority not lowered', { error: describe(error) });
  }
}

/** Whether a process may leave the idle class again: that takes a right which not everybody has. */
const canReturn = (): Promise<boolean> =>
  new Promise((done) => execFile('chrt', ['-i', '0', 'sh', '-c', 'chrt -o -p 0 $$'], (error) => done(error === null)));

/**
 * Of the processors' time since the last look, what went to nothing or to work of a lower priority; undefined at the first.
 * https://man7.org/linux/man-pages/man5/proc_stat.5.html
 */
function leftOver(): () => number | undefined {
  let last: number[] | undefined;
  return () => {
    const now = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.trim().split(/\s+/).slice(1, 9).map(Number) ?? [];
    const passed = last && now.map((n, i) => n - (last?.[i] ?? 0));
    last = now;
    const [, nice = 0, , idle = 0, iowait = 0] = passed ?? [];
    return (
      passed &&
      (nice + idle + iowait) /
        Math.max(
          1,
          passed.reduce((sum, n) => sum + n, 0),
        )
    );
  };
}

/** On all processors but the first, or on all that the program has. */
function place(id: number, confined: boolean, all: readonly number[], log: Log): void {
  const where = confined ? all.slice(1) : all;
  if (all.length > 1) run(log, 'taskset', '-c', '-p', where.join(','), String(id));
}

/** Where a tool is not there the priority has to do. */
function run(log: Log, tool: string, ...args: string[]): void {
  execFile(tool, args, (error) => {
    if (error && error.code !== 'ENOENT') log('debug', 'scheduling not changed', { error: error.message });
  });
}

/** Numbers of the processors that this process may use. */
function processors(): number[] {
  const [, list = ''] = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return list.split(',').flatMap((part) => {
    const [from = 0, to = from] = part.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

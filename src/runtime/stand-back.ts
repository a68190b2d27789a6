// Work that nobody waits for stands back behind work that somebody does. On Linux a priority belongs to a thread, and each connection to
// PostgreSQL is a process of the server's own: both get a lower one, and while somebody waits they leave one of several processors
// alone (where `taskset` is there), so that a request finds one at once. A thread runs only when nothing else would (where `chrt` is
// there); a process of the server does not go so far, for others may wait for a lock that it holds.
// https://man7.org/linux/man-pages/man7/sched.7.html
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import type { Log, ThreadName } from '../deps.ts';
import { describe } from '../http/fhir-app.ts';
import type { Queryable } from '../store/database.ts';

/** Between two looks for new connections: while there is work, and otherwise. */
const LOOK_MS = { working: 100, idle: 1000 } as const;

/** Work that stands back. */
export type StandingBack = {
  /** Leaves one processor alone, as it does at first, or takes them all. */
  confine(on: boolean): void;
  /** Work has begun, or ended. */
  work(on: boolean): void;
  end(): void;
};

const NOTHING: StandingBack = { confine: () => {}, work: () => {}, end: () => {} };

/** What Node calls its threads that collect garbage and compile beside the others. They belong to the process. */
const COLLECTOR = 'V8Worker';
/** A look whether anything is due is no work yet. */
const BRIEF_MS = 250;

/**
 * The calling thread, and those that it opens afterwards: they begin with its priority, and are known by their name. While there is
 * work the threads that collect garbage for all of the process are placed as it is; they keep their priority, which could not be given back.
 * Elsewhere than on Linux it would be the whole process, and nothing is done.
 */
export function threadStandsBack(log: Log, helpers?: ThreadName): StandingBack {
  if (process.platform !== 'linux') return NOTHING;
  const id = Number(/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1]);
  const { place, last, end } = scheduling(log);
  let confined = true;
  let working = false;
  let placed = false;
  let begun: NodeJS.Timeout | undefined;
  const collectors = () => {
    if (placed === (confined && working)) return;
    placed = !placed;
    for (const one of threadsNamed(COLLECTOR)) place(one, placed);
  };
  const work = (on: boolean) => {
    clearTimeout(begun);
    if (on)
      begun = setTimeout(() => {
        working = true;
        collectors();
      }, BRIEF_MS).unref();
    else {
      working = false;
      collectors();
    }
  };
  lower(id, log);
  place(id, true);
  last(id);
  return {
    confine(on) {
      confined = on;
      for (const one of [id, ...threadsNamed(helpers)]) place(one, on);
      collectors();
    },
    work,
    end: () => {
      work(false);
      end();
    },
  };
}

/** Threads of this process. */
function threadsNamed(name: string | undefined): number[] {
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

/** A turn of a process of the server: whoever wakes up meanwhile waits no longer (Linux 6.12, util-linux 2.41; 3 ms otherwise). */
const SLICE_NS = 100_000;

/**
 * The server's processes behind connections whose application_name begins with `name`, parallel ones too, as they come, and those that
 * clean up after them. Only for a server on this machine that we started: the number of a process means nothing elsewhere.
 */
export function connectionsStandBack(sql: Queryable, name: string, log: Log): StandingBack {
  if (process.platform !== 'linux') return NOTHING;
  const { place, turns, end } = scheduling(log);
  let known = new Map<number, boolean>();
  let confined = true;
  let looking = false;
  let ended = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      const rows = await sql<
        { pid: number }[]
      >`select pid from pg_stat_activity where starts_with(application_name, ${name}) or backend_type = 'autovacuum worker'`;
      const now = new Map<number, boolean>();
      for (const { pid } of rows) {
        if (!known.has(pid)) {
          lower(pid, log);
          turns(pid, SLICE_NS);
        }
        if (known.get(pid) !== confined) place(pid, confined);
        now.set(pid, confined);
      }
      known = now;
    } catch (error) {
      if (!ended) log('debug', 'connections do not stand back', { error: describe(error) });
    } finally {
      looking = false;
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const lookEvery = (ms: number) => {
    clearInterval(timer);
    timer = setInterval(() => void look(), ms).unref();
    void look();
  };
  lookEvery(LOOK_MS.idle);
  return {
    confine: (on) => {
      confined = on;
      void look();
    },
    work: (on) => lookEvery(on ? LOOK_MS.working : LOOK_MS.idle),
    end: () => {
      ended = true;
      clearInterval(timer);
      end();
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

/** Where the system has no tool for it, or it is refused, the priority has to do. */
type Scheduling = {
  /** On all processors but the first, or on all that the program has. */
  place(id: number, confined: boolean): void;
  /** The idle class. */
  last(id: number): void;
  /** Turns of so many nanoseconds. */
  turns(id: number, ns: number): void;
  end(): void;
};

let open: Scheduling | undefined;
let users = 0;

/** One for all who stand back in this thread: it begins before any of them does, and does not stand back itself. */
function scheduling(log: Log): Scheduling {
  open ??= schedulingBy(log);
  users++;
  const { end, ...rest } = open;
  return {
    ...rest,
    end: () => {
      if (--users > 0) return;
      open = undefined;
      end();
    },
  };
}

/**
 * A shell runs the tools. Each child of this process would copy its tables of memory first, and everybody in it would wait for
 * that, readers too: 3 to 9 ms at 200 MB, each time.
 */
function schedulingBy(log: Log): Scheduling {
  const all = processors();
  const shell = spawn('sh', { stdio: ['pipe', 'ignore', 'pipe'] });
  const failed = (error: unknown) => log('debug', 'scheduling not changed', { error: describe(error) });
  shell.on('error', failed);
  shell.stdin.on('error', failed);
  shell.stderr.on('data', (said) => log('debug', 'scheduling not changed', { error: String(said).trim() }));
  // it ends with this process: nobody waits for it
  shell.unref();
  for (const pipe of [shell.stdin, shell.stderr]) (pipe as Partial<Socket>).unref?.();
  const run = (...words: (string | number)[]) => void shell.stdin.write(`${words.join(' ')}\n`);
  return {
    place(id, confined) {
      if (all.length > 1) run('taskset', '-c', '-p', (confined ? all.slice(1) : all).join(','), id);
    },
    last: (id) => run('chrt', '-i', '-p', 0, id),
    turns: (id, ns) => run('chrt', '-o', '-T', ns, '-p', 0, id),
    end: () => shell.stdin.end(),
  };
}

let given: number[] | undefined;

/** Numbers of the processors that this process may use, as they were before any of its threads was placed. */
function processors(): number[] {
  given ??= allowed();
  return given;
}

function allowed(): number[] {
  const [, list = ''] = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return list.split(',').flatMap((part) => {
    const [from = 0, to = from] = part.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

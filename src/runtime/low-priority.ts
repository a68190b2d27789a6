// Work that no one waits for stands back behind work that someone does. It has a process of its own, and each connection to
// PostgreSQL is one of the server's: all get a lower priority, and while someone waits they leave one of several processors
// alone (where `taskset` is there), so that a request finds one at once. Their turns are short (where `chrt` is there): anyone who wakes up
// meanwhile does not wait for the end of one. They do not go as far as the idle class: a node that is asked without pause would publish
// hours late, and others may wait for a lock that one of the server's holds. Linux only.
// https://man7.org/linux/man-pages/man7/sched.7.html
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import type { Queryable } from '../db/database.ts';
import type { Log } from '../deps.ts';
import { describe } from '../http/fhir-app.ts';

/** Between two looks for new connections: while there is work, and otherwise. */
const LOOK_MS = { working: 100, idle: 1000 } as const;

/** Work that stands back. */
export type StandingBack = {
  /** Leaves one processor alone, as it does at first, or takes them all. */
  confine(on: boolean): void;
  /** Work has begun, or ended. */
  work(on: boolean): void;
  end: () => void;
};

const NOTHING: StandingBack = { confine: () => {}, work: () => {}, end: () => {} };

/** A turn: anyone who wakes up meanwhile waits no longer (Linux 6.12, util-linux 2.41; 3 ms otherwise). */
const SLICE_NS = 100_000;

/**
 * The calling process, with its threads that collect garbage and compile, and those that it opens afterwards: they begin as the
 * thread that opens them. Elsewhere than on Linux nothing is done.
 */
export function processStandsBack(log: Log): Pick<StandingBack, 'confine' | 'end'> {
  if (process.platform !== 'linux') return NOTHING;
  const { place, turns, end } = scheduling(log);
  for (const thread of readdirSync('/proc/self/task')) lower(Number(thread), log);
  place(process.pid, true);
  turns(process.pid, SLICE_NS);
  return { confine: (on) => place(process.pid, on), end };
}

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

/** @param id of a process or thread; one that is gone meanwhile, or that is not ours, stays as it is. */
function lower(id: number, log: Log): void {
  try {
    setPriority(id, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch (error) {
    log('debug', 'priority not lowered', { error: describe(error) });
  }
}

/** Where the system has no tool for it, or it is refused, the priority has to do. */
type Scheduling = {
  /** A process with all its threads: on all processors but the first, or on all that the program has. */
  place: (id: number, confined: boolean) => void;
  /** Turns of so many nanoseconds, for all threads of a process. */
  turns: (id: number, ns: number) => void;
  end: () => void;
};

let open: Scheduling | undefined;
let users = 0;

/** One for all who stand back in this process: it begins before any of them does, and does not stand back itself. */
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

/** A shell runs the tools: each child of this process would copy its tables of memory first, 3 to 9 ms at 200 MB. */
function schedulingBy(log: Log): Scheduling {
  const all = processors();
  const shell = spawn('sh', { stdio: ['pipe', 'ignore', 'pipe'] });
  const failed = (error: unknown) => log('debug', 'scheduling not changed', { error: describe(error) });
  shell.on('error', failed);
  shell.stdin.on('error', failed);
  shell.stderr.on('data', (said) => log('debug', 'scheduling not changed', { error: String(said).trim() }));
  // it ends with this process: no one waits for it
  shell.unref();
  for (const pipe of [shell.stdin, shell.stderr]) (pipe as Partial<Socket>).unref?.();
  const run = (...words: (string | number)[]) => void shell.stdin.write(`${words.join(' ')}\n`);
  return {
    place(id, confined) {
      if (all.length > 1) run('taskset', '-a', '-c', '-p', (confined ? all.slice(1) : all).join(','), id);
    },
    turns: (id, ns) => run('chrt', '-a', '-o', '-T', ns, '-p', 0, id),
    end: () => shell.stdin.end(),
  };
}

let given: number[] | undefined;

/** Numbers of the processors that this process may use, as they were before it was placed. */
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

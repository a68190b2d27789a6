// What a service needs from the world around it. Made once per process on Node, once per request on Workers.
import type { Config } from './config.ts';
import type { Database } from './db/database.ts';

export type Clock = () => Date;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
/** One JSON object a line. Fields hold ids of ours, counts, codes and durations; never personal data or query values. */
export type Log = (
  level: LogLevel,
  event: string,
  fields?: Record<string, string | number | boolean | undefined>,
) => void;

/** Counters and timings with closed label sets. */
export type Metrics = {
  count(name: MetricName, labels?: Record<string, string>, by?: number): void;
  observe(name: MetricName, seconds: number, labels?: Record<string, string>): void;
  gauge(name: MetricName, value: number, labels?: Record<string, string>): void;
};

export const METRICS = {
  http_requests_total: {
    kind: 'counter',
    help: 'Requests by service, route and status class.',
    labels: ['service', 'route', 'status'],
  },
  http_request_seconds: {
    kind: 'histogram',
    help: 'Response time by service and route.',
    labels: ['service', 'route'],
  },
  pull_steps_total: { kind: 'counter', help: 'Pull steps by state reached.', labels: ['state'] },
  pull_lines_total: { kind: 'counter', help: 'Received lines by outcome.', labels: ['outcome'] },
  attachments_total: {
    kind: 'counter',
    help: 'Linked documents by result.',
    labels: ['result'],
  },
  pulls_open: { kind: 'gauge', help: 'Open pulls by state.', labels: ['state'] },
  exports_total: { kind: 'counter', help: 'Exports by result.', labels: ['result'] },
  export_resources_total: { kind: 'counter', help: 'Resources written to export files.', labels: [] },
  token_requests_total: { kind: 'counter', help: 'Token requests by result.', labels: ['result'] },
  match_members_total: { kind: 'counter', help: 'Members requested by bulk match, by result.', labels: ['result'] },
  clocks_overdue: { kind: 'gauge', help: 'Overdue deadlines by kind.', labels: ['kind'] },
  alerts_standing: { kind: 'gauge', help: 'Active alerts by kind.', labels: ['kind'] },
} as const satisfies Record<
  string,
  { kind: 'counter' | 'histogram' | 'gauge'; help: string; labels: readonly string[] }
>;
export type MetricName = keyof typeof METRICS;

/** Files by key (`a/b/c.ndjson.gz`). A file is visible only when it is complete. */
export type Blobs = {
  /** Writes a whole stream; returns the size in bytes and lower-case hex SHA-256 of what was written. */
  put: (key: string, source: AsyncIterable<Uint8Array>) => Promise<{ bytes: number; sha256: string }>;
  /** Bytes from `start` (inclusive) to `end` (exclusive, default end of file); undefined when there is no such file. */
  get(key: string, range?: { start: number; end?: number }): Promise<AsyncIterable<Uint8Array> | undefined>;
  size(key: string): Promise<number | undefined>;
  /** Keys that begin with a folder (`a/b/`), of files that were never finished too. */
  list(folder: string): Promise<string[]>;
  delete(key: string): Promise<void>;
  /** It holds what someone copies into it, later than it is written: what is not there may come, and what is removed stays where it came from. */
  isCopy?: true;
  /** Bytes that there is room for; absent where that has no meaning. */
  room?: () => Promise<number>;
};

/** Private signing keys as JWK, by use. The public halves are published. */
/** `rsa-client`: signs for servers that take no other family than RSA what `client` signs for all others. */
export type KeyUse = 'token' | 'client' | 'rsa-client' | 'directory' | 'evidence' | 'pseudonym';
export type Keys = {
  /** The private key of a use that signs now: an EC P-384 JWK with `kid` and `alg`; for `rsa-client` an RSA one; for `pseudonym` an oct key. */
  signing(use: KeyUse): Promise<JsonWebKey & { kid: string; alg: string }>;
  /** All published public keys of a use; for `rsa-client` none where there is no such key. */
  published(use: KeyUse): Promise<(JsonWebKey & { kid: string; alg: string })[]>;
};

/** Another thread of this process. */
export type Thread = {
  /** @param moved buffers of the message that go over instead of being copied */
  ask(message: unknown, moved: ArrayBuffer[]): Promise<unknown>;
  close(): void;
};
export type ThreadName = 'units' | 'lines';
export type Threads = { open(name: ThreadName): Thread[] };

export type Deps = {
  config: Config;
  clock: Clock;
  database: Database;
  fetch: typeof fetch;
  blobs: Blobs;
  keys: Keys;
  log: Log;
  metrics: Metrics;
  /** tells the worker of this process that work has come; absent where none runs */
  wake?: () => void;
  /** further threads for long reading; absent where there are none, or only one core */
  threads?: Threads;
};

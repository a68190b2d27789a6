// The load generator: autocannon in a process of its own. Prints `{}` when warm, then the result.
import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';

export type LoadResult = {
  requests: number;
  /** seconds */
  elapsed: number;
  p50: number;
  p99: number;
  /** 429 and 503 with Retry-After */
  later: number;
  /** everything else that is no answer: connections that broke, time-outs, other statuses */
  failed: number;
  /** of those that failed: time-outs, and broken connections */
  timeouts: number;
  broken: number;
};

const [port = '', file = '', seconds = '5', connections = '16', headers = '{}', rate = ''] = process.argv.slice(2);
/** A line is a path, or a whole request as JSON. */
const requests = readFileSync(file, 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => (line.startsWith('{') ? (JSON.parse(line) as autocannon.Request) : { path: line }));
/** 429 and 503 that do not tell when to come back */
let silent = 0;

/** What the parser of a client tells of an answer; headers are names and values in turn. */
type Head = { statusCode: number; headers: string[] };

const run = (duration: number) =>
  autocannon({
    url: `http://127.0.0.1:${port}`,
    connections: Number(connections),
    duration,
    headers: JSON.parse(headers) as Record<string, string>,
    requests,
    ...(rate === '' ? {} : { overallRate: Number(rate) }),
    setupClient: (client) => {
      client.on('headers', (raw) => {
        const head = raw as unknown as Head;
        const says = head.headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'retry-after');
        if ((head.statusCode === 429 || head.statusCode === 503) && !says) silent++;
      });
    },
  });

await run(2);
process.stdout.write('{}\n');
silent = 0;
const r = await run(Number(seconds));
const count = (status: `${number}`) => r.statusCodeStats?.[status]?.count ?? 0;
const later = count('429') + count('503') - silent;
const result: LoadResult = {
  requests: r.requests.total,
  elapsed: r.duration,
  p50: r.latency.p50,
  p99: r.latency.p99,
  later,
  // time-outs are among the errors
  failed: r.errors + r.non2xx - later - count('304'),
  timeouts: r.timeouts,
  broken: r.errors - r.timeouts,
};
process.stdout.write(`${JSON.stringify(result)}\n`);

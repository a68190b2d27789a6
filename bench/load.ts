// The load generator: autocannon in a process of its own. Prints `{}` when warm, then the result.
import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';

const [port = '', file = '', seconds = '5', connections = '16', headers = '{}', rate = ''] = process.argv.slice(2);
/** A line is a path, or a whole request as JSON. */
const requests = readFileSync(file, 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => (line.startsWith('{') ? (JSON.parse(line) as autocannon.Request) : { path: line }));
const run = (duration: number) =>
  autocannon({
    url: `http://127.0.0.1:${port}`,
    connections: Number(connections),
    duration,
    headers: JSON.parse(headers) as Record<string, string>,
    requests,
    ...(rate === '' ? {} : { overallRate: Number(rate) }),
  });

await run(2);
process.stdout.write('{}\n');
const r = await run(Number(seconds));
process.stdout.write(
  `${JSON.stringify({
    requests: r.requests.total,
    elapsed: r.duration,
    p50: r.latency.p50,
    p99: r.latency.p99,
    failed: r.errors + r.timeouts + r.non2xx - (r.statusCodeStats?.['304']?.count ?? 0),
  })}\n`,
);

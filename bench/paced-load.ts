// Requests at a steady pace, whether or not the answers come: what a reader waits is measured, not how much a server can do.
// Prints `{}` when warm; at each SIGUSR2 the latencies since the last one.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

const [port = '', file = '', perSecond = '200'] = process.argv.slice(2);
const paths = readFileSync(file, 'utf8').split('\n').filter(Boolean);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
let waits: number[] = [];
let failed = 0;
let n = 0;

function ask(): void {
  const path = paths[n++ % paths.length] ?? '/';
  const began = performance.now();
  request({ host: '127.0.0.1', port: Number(port), path, agent }, (response) => {
    if (response.statusCode !== 200) failed++;
    response.resume();
    response.once('end', () => waits.push(performance.now() - began));
  })
    .once('error', () => failed++)
    .end();
}

const period = 1000 / Number(perSecond);
let next = performance.now();
setInterval(() => {
  for (; next <= performance.now(); next += period) ask();
}, 1);
setTimeout(() => {
  waits = [];
  process.stdout.write('{}\n');
}, 10_000);
process.on('SIGUSR2', () => {
  const sorted = waits.sort((a, b) => a - b);
  const at = (p: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0;
  process.stdout.write(`${JSON.stringify({ requests: sorted.length, p50: at(0.5), p99: at(0.99), failed })}\n`);
  waits = [];
});
process.on('SIGTERM', () => process.exit(0));

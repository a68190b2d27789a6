// The load generator, a process of its own: as many connections as asked, each with one request on its way. It reads of an answer
// its status, its length and `Retry-After`: two cores are shared with what is measured, so it has to cost little, and it must
// not be late itself when a thousand answers come at once. Prints `{}` when warm, then the result.
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

export type LoadResult = {
  requests: number;
  /** seconds */
  elapsed: number;
  /** milliseconds */
  p50: number;
  p99: number;
  /** 429 and 503 with Retry-After */
  later: number;
  /** everything else that is no answer: connections that broke, time-outs, other statuses */
  failed: number;
  /** of those that failed: time-outs, and broken connections */
  timeouts: number;
  broken: number;
  /** the longest time in milliseconds that this process did not look at its connections */
  late: number;
};

const [port = '', file = '', seconds = '5', connections = '16', headers = '{}', rate = ''] = process.argv.slice(2);
const WARM_MS = 4000;
/** How often it looks around. With a rate that is when requests are sent: a longer pause would count as waiting. */
const TICK_MS = rate === '' ? 20 : 1;
const TIMEOUT_MS = 10_000;

type Question = { path: string; method?: string; body?: string };

/** A line is a path, or a whole request as JSON. */
function requestOf(line: string): Buffer {
  const { path, method = 'GET', body = '' } = line.startsWith('{') ? (JSON.parse(line) as Question) : { path: line };
  const fields = {
    host: `127.0.0.1:${port}`,
    ...(JSON.parse(headers) as Record<string, string>),
    ...(body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${head.join('')}\r\n${body}`);
}

const questions = readFileSync(file, 'utf8').split('\n').filter(Boolean).map(requestOf);
let turn = 0;
const next = (): Buffer => questions[turn++ % questions.length] ?? Buffer.alloc(0);

let counts = { answers: 0, later: 0, other: 0, timeouts: 0, broken: 0, late: 0 };
/** A place for each hundredth of a millisecond: what is soon done takes a fifth of one. */
const PLACES = 100;
let waits = new Uint32Array((TIMEOUT_MS + 5000) * PLACES);
let ended = false;

/** `due`: when its request should have been sent; 0 while it has none on its way. */
type Connection = { socket: Socket; due: number; head: string; rest: number };
const all = new Set<Connection>();
/** With a rate: those that have nothing to do, and requests whose time had come when none of them was there. */
const idle: Connection[] = [];
const owed: number[] = [];

function ask(c: Connection, due: number): void {
  c.due = due;
  c.socket.write(next());
}

/** Whole answers end here. */
function answered(c: Connection, status: number, hasRetryAfter: boolean): void {
  const now = performance.now();
  counts.answers++;
  if (status === 429 || status === 503) counts[hasRetryAfter ? 'later' : 'other']++;
  else if (status !== 304 && (status < 200 || status > 299)) counts.other++;
  const place = Math.min(waits.length - 1, Math.floor((now - c.due) * PLACES));
  waits[place] = (waits[place] ?? 0) + 1;
  c.due = 0;
  if (ended) return;
  const due = rate === '' ? now : owed.shift();
  if (due === undefined) idle.push(c);
  else ask(c, due);
}

const END = '\r\n\r\n';
/** The last chunk of a body of unknown length. There is only one answer on its way, so nothing follows it. */
const LAST_CHUNK = `0${END}`;

/** The last answer's head, whose body is being received: its status and what it told. */
function receive(c: Connection & { status: number; retry: boolean }, data: Buffer): void {
  let at = 0;
  while (at < data.length) {
    if (c.rest === Number.POSITIVE_INFINITY) {
      c.head = (c.head + data.toString('latin1', Math.max(at, data.length - LAST_CHUNK.length))).slice(
        -LAST_CHUNK.length,
      );
      if (c.head !== LAST_CHUNK) return;
      c.head = '';
      c.rest = 0;
      answered(c, c.status, c.retry);
      return;
    }
    if (c.rest > 0) {
      const taken = Math.min(c.rest, data.length - at);
      at += taken;
      c.rest -= taken;
      if (c.rest === 0) answered(c, c.status, c.retry);
      continue;
    }
    const end = c.head === '' ? data.indexOf(END, at) : -1;
    c.head += data.toString('latin1', at, end === -1 ? data.length : end + END.length);
    const close = c.head.indexOf(END);
    if (close === -1) return;
    // what was taken beyond the head belongs to the body
    at = end === -1 ? data.length - (c.head.length - close - END.length) : end + END.length;
    const fields = c.head.slice(0, close).toLowerCase();
    c.head = '';
    c.status = Number(fields.slice(9, 12));
    c.retry = fields.includes('\r\nretry-after:');
    c.rest = fields.includes('\r\ntransfer-encoding: chunked')
      ? Number.POSITIVE_INFINITY
      : Number(/\r\ncontent-length: *(\d+)/.exec(fields)?.[1] ?? 0);
    if (c.rest === 0) answered(c, c.status, c.retry);
  }
}

/** One buffer for all: what is read is looked at before anything else is. */
const shared = Buffer.allocUnsafe(256 * 1024);

function open(): void {
  const onread = {
    buffer: shared,
    callback: (length: number) => {
      receive(c, shared.subarray(0, length));
      return true;
    },
  };
  const socket = connect({ host: '127.0.0.1', port: Number(port), noDelay: true, onread });
  const c = { socket, due: 0, head: '', rest: 0, status: 0, retry: false };
  all.add(c);
  socket.once('connect', () => (rate === '' ? ask(c, performance.now()) : idle.push(c)));
  socket.on('error', () => {}); // its end is counted
  socket.once('close', () => {
    all.delete(c);
    if (ended) return;
    if (c.due !== 0) counts.broken++;
    const place = idle.indexOf(c);
    if (place !== -1) idle.splice(place, 1);
    open();
  });
}

let looked = performance.now();
let owes = performance.now();
setInterval(() => {
  const now = performance.now();
  counts.late = Math.max(counts.late, now - looked - TICK_MS);
  looked = now;
  for (const c of all)
    if (c.due !== 0 && now - c.due > TIMEOUT_MS) {
      counts.timeouts++;
      c.due = 0;
      c.socket.destroy();
    }
  if (rate === '') return;
  for (; owes <= now; owes += 1000 / Number(rate)) {
    const c = idle.pop();
    if (c === undefined) owed.push(owes);
    else ask(c, owes);
  }
}, TICK_MS);

/** The wait that a part of all did not exceed. */
function quantile(part: number): number {
  let left = counts.answers * part;
  const place = waits.findIndex((n) => {
    left -= n;
    return left <= 0;
  });
  return Math.max(0, place) / PLACES;
}

for (let i = 0; i < Number(connections); i++) open();
const begin = (): number => {
  counts = { answers: 0, later: 0, other: 0, timeouts: 0, broken: 0, late: 0 };
  waits = new Uint32Array(waits.length);
  return performance.now();
};
setTimeout(() => {
  process.stdout.write('{}\n');
  const began = begin();
  setTimeout(() => {
    ended = true;
    const { answers, later, other, timeouts, broken, late } = counts;
    const result: LoadResult = {
      requests: answers,
      elapsed: (performance.now() - began) / 1000,
      p50: quantile(0.5),
      p99: quantile(0.99),
      later,
      failed: other + timeouts + broken,
      timeouts,
      broken,
      late: Math.round(late),
    };
    process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
  }, Number(seconds) * 1000);
}, WARM_MS);

// How fast does a peer get a Group's history (`export`), do we take one in (`pull`), and is a batch matched (`match`)?

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGzip } from 'node:zlib';
import { exportJWK, generateKeyPair } from 'jose';
import { openDatabase } from '../src/runtime/node.ts';
import { round } from './compare.ts';
import { BEGIN, type GroupMeasured, type Measured, type Raw } from './exchange-questions.ts';
import { type Answer, type Bench, cpuOf, type Load, load, type Question, type Running, rssOf } from './harness.ts';

/** Records a generated member has at the prior payer, about. */
export const RECORDS_A_MEMBER = 220;

async function both(
  bench: Bench,
  task: string,
  members: number,
  recordsEach: 'yes' | 'no' | number,
  beside?: (prior: Running, measured: Measured) => Promise<Load>,
) {
  const key = JSON.stringify({
    ...(await exportJWK((await generateKeyPair('ES384', { extractable: true })).privateKey)),
    kid: 'bench',
    alg: 'ES384',
  });
  const name = `bench_${task.replaceAll('-', '_')}`;
  const priorUrl = await bench.database(`${name}_prior`);
  bench.note(`${task}: filling two nodes with ${members} members`);
  const priorArgs = [priorUrl, String(members), key, '', String(recordsEach)];
  // what loading took of memory is not what answering takes
  await (await bench.start('exchange-node.ts', ['load', ...priorArgs])).stop();
  const prior = await bench.start('exchange-node.ts', ['prior', ...priorArgs]);
  let priorCpu = cpuOf(prior.pid);
  let database = bench.databaseCpu();
  let restingRss = rssOf(prior.pid);
  let peakRss = restingRss;
  const watch = setInterval(() => (peakRss = Math.max(peakRss, rssOf(prior.pid))), 100);
  const asker = await bench.start('exchange-node.ts', [
    task,
    await bench.database(name),
    String(Math.min(members, 10_000)),
    key,
    String(prior.ready['base']),
  ]);
  let result = await asker.lines.next();
  if (result.value === BEGIN) {
    // what came before is not what is measured
    priorCpu = cpuOf(prior.pid);
    database = bench.databaseCpu();
    restingRss = rssOf(prior.pid);
    peakRss = restingRss;
    result = await asker.lines.next();
  }
  if (result.done === true) throw new Error(`The ${task} gave no result.`);
  const measured = JSON.parse(result.value) as Measured;
  clearInterval(watch);
  const done = {
    measured,
    restingRss,
    peakRss,
    priorUrl,
    priorCpu: cpuOf(prior.pid) - priorCpu,
    databaseCpu: bench.databaseCpu() - database,
    priorRss: rssOf(prior.pid),
  };
  // what is compared with comes after what is measured
  const raw = task.endsWith('pull') ? ((await asker.lines.next()).value as string | undefined) : undefined;
  const more = (await beside?.(prior, measured)) ?? undefined;
  await asker.stop();
  await prior.stop();
  return { ...done, more, raw: raw === undefined ? undefined : (JSON.parse(raw) as Raw) };
}

/** COPY of everything a member may be sent, through gzip. */
async function rawExport(url: string): Promise<{ seconds: number; rows: number; bytes: number }> {
  const database = openDatabase(url, { max: 2 });
  const [count] = await database.sql<
    { n: number; bytes: number }[]
  >`select count(*)::int as n, sum(octet_length(coalesce(shared, body)))::float8 as bytes from exchange.resource where withheld is null and label = 0`;
  const sql = database.dedicated('export');
  const started = performance.now();
  const out = await sql
    .unsafe(
      'copy (select coalesce(shared, body) from exchange.resource where withheld is null and label = 0) to stdout',
    )
    .readable();
  const gzip = createGzip({ level: 1 });
  out.pipe(gzip);
  for await (const _ of gzip);
  const seconds = (performance.now() - started) / 1000;
  await sql.end({ timeout: 0 });
  await database.close();
  return { seconds, rows: count?.n ?? 0, bytes: count?.bytes ?? 0 };
}

const answer = (
  question: string,
  bench: Bench,
  unit: string,
  m: Measured,
  raw: number,
  cpuMs: number,
  databaseCpu: number,
  rssMb: number,
): Answer => ({
  question,
  size: bench.size,
  unit,
  product: Math.round(m.units / m.seconds),
  raw: Math.round(raw),
  ratio: round(m.units / m.seconds / raw, 2),
  cpuMs: round(cpuMs / m.units, 4),
  databaseCpuMs: round(databaseCpu / m.units, 4),
  rssMb,
});

export const exports_: Question = async (bench) => {
  const { measured, priorUrl, priorCpu, databaseCpu, priorRss } = await both(
    bench,
    'export',
    Math.max(1, Math.round(bench.size / RECORDS_A_MEMBER)),
    'yes',
  );
  const raw = await rawExport(priorUrl);
  return answer('export', bench, 'resources/s', measured, raw.rows / raw.seconds, priorCpu, databaseCpu, priorRss);
};

/** Records a member has here, about what a year of one holds. */
const FEW = 50;

/** A Group of `--size` members: their records a second, what a client waits for, and polls of the status beside it. */
export const groupExport: Question = async (bench) => {
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-bench-polls-'));
  const done = await both(bench, 'group-export', bench.size, FEW, async (prior, measured) => {
    const { status, token } = measured as GroupMeasured;
    const file = join(folder, 'paths');
    writeFileSync(file, new URL(status).pathname);
    const ready = { ...prior, ready: { port: new URL(status).port } };
    return load(bench, ready, file, { headers: { authorization: `Bearer ${token}`, accept: 'application/json' } });
  });
  rmSync(folder, { recursive: true, force: true });
  const m = done.measured as GroupMeasured;
  const raw = await rawExport(done.priorUrl);
  const base = answer('', bench, '', m, raw.rows / raw.seconds, done.priorCpu, done.databaseCpu, done.peakRss);
  const rate = (question: string, unit: string, product: number, rawRate: number): Answer => ({
    ...base,
    question,
    unit,
    product: Math.round(product),
    raw: Math.round(rawRate),
    ratio: round(product / rawRate, 2),
  });
  bench.note(
    `${m.members} members, ${m.units} records, ${round(m.bytes / 1e6, 1)} MB in ${round(m.seconds, 2)} s; kick-off ${Math.round(m.kickMs)} ms; one member of a thousand records ready after ${Math.round(m.oneMs)} ms; memory ${done.restingRss} MB before, ${done.peakRss} MB at most`,
  );
  const perMember = m.units / m.members;
  return [
    rate('group-export', 'members/s', m.members / m.seconds, raw.rows / perMember / raw.seconds),
    rate('group-export records', 'resources/s', m.units / m.seconds, raw.rows / raw.seconds),
    rate('group-export bytes', 'MB/s', m.bytes / 1e6 / m.seconds, raw.bytes / 1e6 / raw.seconds),
    ...(done.more ? [{ ...base, question: 'status polls', unit: 'requests/s', ...polls(done.more) }] : []),
  ];
};

const polls = (l: Load) => ({
  product: Math.round(l.rate),
  raw: Math.round(l.rate),
  ratio: 1,
  cpuMs: round(l.cpuMs, 3),
  databaseCpuMs: round(l.databaseCpuMs, 3),
  p50: l.p50,
  p99: l.p99,
  rssMb: l.rssMb,
});

const pullQuestion =
  (task: 'pull' | 'repull'): Question =>
  async (bench) => {
    const members = Math.max(1, Math.round(bench.size / RECORDS_A_MEMBER));
    const { measured, databaseCpu, raw } = await both(bench, task, members, 'yes');
    return answer(
      task,
      bench,
      'resources/s',
      measured,
      measured.units / (raw?.rawSeconds ?? Number.NaN),
      measured.cpuMs,
      databaseCpu,
      measured.rssMb,
    );
  };
export const pull = pullQuestion('pull');
export const repull = pullQuestion('repull');

export const match: Question = async (bench) => {
  const { measured, priorUrl, priorCpu, databaseCpu, priorRss } = await both(bench, 'match', bench.size, 'no');
  const database = openDatabase(priorUrl, { max: 2 });
  const numbers = (
    await database.sql<
      { n: string }[]
    >`select member_number as n from exchange.enrolment order by random() limit ${measured.units}`
  ).map((r) => r.n);
  const started = performance.now();
  await database.sql`select e.member_id from unnest(${numbers}::text[]) n join exchange.enrolment e on e.member_number = n`;
  const seconds = (performance.now() - started) / 1000;
  await database.close();
  return answer('match', bench, 'members/s', measured, numbers.length / seconds, priorCpu, databaseCpu, priorRss);
};

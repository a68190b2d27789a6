// How fast does a peer get a Group's history (`export`), do we take one in (`pull`), and is a batch matched (`match`)?

import { createGzip } from 'node:zlib';
import { exportJWK, generateKeyPair } from 'jose';
import { openDatabase } from '../src/runtime/node.ts';
import { round } from './compare.ts';
import type { Measured } from './exchange-questions.ts';
import { type Answer, type Bench, cpuOf, type Question, rssOf } from './harness.ts';

/** Records a generated member has at the prior payer, about. */
export const RECORDS_A_MEMBER = 220;

async function both(bench: Bench, task: string, members: number, withRecords: boolean) {
  const key = JSON.stringify({
    ...(await exportJWK((await generateKeyPair('ES384', { extractable: true })).privateKey)),
    kid: 'bench',
    alg: 'ES384',
  });
  const priorUrl = await bench.database(`bench_${task}_prior`);
  bench.note(`${task}: filling two nodes with ${members} members`);
  const prior = await bench.start('exchange-node.ts', [
    'prior',
    priorUrl,
    String(members),
    key,
    '',
    withRecords ? 'yes' : 'no',
  ]);
  const priorCpu = cpuOf(prior.pid);
  const database = bench.databaseCpu();
  const asker = await bench.start('exchange-node.ts', [
    task,
    await bench.database(`bench_${task}`),
    String(Math.min(members, 10_000)),
    key,
    String(prior.ready['base']),
  ]);
  const result = await asker.lines.next();
  if (result.done === true) throw new Error(`The ${task} gave no result.`);
  const measured = JSON.parse(result.value) as Measured;
  const done = {
    measured,
    priorUrl,
    priorCpu: cpuOf(prior.pid) - priorCpu,
    databaseCpu: bench.databaseCpu() - database,
    priorRss: rssOf(prior.pid),
  };
  await asker.stop();
  await prior.stop();
  return done;
}

/** COPY of everything a member may be sent, through gzip. */
async function rawExport(url: string): Promise<{ seconds: number; rows: number }> {
  const database = openDatabase(url, { max: 2 });
  const [count] = await database.sql<
    { n: number }[]
  >`select count(*)::int as n from exchange.resource where withheld is null and label = 0`;
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
  return { seconds, rows: count?.n ?? 0 };
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
    true,
  );
  const raw = await rawExport(priorUrl);
  return answer('export', bench, 'resources/s', measured, raw.rows / raw.seconds, priorCpu, databaseCpu, priorRss);
};

const pullQuestion =
  (task: 'pull' | 'repull'): Question =>
  async (bench) => {
    const members = Math.max(1, Math.round(bench.size / RECORDS_A_MEMBER));
    const { measured, databaseCpu } = await both(bench, task, members, true);
    return answer(
      task,
      bench,
      'resources/s',
      measured,
      measured.units / (measured.rawSeconds ?? Number.NaN),
      measured.cpuMs,
      databaseCpu,
      measured.rssMb,
    );
  };
export const pull = pullQuestion('pull');
export const repull = pullQuestion('repull');

export const match: Question = async (bench) => {
  const { measured, priorUrl, priorCpu, databaseCpu, priorRss } = await both(bench, 'match', bench.size, false);
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

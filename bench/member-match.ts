// How long does a peer wait for $member-match, how many are answered, and how long does a batch take, among many members?
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { relabelAfterUpdate } from '../exchange/members/enrolment/relabel.ts';
import { openDatabase } from '../src/runtime/node.ts';
import { compared, round } from './compare.ts';
import { type Answer, type Bench, cpuOf, type Load, load, type Question, type Running, rssOf } from './harness.ts';
import { fillMembers, questionFor } from './many-members.ts';

const US = { npi: '9000000012', name: 'Old Plan' };
const ASKER = { npi: '9000000004', name: 'New Plan' };
/** Different members asked for; each again and again. */
const QUESTIONS = 4000;
/** The rate at which waiting is measured. */
const STEADY = 200;

const pick = (i: number, size: number) => (i * 2_654_435_761) % size;

/** Filled once for the questions of a run. */
async function filled(bench: Bench): Promise<string> {
  const url = await bench.database('bench_members');
  const database = openDatabase(url, { max: 1 });
  const [some] = await database.sql`select 1 from exchange.member limit 1`;
  if (!some) {
    bench.note(`filling a plan with ${bench.size} members`);
    // a node that finds members whom no program has looked at walks all of them, beside what is measured
    await relabelAfterUpdate({ database, clock: () => new Date(), log: () => {} });
    await fillMembers(database.sql, bench.size, bench.note);
  }
  await database.close();
  return url;
}

const node = (bench: Bench, kind: 'product' | 'raw', url: string): Promise<Running> =>
  bench.start('match-node.ts', [kind, url, US.name, US.npi, ASKER.name, ASKER.npi]);

const headersOf = (server: Running) => ({
  authorization: `Bearer ${String(server.ready['token'])}`,
  'content-type': 'application/fhir+json',
});

/** Single matches: as many as can be at 16 connections, and the wait at a steady rate. */
export const memberMatch: Question = async (bench) => {
  const url = await filled(bench);
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-bench-questions-'));
  const file = join(folder, 'questions');
  const requests = Array.from({ length: QUESTIONS }, (_, i) => ({
    path: '/exchange/fhir/Patient/$member-match',
    method: 'POST',
    body: JSON.stringify({
      resourceType: 'Parameters',
      parameter: questionFor(pick(i, bench.size), US, ASKER),
    }),
  }));
  writeFileSync(file, requests.map((r) => JSON.stringify(r)).join('\n'));
  const loads = async (kind: 'product' | 'raw', all: { connections: number; rate?: number }[]): Promise<Load[]> => {
    const server = await node(bench, kind, url);
    try {
      const done: Load[] = [];
      for (const options of all)
        done.push(await load(bench, server, file, { ...options, seconds: 8, headers: headersOf(server) }));
      return done;
    } finally {
      await server.stop();
    }
  };
  const [raw] = await loads('raw', [{ connections: 16 }]);
  // the wait is that of a service that has run for a while: at a steady rate its compiler takes minutes
  const [full, steady] = await loads('product', [{ connections: 16 }, { connections: 16, rate: STEADY }]);
  if (!raw || !full || !steady) throw new Error('A load has a result.');
  rmSync(folder, { recursive: true, force: true });
  const about = { unit: 'requests/s' };
  return [
    { question: 'member-match', ...about, connections: 16, ...compared(bench, full, raw) },
    { question: `member-match at ${STEADY}/s`, ...about, connections: 16, ...compared(bench, steady, raw) },
  ];
};

const BATCH = 10_000;

/** One batch of 10,000, kick-off to the last byte of the Groups; three of four exist. */
export const bulkMatch: Question = async (bench) => {
  const url = await filled(bench);
  const database = openDatabase(url, { max: 1 });
  const server = await node(bench, 'product', url);
  const base = `http://127.0.0.1:${String(server.ready['port'])}/exchange/fhir`;
  const ask = async (path: string, init: RequestInit = {}) =>
    fetch(path, {
      ...init,
      headers: { ...headersOf(server), accept: 'application/fhir+json', prefer: 'respond-async' },
    });
  const run = async (round: number): Promise<{ seconds: number; matched: number }> => {
    const people = Array.from({ length: BATCH }, (_, i) => pick(i + round * BATCH, Math.ceil((bench.size * 4) / 3)));
    const bundles = people.map((i) => ({ name: 'MemberBundle', part: questionFor(i, US, ASKER) }));
    const body = JSON.stringify({ resourceType: 'Parameters', parameter: bundles });
    const started = performance.now();
    const kicked = await ask(`${base}/Group/$bulk-member-match`, { method: 'POST', body });
    if (kicked.status !== 202) throw new Error(`kick-off ${kicked.status} ${await kicked.text()}`);
    const status = kicked.headers.get('content-location') ?? '';
    for (;;) {
      const answer = await ask(status);
      if (answer.status === 200) {
        const manifest = (await answer.json()) as { output: { type: string; url: string }[] };
        let matched = 0;
        for (const f of manifest.output) {
          const text = await (await ask(f.url)).text();
          if (f.type === 'Group') matched += text.match(/"reference":"Patient\//g)?.length ?? 0;
        }
        return { seconds: (performance.now() - started) / 1000, matched };
      }
      if (answer.status !== 202 && answer.status !== 429) throw new Error(`status ${answer.status}`);
      await answer.text();
      await new Promise((r) => setTimeout(r, 500));
    }
  };
  await run(0);
  const cpu = cpuOf(server.pid);
  const databaseCpu = bench.databaseCpu();
  const { seconds, matched } = await run(1);
  const cpuMs = (cpuOf(server.pid) - cpu) / BATCH;
  const databaseCpuMs = (bench.databaseCpu() - databaseCpu) / BATCH;
  bench.note(`${matched} of ${BATCH} matched in ${seconds.toFixed(2)} s`);
  const numbers = Array.from({ length: BATCH }, (_, i) => questionFor(pick(i, bench.size), US, ASKER)).map(
    (q) => (q[1]?.resource as { identifier?: { value: string }[] } | undefined)?.identifier?.[0]?.value ?? '',
  );
  const started = performance.now();
  await database.sql`
    select count(*) from unnest(${numbers}::text[]) n join exchange.member_token t on t.kind = 1 and t.hash = hashtextextended(n, 1)`;
  const raw = BATCH / ((performance.now() - started) / 1000);
  const rssMb = rssOf(server.pid);
  await server.stop();
  await database.close();
  const answer: Answer = {
    question: 'bulk-match',
    size: bench.size,
    unit: 'members/s',
    product: Math.round(BATCH / seconds),
    raw: Math.round(raw),
    ratio: round(BATCH / seconds / raw, 2),
    cpuMs: round(cpuMs, 4),
    databaseCpuMs: round(databaseCpuMs, 4),
    rssMb,
  };
  return answer;
};

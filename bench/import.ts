// How fast does a directory load, into an empty and into a full one? `import` validates every resource, `mirror` takes
// what is known to be valid. Raw: parse each line and COPY it into a table with a key.
import { round } from './compare.ts';
import type { Answer, Bench, Question } from './harness.ts';

type Result = { seconds: number; cpuMs: number; rssMb: number; diskRatio: number };

async function run(bench: Bench, kind: string, database: string): Promise<Result & { databaseCpuMs: number }> {
  const process = await bench.start('import-process.ts', [kind, await bench.database(database), String(bench.size)]);
  const before = bench.databaseCpu();
  const result = await process.lines.next();
  if (result.done === true) throw new Error('The import gave no result.');
  const databaseCpuMs = bench.databaseCpu() - before;
  await process.stop();
  return { ...(JSON.parse(result.value) as Result), databaseCpuMs };
}

async function ask(bench: Bench, question: string, kind: string): Promise<Answer> {
  const raw = await run(bench, 'raw', `bench_${question}_raw`);
  const empty = await run(bench, kind, `bench_${question}`);
  const full = await run(bench, kind, `bench_${question}`);
  const rate = (r: Result) => Math.round(bench.size / r.seconds);
  bench.note(
    `${question}: into the full directory (unchanged) ${rate(full)}/s, disk ${round(empty.diskRatio, 2)} × NDJSON`,
  );
  return {
    question,
    size: bench.size,
    unit: 'resources/s',
    product: rate(empty),
    raw: rate(raw),
    ratio: round(rate(empty) / rate(raw), 2),
    cpuMs: round(empty.cpuMs / bench.size, 4),
    databaseCpuMs: round(empty.databaseCpuMs / bench.size, 4),
    rssMb: empty.rssMb,
  };
}

export const imports: Question = (bench) => ask(bench, 'import', 'validated');
export const mirror: Question = (bench) => ask(bench, 'mirror', 'mirror');

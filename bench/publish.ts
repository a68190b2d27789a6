// How fast is a publication made? `publish`: all its files; `publish-bulk`: the snapshot alone, gzip and hash included.
// Raw: COPY TO STDOUT of the same bodies, received and dropped.
import { round } from './compare.ts';
import type { Answer, Bench, Question } from './harness.ts';

type Result = { seconds: number; bytes: number; cpuMs: number; rssMb: number };

async function run(bench: Bench, kind: string, url: string): Promise<Result & { databaseCpuMs: number }> {
  const process = await bench.start('publish-process.ts', [kind, url]);
  const before = bench.databaseCpu();
  const result = await process.lines.next();
  if (result.done === true) throw new Error('The publication gave no result.');
  const databaseCpuMs = bench.databaseCpu() - before;
  await process.stop();
  return { ...(JSON.parse(result.value) as Result), databaseCpuMs };
}

async function ask(bench: Bench, question: string, kind: string): Promise<Answer> {
  const url = await bench.directory();
  await run(bench, 'raw', url); // warms the pages for both
  const raw = await run(bench, 'raw', url);
  const product = await run(bench, kind, url);
  const rate = (r: Result) => Math.round(bench.size / r.seconds);
  bench.note(
    `${question}: ${round(raw.bytes / product.seconds / 1e6, 0)} MB/s of bodies, raw ${round(raw.bytes / raw.seconds / 1e6, 0)} MB/s`,
  );
  return {
    question,
    size: bench.size,
    unit: 'resources/s',
    product: rate(product),
    raw: rate(raw),
    ratio: round(rate(product) / rate(raw), 2),
    cpuMs: round(product.cpuMs / bench.size, 4),
    databaseCpuMs: round(product.databaseCpuMs / bench.size, 4),
    rssMb: product.rssMb,
  };
}

export const publish: Question = (bench) => ask(bench, 'publish', 'all');
export const publishBulk: Question = (bench) => ask(bench, 'publish-bulk', 'bulk');

// How fast is a plan's enrolment file taken: all that a row leads to (person, coverage, other payer, choice, what matching compares).
import { round } from './compare.ts';
import type { Answer, Bench } from './harness.ts';

type Part = { part: string; seconds: number; cpuMs: number; databaseCpuMs: number; rssMb: number; result: unknown };

async function parts(bench: Bench, kind: string): Promise<Part[]> {
  const url = await bench.database(`bench_enrolment_${kind}`);
  const running = await bench.start('enrolment-process.ts', [kind, url, String(bench.size)]);
  const found: Part[] = [];
  let before = bench.databaseCpu();
  try {
    for (;;) {
      const next = await running.lines.next();
      if (next.done === true) return found;
      const part = JSON.parse(next.value) as Omit<Part, 'databaseCpuMs'>;
      const after = bench.databaseCpu();
      bench.note(`${kind} ${part.part}: ${part.seconds.toFixed(2)} s, ${JSON.stringify(part.result)}`);
      found.push({ ...part, databaseCpuMs: after - before });
      before = after;
    }
  } finally {
    await running.stop();
  }
}

export async function enrolment(bench: Bench): Promise<Answer[]> {
  const raw = await parts(bench, 'raw');
  const product = await parts(bench, 'product');
  return product.map((p, i) => {
    const beside = raw[i]?.seconds ?? Number.NaN;
    return {
      question: `enrolment ${p.part}`,
      size: bench.size,
      unit: 'rows/s',
      product: Math.round(bench.size / p.seconds),
      raw: Math.round(bench.size / beside),
      ratio: round(beside / p.seconds, 2),
      cpuMs: round(p.cpuMs / bench.size, 4),
      databaseCpuMs: round(p.databaseCpuMs / bench.size, 4),
      rssMb: p.rssMb,
    };
  });
}

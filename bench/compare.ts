// Product and raw route under the same load, one after the other in one run.
import { type Answer, type Bench, type Load, load } from './harness.ts';

export async function compare(
  bench: Bench,
  database: string,
  paths: { product: string; raw: string },
  about: { question: string; unit: string; connections: number },
): Promise<Answer> {
  const measure = async (kind: 'product' | 'raw'): Promise<Load> => {
    const server = await bench.start('serve.ts', [kind, database]);
    try {
      return await load(bench, server, paths[kind], { connections: about.connections });
    } finally {
      await server.stop();
    }
  };
  const raw = await measure('raw');
  bench.note(
    `${about.question} raw: ${Math.round(raw.rate)}, CPU ${raw.cpuMs.toFixed(3)} ms + database ${raw.databaseCpuMs.toFixed(3)} ms`,
  );
  const product = await measure('product');
  return { ...about, ...compared(bench, product, raw) };
}

/** The figures of an answer: the product's load beside that of the raw server. */
export function compared(bench: Bench, product: Load, raw: Load): Omit<Answer, 'question' | 'unit'> {
  return {
    size: bench.size,
    product: Math.round(product.rate),
    raw: Math.round(raw.rate),
    ratio: round(product.rate / raw.rate, 2),
    cpuMs: round(product.cpuMs, 3),
    databaseCpuMs: round(product.databaseCpuMs, 3),
    p50: product.p50,
    p99: product.p99,
    rssMb: product.rssMb,
  };
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

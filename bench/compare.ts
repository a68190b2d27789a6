// Product and raw route under the same load, one after the other in one run.
import { type Answer, type Bench, type Load, load, type Running } from './harness.ts';

export type Servers = { product: Running; raw: Running };

/** Both servers of a question, each started once: what is measured is a service that has run for a while. */
export async function withServers<T>(
  bench: Bench,
  database: string,
  work: (servers: Servers) => Promise<T>,
): Promise<T> {
  const raw = await bench.start('serve.ts', ['raw', database]);
  const product = await bench.start('serve.ts', ['product', database]);
  try {
    return await work({ product, raw });
  } finally {
    await Promise.all([product.stop(), raw.stop()]);
  }
}

export async function compare(
  bench: Bench,
  servers: Servers,
  paths: { product: string; raw: string },
  about: { question: string; unit: string; connections: number },
): Promise<Answer> {
  const { connections } = about;
  const raw = await load(bench, servers.raw, paths.raw, { connections });
  bench.note(
    `${about.question} raw: ${Math.round(raw.rate)}, CPU ${raw.cpuMs.toFixed(3)} ms + database ${raw.databaseCpuMs.toFixed(3)} ms`,
  );
  const product = await load(bench, servers.product, paths.product, { connections });
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

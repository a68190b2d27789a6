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
  // A hand-written statement may run out of time in a large directory: then there is nothing to compare with.
  const raw = await load(bench, servers.raw, paths.raw, { connections, mayFail: true });
  bench.note(`${about.question} raw: ${raw.failed === 0 ? told(raw) : `${raw.failed} requests ran out of time`}`);
  const product = await load(bench, servers.product, paths.product, { connections });
  bench.note(`${about.question}: ${told(product)}, p50 ${product.p50} ms, p99 ${product.p99} ms`);
  return { ...about, ...compared(bench, product, raw.failed === 0 ? raw : undefined) };
}

const told = (l: Load) =>
  `${Math.round(l.rate)}/s, CPU ${l.cpuMs.toFixed(3)} ms + database ${l.databaseCpuMs.toFixed(3)} ms`;

/** The figures of an answer: the product's load beside that of the raw server, if it has one. */
export function compared(bench: Bench, product: Load, raw?: Load): Omit<Answer, 'question' | 'unit'> {
  return {
    size: bench.size,
    product: Math.round(product.rate),
    ...(raw === undefined ? {} : { raw: Math.round(raw.rate), ratio: round(product.rate / raw.rate, 2) }),
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

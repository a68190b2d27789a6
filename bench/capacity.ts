// What happens when very many ask at once? A thousand connections beside sixteen, with the searches of the mix that are asked
// most; and more than may wait: every request is answered, or told at once when to come back.
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { round } from './compare.ts';
import { type Answer, type Bench, type Load, load, type Question } from './harness.ts';
import { paths } from './search.ts';
import { MIX } from './search-mix.ts';

const MANY = 1000;
/** More than DIRECTORY_WAITING and the places for work together. */
const TOO_MANY = 3000;
const ASKED = ['read', 'npi', 'name', 'specialty+include', 'deep page'];
/** A search that takes long enough for a queue to form. */
const SLOW = '_has';

/** Requests of several kinds, in turn. */
async function mixed(bench: Bench, url: string, kinds: readonly string[]): Promise<string> {
  const lists: string[][] = [];
  for (const kind of MIX.filter((k) => kinds.includes(k.name)))
    lists.push(readFileSync((await paths(bench, url, kind)).product, 'utf8').split('\n'));
  const longest = Math.max(...lists.map((list) => list.length));
  const file = join(tmpdir(), `payer-node-mixed-${process.pid}`);
  const turns = Array.from({ length: longest }, (_, i) => lists.map((list) => list[i % list.length] ?? ''));
  writeFileSync(file, turns.flat().join('\n'));
  return file;
}

export const capacity: Question = async (bench) => {
  const url = await bench.directory();
  const server = await bench.start('serve.ts', ['product', url]);
  try {
    const usual = await mixed(bench, url, ASKED);
    const few = await load(bench, server, usual, { connections: 16 });
    const many = await load(bench, server, usual, { connections: MANY });
    const slow = await mixed(bench, url, [SLOW]);
    const alone = await load(bench, server, slow, { connections: 16 });
    const past = await load(bench, server, slow, { connections: TOO_MANY, seconds: 8, busy: true });
    bench.note(`past capacity: ${Math.round(past.busy)} a second were told when to come back, none failed`);
    return [
      answer(bench, 'a thousand connections, beside sixteen', MANY, many, few),
      answer(bench, 'past capacity, beside sixteen', TOO_MANY, past, alone),
    ];
  } finally {
    await server.stop();
  }
};

const answer = (bench: Bench, question: string, connections: number, product: Load, few: Load): Answer => ({
  question,
  unit: 'requests/s',
  size: bench.size,
  connections,
  product: Math.round(product.rate),
  raw: Math.round(few.rate),
  ratio: round(product.rate / few.rate, 2),
  cpuMs: round(product.cpuMs, 3),
  databaseCpuMs: round(product.databaseCpuMs, 3),
  p50: product.p50,
  p99: product.p99,
  rssMb: product.rssMb,
});

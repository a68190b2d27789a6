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
/** The machine changes within seconds: both take turns so often, and the pair in the middle is told, with the longest wait of all. */
const PAIRS = 3;
/** More than the longest queue and the places for work together. */
const TOO_MANY = 3000;
const ASKED = ['read', 'npi', 'name', 'specialty+include', 'deep page'];
/** A search that takes long enough for a queue to form. */
const SLOW = '_has';

/** Requests of several kinds, in turn. */
export async function mixed(bench: Bench, url: string, kinds: readonly string[]): Promise<string> {
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
    const pairs: Pair[] = [];
    for (let i = 0; i < PAIRS; i++) {
      const few = await load(bench, server, usual, { connections: 16 });
      pairs.push({ few, many: await load(bench, server, usual, { connections: MANY }) });
    }
    const slow = await mixed(bench, url, [SLOW]);
    const alone = await load(bench, server, slow, { connections: 16 });
    const past = await load(bench, server, slow, { connections: TOO_MANY, seconds: 8, busy: true });
    bench.note(`past capacity: ${Math.round(past.busy)} a second were told when to come back, none failed`);
    return [
      answer(bench, 'a thousand connections, beside sixteen', MANY, inTheMiddle(pairs)),
      answer(bench, 'past capacity, beside sixteen', TOO_MANY, { many: past, few: alone }),
    ];
  } finally {
    await server.stop();
  }
};

type Pair = { few: Load; many: Load };

const beside = ({ few, many }: Pair): number => many.rate / few.rate;

function inTheMiddle(pairs: readonly Pair[]): Pair {
  const middle = [...pairs].sort((a, b) => beside(a) - beside(b))[pairs.length >> 1];
  if (middle === undefined) throw new Error('There were no rounds.');
  const most = (of: (load: Load) => number) => Math.max(...pairs.map(({ many }) => of(many)));
  return { ...middle, many: { ...middle.many, p99: most((l) => l.p99), rssMb: most((l) => l.rssMb) } };
}

const answer = (bench: Bench, question: string, connections: number, pair: Pair): Answer => ({
  question,
  unit: 'requests/s',
  size: bench.size,
  connections,
  product: Math.round(pair.many.rate),
  raw: Math.round(pair.few.rate),
  ratio: round(beside(pair), 2),
  cpuMs: round(pair.many.cpuMs, 3),
  databaseCpuMs: round(pair.many.databaseCpuMs, 3),
  p50: pair.many.p50,
  p99: pair.many.p99,
  rssMb: pair.many.rssMb,
});

// How fast are answers from memory, and 304s? Beside a bare HTTP server that sends the same bytes.
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../src/runtime/node.ts';
import { compared } from './compare.ts';
import { type Answer, type Bench, load, type Question } from './harness.ts';
import { MIX } from './search-mix.ts';

const KIND = 'npi';

export const memory: Question = async (bench) => {
  const url = await bench.directory();
  const kind = MIX.find((k) => k.name === KIND);
  if (!kind) throw new Error(`There is no kind ${KIND}.`);
  const database = openDatabase(url, { max: 1 });
  const values = await kind.sample(database.sql).finally(() => database.close());
  const file = join(tmpdir(), `payer-node-memory-${process.pid}`);
  const paths = values.map((v) => `/directory/fhir/${kind.ask(v)}`);
  writeFileSync(file, paths.join('\n'));
  // an entity tag is good for one question
  const one = `${file}-one`;
  writeFileSync(one, paths[0] ?? '');
  return [await question(bench, url, file, 'from memory'), await question(bench, url, one, 'not modified', paths[0])];
};

async function question(bench: Bench, url: string, file: string, name: string, conditional?: string): Promise<Answer> {
  const measure = async (kind: 'cached' | 'bytes') => {
    const server = await bench.start('serve.ts', [kind, url]);
    try {
      if (conditional === undefined) return await load(bench, server, file);
      const first = await fetch(`http://127.0.0.1:${String(server.ready['port'])}${conditional}`);
      return await load(bench, server, file, { headers: { 'if-none-match': first.headers.get('etag') ?? '' } });
    } finally {
      await server.stop();
    }
  };
  const raw = await measure('bytes');
  const product = await measure('cached');
  return { question: name, unit: 'requests/s', ...compared(bench, product, raw) };
}

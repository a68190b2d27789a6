// How fast is a client told that it has the newest answer to a search (304)? Beside a bare HTTP server that says nothing else.
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../src/runtime/node.ts';
import { compared } from './compare.ts';
import { load, type Question } from './harness.ts';
import { MIX } from './search-mix.ts';

const KIND = 'npi';

export const notModified: Question = async (bench) => {
  const url = await bench.directory();
  const kind = MIX.find((k) => k.name === KIND);
  if (!kind) throw new Error(`There is no kind ${KIND}.`);
  const database = openDatabase(url, { max: 1 });
  const [value = []] = await kind.sample(database.sql).finally(() => database.close());
  // an entity tag is good for one question
  const path = `/directory/fhir/${kind.ask(value)}`;
  const file = join(tmpdir(), `payer-node-not-modified-${process.pid}`);
  writeFileSync(file, path);
  const measure = async (server: 'product' | 'bytes') => {
    const running = await bench.start('serve.ts', [server, url]);
    try {
      const first = await fetch(`http://127.0.0.1:${String(running.ready['port'])}${path}`);
      return await load(bench, running, file, { headers: { 'if-none-match': first.headers.get('etag') ?? '' } });
    } finally {
      await running.stop();
    }
  };
  const raw = await measure('bytes');
  return { question: 'not modified', unit: 'requests/s', ...compared(bench, await measure('product'), raw) };
};

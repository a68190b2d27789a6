// How fast are the searches that clients make? Fifteen kinds, each beside its hand-written statement, under 1, 16 and 200
// connections. `--only name` asks for some kinds, `--connections 16` for some loads,
// `--compact` fills the directory with people and roles only.
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../src/runtime/node.ts';
import { compare, withServers } from './compare.ts';
import type { Answer, Bench, Question } from './harness.ts';
import { type Kind, MIX } from './search-mix.ts';

export async function paths(bench: Bench, url: string, kind: Kind): Promise<{ product: string; raw: string }> {
  const database = openDatabase(url, { max: 1 });
  const values = await kind.sample(database.sql).finally(() => database.close());
  if (values.length === 0) throw new Error(`The directory has nothing for "${kind.name}": choose a larger --size.`);
  const file = (name: string, lines: string[]) => {
    const path = join(tmpdir(), `payer-node-${name}-${process.pid}`);
    writeFileSync(path, lines.join('\n'));
    return path;
  };
  const index = MIX.indexOf(kind);
  bench.note(`${kind.name}: ${values.length} different requests`);
  return {
    product: file(
      'product',
      values.map((v) => `/directory/fhir/${kind.ask(v)}`),
    ),
    raw: file(
      'raw',
      values.map((v) => `/raw/${index}?${new URLSearchParams(v.map((one) => ['v', one]))}`),
    ),
  };
}

const questionOf =
  (kinds: readonly Kind[]): Question =>
  async (bench) => {
    const url = await bench.directory();
    const asked = kinds.filter((k) => bench.only.length === 0 || bench.only.includes(k.name));
    return withServers(bench, url, async (servers) => {
      const answers: Answer[] = [];
      for (const kind of asked.filter((k) => !bench.compact || k.compact)) {
        const files = await paths(bench, url, kind);
        for (const connections of bench.connections)
          answers.push(await compare(bench, servers, files, { question: kind.name, unit: 'requests/s', connections }));
      }
      return answers;
    });
  };

export const search = questionOf(MIX);
/** The two that the other questions are measured by. */
export const read = questionOf(MIX.filter((k) => k.name === 'read'));

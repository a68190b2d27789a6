// npm run bench -- [question…] [--size N] [--json]
import { parseArgs } from 'node:util';
import { exports_, match, pull } from './exchange.ts';
import { type Answer, type Question, withBench } from './harness.ts';
import { imports, mirror } from './import.ts';
import { read } from './read.ts';
import { search } from './search.ts';

const QUESTIONS: Record<string, Question> = { read, search, import: imports, mirror, export: exports_, pull, match };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { size: { type: 'string', default: '20000' }, json: { type: 'boolean', default: false } },
});
const asked = positionals.length === 0 ? Object.keys(QUESTIONS) : positionals;
const unknown = asked.find((q) => QUESTIONS[q] === undefined);
if (unknown !== undefined) {
  process.stderr.write(`"${unknown}" is no question. Questions: ${Object.keys(QUESTIONS).join(', ')}.\n`);
  process.exit(1);
}

const print = (a: Answer) =>
  values.json
    ? `${JSON.stringify(a)}\n`
    : `${a.question}: ${a.product} ${a.unit}, raw ${a.raw}, ratio ${a.ratio}; CPU ${a.cpuMs} ms + database ${a.databaseCpuMs} ms${a.p50 === undefined ? '' : `; p50 ${a.p50} ms, p99 ${a.p99} ms`}; RSS ${a.rssMb} MB (size ${a.size})\n`;

await withBench(
  Number(values.size),
  (text) => process.stderr.write(`${text}\n`),
  async (bench) => {
    for (const name of asked) {
      const answer = await QUESTIONS[name]?.(bench);
      if (answer) process.stdout.write(print(answer));
    }
  },
);

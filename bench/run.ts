// npm run bench -- [question…] [--size N] [--json]
import { parseArgs } from 'node:util';
import { capacity } from './capacity.ts';
import { enrolment } from './enrolment.ts';
import { exports_, groupExport, match, pull, repull } from './exchange.ts';
import { type Answer, type Question, withBench } from './harness.ts';
import { harvest } from './harvest.ts';
import { harvestKill } from './harvest-kill.ts';
import { imports, mirror } from './import.ts';
import { kill } from './kill.ts';
import { bulkMatch, memberMatch } from './member-match.ts';
import { memory } from './memory.ts';
import { overload } from './overload.ts';
import { publish, publishBulk } from './publish.ts';
import { readers } from './readers.ts';
import { read, search } from './search.ts';

const QUESTIONS: Record<string, Question> = {
  'publish-bulk': publishBulk,
  publish,
  read,
  search,
  capacity,
  overload,
  memory,
  import: imports,
  mirror,
  enrolment,
  export: exports_,
  'group-export': groupExport,
  pull,
  repull,
  kill,
  match,
  'member-match': memberMatch,
  'bulk-match': bulkMatch,
  harvest,
  'harvest-kill': harvestKill,
  readers,
};

const HELP = `npm run bench -- [question…] [--size N] [--json]

Questions: ${Object.keys(QUESTIONS).join(', ')}; all of them when none is named.
--size N   resources or members, a whole number of 1 or more (default 20000)
--only KIND         of the searches, these; repeat it
--connections N     requests at once; repeat it (searches: 1, 16 and 200)
--compact           directories of people and roles only, of a few lines each: ten million fit
--json     one object a line; figures that do not apply are left out
`;

function refuse(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        size: { type: 'string', default: '20000' },
        only: { type: 'string', multiple: true, default: [] },
        connections: { type: 'string', multiple: true, default: [] },
        compact: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    refuse(`${error instanceof Error ? error.message : String(error)}. See npm run bench -- --help.`);
  }
}

const { values, positionals } = readArguments();
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const size = Number(values.size);
if (!Number.isSafeInteger(size) || size < 1) refuse('--size must be a whole number of 1 or more.');
const asked = positionals.length === 0 ? Object.keys(QUESTIONS) : positionals;
const unknown = asked.find((q) => QUESTIONS[q] === undefined);
if (unknown !== undefined) refuse(`"${unknown}" is no question. Questions: ${Object.keys(QUESTIONS).join(', ')}.`);

const print = (a: Answer) =>
  values.json
    ? `${JSON.stringify(a)}\n`
    : `${a.question}${a.connections === undefined ? '' : ` (${a.connections} connections)`}: ${a.product} ${a.unit}${a.raw === undefined ? '' : `, raw ${a.raw}, ratio ${a.ratio}`}; CPU ${a.cpuMs} ms + database ${a.databaseCpuMs} ms${a.p50 === undefined ? '' : `; p50 ${a.p50} ms, p99 ${a.p99} ms`}; RSS ${a.rssMb} MB (size ${a.size})\n`;

const connections = values.connections.length === 0 ? [1, 16, 200] : values.connections.map(Number);
if (connections.some((n) => !Number.isSafeInteger(n) || n < 1))
  refuse('--connections must be a whole number of 1 or more.');

await withBench(
  { size, compact: values.compact, only: values.only, connections },
  (text) => process.stderr.write(`${text}\n`),
  async (bench) => {
    for (const name of asked) {
      const answers = await QUESTIONS[name]?.(bench);
      for (const answer of [answers ?? []].flat()) process.stdout.write(print(answer));
    }
  },
);

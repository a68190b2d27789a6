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
import { notModified } from './not-modified.ts';
import { overload } from './overload.ts';
import { publish, publishBulk } from './publish.ts';
import { readers } from './readers.ts';
import { read, search } from './search.ts';

/** Each with the size that it has when none is named: large enough that what a start costs does not count, done within some minutes. */
const QUESTIONS: Record<string, { ask: Question; size: number }> = {
  read: { ask: read, size: 100_000 },
  search: { ask: search, size: 100_000 },
  capacity: { ask: capacity, size: 100_000 },
  overload: { ask: overload, size: 100_000 },
  'not-modified': { ask: notModified, size: 100_000 },
  'publish-bulk': { ask: publishBulk, size: 100_000 },
  publish: { ask: publish, size: 100_000 },
  import: { ask: imports, size: 60_000 },
  mirror: { ask: mirror, size: 60_000 },
  enrolment: { ask: enrolment, size: 20_000 },
  export: { ask: exports_, size: 60_000 },
  'group-export': { ask: groupExport, size: 1000 },
  pull: { ask: pull, size: 100_000 },
  repull: { ask: repull, size: 100_000 },
  kill: { ask: kill, size: 100_000 },
  match: { ask: match, size: 20_000 },
  'member-match': { ask: memberMatch, size: 100_000 },
  'bulk-match': { ask: bulkMatch, size: 50_000 },
  harvest: { ask: harvest, size: 100_000 },
  'harvest-kill': { ask: harvestKill, size: 100_000 },
  readers: { ask: readers, size: 30_000 },
};

const HELP = `npm run bench -- [question…] [--size N] [--json]

Questions, each with its own size, all of them when none is named:
${Object.entries(QUESTIONS)
  .map(([name, { size }]) => `  ${name.padEnd(14)}${String(size).padStart(8)}`)
  .join('\n')}

--size N   resources or members instead, a whole number of 1 or more
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
        size: { type: 'string' },
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
const size = values.size === undefined ? undefined : Number(values.size);
if (size !== undefined && (!Number.isSafeInteger(size) || size < 1))
  refuse('--size must be a whole number of 1 or more.');
/** What is asked, by size: one of a size has its directory filled once. */
const bySize = new Map<number, Question[]>();
for (const name of positionals.length === 0 ? Object.keys(QUESTIONS) : positionals) {
  const question = QUESTIONS[name];
  if (question === undefined) refuse(`"${name}" is no question. Questions: ${Object.keys(QUESTIONS).join(', ')}.`);
  const of = size ?? question.size;
  bySize.set(of, [...(bySize.get(of) ?? []), question.ask]);
}

const print = (a: Answer) =>
  values.json
    ? `${JSON.stringify(a)}\n`
    : `${a.question}${a.connections === undefined ? '' : ` (${a.connections} connections)`}: ${a.product} ${a.unit}${a.raw === undefined ? '' : `, raw ${a.raw}, ratio ${a.ratio}`}; CPU ${a.cpuMs} ms + database ${a.databaseCpuMs} ms${a.p50 === undefined ? '' : `; p50 ${a.p50} ms, p99 ${a.p99} ms`}; RSS ${a.rssMb} MB (size ${a.size})\n`;

const connections = values.connections.length === 0 ? [1, 16, 200] : values.connections.map(Number);
if (connections.some((n) => !Number.isSafeInteger(n) || n < 1))
  refuse('--connections must be a whole number of 1 or more.');

for (const [of, questions] of bySize)
  await withBench(
    { size: of, compact: values.compact, only: values.only, connections },
    (text) => process.stderr.write(`${text}\n`),
    async (bench) => {
      for (const ask of questions)
        for (const answer of [(await ask(bench)) ?? []].flat()) process.stdout.write(print(answer));
    },
  );

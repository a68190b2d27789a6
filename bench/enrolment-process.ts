// Enrolment files in a process of its own: one of `size` rows at first, the same once more, and one in which a row of a hundred
// changed. `raw`: the same files parsed, copied and merged by key. Prints `{}` when ready, then a line for each file.
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { importMembers } from '../exchange/members/enrolment/import-members.ts';
import { readConfig } from '../src/config.ts';
import { copyField } from '../src/db/database.ts';
import type { Deps } from '../src/deps.ts';
import { csvRows } from '../src/import/csv-rows.ts';
import { ENROLMENT_COLUMNS } from '../src/import/enrolment-columns.ts';
import { noMetrics } from '../src/runtime/no-metrics.ts';
import { openDatabase } from '../src/runtime/node.ts';
import { enrolmentHeader, enrolmentLine, enrolmentRow } from '../src/seed/index.ts';

const SEED = 20_270_101;
const CHANGED = 100;

const [kind = '', url = '', size = ''] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'payer-node-bench-enrolment-'));
const database = openDatabase(url, { max: 4 });
const deps = {
  config: readConfig({ BASE_URL: 'https://plan.example', DATA_DIR: folder }),
  clock: () => new Date(),
  database,
  metrics: noMetrics,
} as unknown as Deps;

/** People of whom the plan has no records: their Patients are made of the rows. Of every hundredth the end of coverage is told later. */
function* lines(isLater: boolean): Generator<string> {
  yield `${enrolmentHeader()}\n`;
  for (let i = 0, n = 0; n < Number(size); i++) {
    const row = enrolmentRow(SEED, i, 'current');
    if (!row) continue;
    const ends = isLater && n % CHANGED === 0 ? { coverage_end: '2027-12-31' } : {};
    yield `${enrolmentLine({ ...row, patient_id: '', ...ends })}\n`;
    n++;
  }
}

async function take(path: string): Promise<unknown> {
  const { enrolment, refused } = await importMembers(deps, {
    records: Readable.from([]) as never,
    enrolment: path,
    validate: () => [],
    reject: (r) => {
      throw new Error(`${r.code}: ${r.reason}`);
    },
  });
  return { ...enrolment, refused };
}

/** The least that keeps a file of people: parsed, copied, and merged by the card where it differs. */
async function raw(path: string): Promise<unknown> {
  const sql = database.dedicated('copy');
  const columns = ENROLMENT_COLUMNS.map((c) => `${c} text`).join(', ');
  await sql.unsafe(`create table if not exists public.raw (${columns}, primary key (member_number))`);
  await sql.unsafe(`create temp table staged (${columns})`);
  const into = await sql.unsafe('copy staged from stdin').writable();
  await pipeline(async function* () {
    let text = '';
    for await (const { values } of csvRows(path)) {
      text += `${ENROLMENT_COLUMNS.map((c) => copyField(values[c] ?? '')).join('\t')}\n`;
      if (text.length < 65_536) continue;
      yield text;
      text = '';
    }
    yield text;
  }, into);
  const set = ENROLMENT_COLUMNS.map((c) => `${c} = excluded.${c}`).join(', ');
  const written = await sql.unsafe(
    `insert into public.raw as r select * from staged on conflict (member_number) do update set ${set} where r.* is distinct from excluded.*`,
  );
  await sql.end();
  return { written: written.count };
}

process.stdout.write('{}\n');
try {
  for (const part of ['first', 'same', 'change']) {
    const path = join(folder, 'enrolment.csv');
    await pipeline(Readable.from(lines(part === 'change')), createWriteStream(path));
    const cpu = process.cpuUsage();
    const started = performance.now();
    let peak = 0;
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 100);
    const result = await (kind === 'raw' ? raw(path) : take(path));
    clearInterval(watch);
    const used = process.cpuUsage(cpu);
    const seconds = (performance.now() - started) / 1000;
    const cpuMs = (used.user + used.system) / 1000;
    process.stdout.write(`${JSON.stringify({ part, seconds, cpuMs, rssMb: Math.round(peak / 1048576), result })}\n`);
  }
} finally {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
}

// An import in a process of its own: `validated`, `mirror` or `raw`. Prints `{}` when ready, then the result.
import { setImmediate } from 'node:timers/promises';
import { type ImportEntry, importResources } from '../directory/resource/resource-import.ts';
import { copyField } from '../src/db/database.ts';
import { openDatabase } from '../src/runtime/node.ts';
import { generated } from './data.ts';
import { BASE } from './harness.ts';
import { validateForImport } from './validate.ts';

const [kind = '', url = '', size = ''] = process.argv.slice(2);
const database = openDatabase(url, { max: 2 });

/** Generation is not part of the question: chunks of lines are made before the clock runs over them. */
async function* untimed(source: Iterable<ImportEntry>, paused: { ms: number }): AsyncGenerator<ImportEntry> {
  const iterator = source[Symbol.iterator]();
  for (;;) {
    const started = performance.now();
    const chunk: ImportEntry[] = [];
    for (let next = iterator.next(); chunk.length < 20 && next.done !== true; next = iterator.next())
      chunk.push(next.value);
    paused.ms += performance.now() - started;
    if (chunk.length === 0) return;
    yield* chunk;
  }
}

/** Parse each line and copy it into a table with a key: the least that any import does. */
async function raw(entries: AsyncIterable<ImportEntry>): Promise<void> {
  const sql = database.dedicated('copy');
  await sql.unsafe(
    'create table if not exists public.raw (id text primary key, type text not null, body text not null)',
  );
  let lines: string[] = [];
  const flush = async () => {
    const into = await sql.unsafe('copy public.raw from stdin').writable();
    const done = new Promise((ok) => into.once('finish', ok));
    into.end(lines.join(''));
    lines = [];
    await done;
  };
  let running: Promise<void> = Promise.resolve();
  let n = 0;
  for await (const entry of entries) {
    if (!('text' in entry)) continue;
    const { resourceType, id } = JSON.parse(entry.text) as { resourceType: string; id: string };
    lines.push(`${resourceType}/${id}\t${resourceType}\t${copyField(entry.text)}\n`);
    if (++n % 16 === 0) await setImmediate();
    if (lines.length === 2000) {
      await running;
      running = flush();
    }
  }
  await running;
  await flush();
  await sql.end();
}

process.stdout.write('{}\n');
const paused = { ms: 0 };
const counted = generated(Number(size));
const entries = untimed(counted.entries, paused);
const cpu = process.cpuUsage();
const started = performance.now();
let peak = 0;
const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 200);
if (kind === 'raw') await raw(entries);
else
  await importResources(database, entries, {
    base: BASE,
    clock: () => new Date(),
    ...(kind === 'validated' ? { validate: validateForImport } : {}),
  });
clearInterval(watch);
const seconds = (performance.now() - started - paused.ms) / 1000;
const used = process.cpuUsage(cpu);
const [disk] = await database.sql<{ bytes: string }[]>`
  select (pg_total_relation_size('directory.resource') + pg_total_relation_size('directory.lookup')
    + pg_total_relation_size('directory.words') + pg_total_relation_size('directory.dates'))::text as bytes`;
await database.close();
process.stdout.write(
  `${JSON.stringify({
    seconds,
    cpuMs: (used.user + used.system) / 1000 - paused.ms,
    rssMb: Math.round(peak / 1048576),
    diskRatio: Number(disk?.bytes ?? 0) / counted.bytes,
  })}\n`,
);

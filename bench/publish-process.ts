// A publication in a process of its own: `all` its parts, `bulk` alone, or `raw`, a COPY of the same bodies to nowhere.
// Prints `{}` when ready, then the result.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PARTS } from '../directory/publish/make-publication.ts';
import { publishNow } from '../directory/publish/work.ts';
import { readConfig } from '../src/config.ts';
import { fileBlobs, openDatabase } from '../src/runtime/node.ts';

const [kind = '', url = ''] = process.argv.slice(2);
const database = openDatabase(url, { max: 4 });
const folder = mkdtempSync(join(tmpdir(), 'payer-node-bench-publish-'));

async function raw(): Promise<number> {
  const sql = database.dedicated('copy');
  const stream = await sql.unsafe('copy (select body from directory.resource where not deleted) to stdout').readable();
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Uint8Array).length;
  await sql.end({ timeout: 0 });
  return bytes;
}

process.stdout.write('{}\n');
const cpu = process.cpuUsage();
const started = performance.now();
let peak = 0;
const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 100);
let bytes = 0;
if (kind === 'raw') bytes = await raw();
else {
  const deps = {
    config: readConfig({ BASE_URL: 'https://bench.example' }),
    clock: () => new Date(),
    database,
    blobs: fileBlobs(folder),
    log: () => {},
  };
  const made = await publishNow(deps, kind === 'bulk' ? ['bulk'] : PARTS);
  if (made === 'busy') throw new Error('another process is publishing');
}
const seconds = (performance.now() - started) / 1000;
clearInterval(watch);
const used = process.cpuUsage(cpu);
await database.close();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(
  `${JSON.stringify({ seconds, bytes, cpuMs: (used.user + used.system) / 1000, rssMb: Math.round(peak / 1048576) })}\n`,
);

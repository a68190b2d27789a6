// A node that harvests a local peer, in a process of its own: the whole, the same again, one record of a hundred changed, then
// merging and linking. Prints `{}` when ready, then a line for each part.

import { peerClient } from '../directory/federation/client.ts';
import { fileBytes, fileRecords } from '../directory/federation/harvest/files.ts';
import { harvestPeer } from '../directory/federation/harvest/run.ts';
import { linkDue } from '../directory/federation/link.ts';
import { mergeDue } from '../directory/federation/merge.ts';
import { copyIn } from '../src/db/copy.ts';
import { copyField } from '../src/db/database.ts';
import { harvesting, peerOf, register } from './harvest-deps.ts';

const [url = '', peers = ''] = process.argv.slice(2);
const deps = harvesting(url);
const { database } = deps;

async function timed(part: string, work: () => Promise<unknown>): Promise<void> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 100);
  const result = await work();
  clearInterval(watch);
  const used = process.cpuUsage(cpu);
  process.stdout.write(
    `${JSON.stringify({ part, seconds: (performance.now() - started) / 1000, cpuMs: (used.user + used.system) / 1000, rssMb: Math.round(peak / 1_048_576), result })}\n`,
  );
}

const bases = peers.split(',');
await register(deps, bases);
process.stdout.write('{}\n');

await timed('raw', async () => {
  const client = peerClient(deps, await peerOf(deps, 'peer0'));
  const sql = database.dedicated('copy');
  await sql.unsafe('create unlogged table public.raw_line (body text not null)');
  const { value } = await client.json(`${bases[0]}/fhir/$bulk-publish`);
  const files = (value as { output: { url: string }[] }).output;
  async function* rows() {
    for (const f of files)
      for await (const r of fileRecords(fileBytes(client, f.url))) if ('text' in r) yield copyField(r.text);
  }
  const n = await copyIn(sql, 'copy public.raw_line from stdin', rows());
  await sql.unsafe('drop table public.raw_line');
  await sql.end();
  return n;
});
for (const part of ['first', 'same', 'change']) {
  await deps.fetch(`${bases[0]}/part/${part}`);
  await timed(part, async () => (await harvestPeer(deps, await peerOf(deps, 'peer0'))).state);
}
if (bases[1]) {
  await harvestPeer(deps, await peerOf(deps, 'peer1'));
  await timed('merge', () => mergeDue(deps));
  await timed('link', () => linkDue(deps));
}
await database.close();
process.exit(0);

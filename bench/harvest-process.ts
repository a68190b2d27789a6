// A node that harvests a local peer, in a process of its own: the whole, the same again, one record of a hundred changed, then
// merging and linking. Prints `{}` when ready, then a line for each part.

import { type FederationDeps, peerClient } from '../directory/federation/client.ts';
import { fileBytes, fileRecords } from '../directory/federation/harvest/files.ts';
import { harvestPeer } from '../directory/federation/harvest/run.ts';
import { linkDue } from '../directory/federation/link.ts';
import { mergeDue } from '../directory/federation/merge.ts';
import { addPeer } from '../directory/federation/registry.ts';
import { findPeer, type Peer } from '../directory/federation/store/peer.ts';
import { readConfig } from '../src/config.ts';
import { openDatabase } from '../src/runtime/node.ts';
import { guardedFetch } from '../src/runtime/node-fetch.ts';
import { copyIn } from '../src/store/copy.ts';
import { copyField } from '../src/store/database.ts';

const [url = '', peers = ''] = process.argv.slice(2);
const database = openDatabase(url, { max: 4 });
const config = readConfig({ BASE_URL: 'https://plan.example', PEER_ALLOWED_NETWORKS: '127.0.0.0/8' });
const deps: FederationDeps = {
  config,
  clock: () => new Date(),
  database,
  fetch: guardedFetch({ allowLoopback: true, allowedNetworks: config.peerAllowedNetworks }),
  blobs: {} as never,
  log: (level, event, fields) =>
    void (level === 'info' || process.stderr.write(`${level} ${event} ${JSON.stringify(fields)}\n`)),
};

async function peerOf(slug: string): Promise<Peer> {
  const peer = await findPeer(database.sql, slug);
  if (!peer) throw new Error(`no peer ${slug}`);
  return peer;
}

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
for (const [i, base] of bases.entries()) {
  const added = await addPeer(
    deps,
    { slug: `peer${i}`, name: `Peer ${i}`, url: `${base}/fhir/$bulk-publish`, perSecond: 100_000 },
    'bench',
  );
  if (!added.ok) throw new Error(added.fault);
  await database.sql`update federation.peer set probed_at = now()`;
}
process.stdout.write('{}\n');

await timed('raw', async () => {
  const client = peerClient(deps, await peerOf('peer0'));
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
  await timed(part, async () => (await harvestPeer(deps, await peerOf('peer0'))).state);
}
if (bases[1]) await harvestPeer(deps, await peerOf('peer1'));
await timed('merge', () => mergeDue(deps));
await timed('link', () => linkDue(deps));
await database.close();
process.exit(0);

// What the processes that harvest have in common.
import type { FederationDeps } from '../directory/federation/client.ts';
import { findPeer, type Peer } from '../directory/federation/peer.ts';
import { addPeer } from '../directory/federation/registry.ts';
import { readConfig } from '../src/config.ts';
import { openDatabase } from '../src/runtime/node.ts';
import { guardedFetch } from '../src/runtime/node-fetch.ts';
import { threads } from '../src/runtime/threads.ts';

export type HarvestingDeps = FederationDeps & { database: ReturnType<typeof openDatabase> };

export function harvesting(url: string, name?: string): HarvestingDeps {
  const config = readConfig({ BASE_URL: 'https://plan.example', PEER_ALLOWED_NETWORKS: '127.0.0.0/8' });
  const beside = threads();
  return {
    ...(beside ? { threads: beside } : {}),
    config,
    clock: () => new Date(),
    database: openDatabase(url, { max: 4, ...(name === undefined ? {} : { name, alone: true }) }),
    fetch: guardedFetch({ allowLoopback: true, allowedNetworks: config.peerAllowedNetworks }),
    blobs: {} as never,
    log: (level, event, fields) =>
      void (level === 'info' || process.stderr.write(`${level} ${event} ${JSON.stringify(fields)}\n`)),
  };
}

/** Registers peers by their bases, probed as it were. @returns their slugs */
export async function register(deps: HarvestingDeps, bases: readonly string[]): Promise<string[]> {
  const slugs: string[] = [];
  for (const [i, base] of bases.entries()) {
    const slug = `peer${i}`;
    const added = await addPeer(
      deps,
      { slug, name: `Peer ${i}`, url: `${base}/fhir/$bulk-publish`, perSecond: 100_000 },
      'bench',
    );
    if (!added.ok) throw new Error(added.fault);
    slugs.push(slug);
  }
  await deps.database.sql`update federation.peer set probed_at = now()`;
  return slugs;
}

export async function peerOf(deps: HarvestingDeps, slug: string): Promise<Peer> {
  const peer = await findPeer(deps.database.sql, slug);
  if (!peer) throw new Error(`no peer ${slug}`);
  return peer;
}

// A node that harvests, with a clock moved by hand and waits that cost nothing.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { FederationDeps } from '../../../directory/federation/client.ts';
import { harvestPeer } from '../../../directory/federation/harvest/run.ts';
import { runTypes } from '../../../directory/federation/harvest/run-rows.ts';
import { findPeer } from '../../../directory/federation/peer.ts';
import { FLAGS } from '../../../directory/federation/record.ts';
import { addPeer } from '../../../directory/federation/registry.ts';
import { readConfig } from '../../../src/config.ts';
import { fileBlobs } from '../../../src/runtime/node.ts';
import { guardedFetch } from '../../../src/runtime/node-fetch.ts';
import type { Tuning } from '../../../src/tuning.ts';
import { freshDb } from '../../support/db.ts';

export async function world(env: Record<string, string> = {}, tuning: Partial<Tuning> = {}) {
  const database = await freshDb({ lines: 2 });
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-federation-'));
  const state = { now: new Date('2027-03-01T12:00:00Z'), waited: [] as number[] };
  const config = readConfig({ BASE_URL: 'https://plan.example', PEER_ALLOWED_NETWORKS: '127.0.0.0/8', ...env }, tuning);
  const outgoing = guardedFetch({ allowLoopback: true, allowedNetworks: config.peerAllowedNetworks });
  const lines: Record<string, unknown>[] = [];
  const deps: FederationDeps = {
    config,
    clock: () => state.now,
    database,
    fetch: outgoing,
    blobs: fileBlobs(folder),
    log: (level, event, fields) => lines.push({ level, event, ...fields }),
    wait: async (ms) => void state.waited.push(ms),
  };
  return {
    deps,
    state,
    lines,
    sql: database.sql,
    database,
    add: (slug: string, url: string, more: object = {}) =>
      addPeer(deps, { slug, name: slug, url, perSecond: 10_000, ...more }, 'test'),
    async harvest(slug: string) {
      const peer = await findPeer(database.sql, slug);
      if (!peer) throw new Error(`no peer ${slug}`);
      const done = await harvestPeer(deps, peer);
      const types = done.run === '' ? [] : await runTypes(database.sql, done.run);
      return { ...done, types };
    },
    peer: async (slug: string) => {
      const peer = await findPeer(database.sql, slug);
      if (!peer) throw new Error(`no peer ${slug}`);
      return peer;
    },
    /** records of a peer by state: `l` live, `e` ended, `h` held, `t` tombstone */
    async counts(slug: string): Promise<Record<string, number>> {
      const rows = await database.sql<
        { state: string; n: number }[]
      >`select state::text as state, count(*)::int as n from federation.source where peer = ${slug} group by 1`;
      return Object.fromEntries(rows.map((r) => [r.state, r.n]));
    },
    async keys(slug: string, state = 'l'): Promise<string[]> {
      return (
        await database.sql<
          { key: string }[]
        >`select key from federation.source where peer = ${slug} and state = ${state}::"char" order by key`
      ).map((r) => r.key);
    },
    day: (n = 1) => {
      state.now = new Date(state.now.getTime() + n * 86_400_000);
    },
    async close() {
      // whatever happened: each record has its text, and no text is there without a record or one that waits
      const [texts] = await database.sql<{ lost: number; idle: number }[]>`select
        (select count(*) from federation.source s where not exists (select from federation.content t where t.id = s.content))::int as lost,
        (select count(*) from federation.content t where not exists (select from federation.source s where s.content = t.id)
          and not exists (select from federation.incoming i where i.content = t.id))::int as idle`;
      // and what is said to stand does
      const miscounted = await database.sql`
        select * from (
          select peer, type, count(*) filter (where state = 'l') as l, count(*) filter (where state = 'e') as e, count(*) filter (where state = 'h') as h,
            count(*) filter (where state = 't') as t, ${database.sql.unsafe(
              Object.entries(FLAGS)
                .map(([f, bit]) => `count(*) filter (where state <> 't' and flags & ${bit} > 0) as ${f}`)
                .join(', '),
            )} from federation.source group by 1, 2) s
        full join federation.standing t using (peer, type, l, e, h, t, npi, network, name, address, taxonomy)
        where (s.* is null or t.* is null) and l + e + h + t > 0`;
      // and what a record is called leads to it, and nothing else does
      const misnamed = await database.sql`
        select * from (select distinct t as token, s.rk from federation.source s, unnest(s.names) t) s
        full join federation.name n using (token, rk) where s.* is null or n.* is null`;
      await outgoing.close();
      await database.close();
      rmSync(folder, { recursive: true, force: true });
      expect(texts).toEqual({ lost: 0, idle: 0 });
      expect([...miscounted]).toEqual([]);
      expect([...misnamed]).toEqual([]);
    },
  };
}
export type World = Awaited<ReturnType<typeof world>>;

// Counts of peers for pages.
import type { Queryable } from '../../src/db/database.ts';

export type PeerOverview = {
  slug: string;
  name: string;
  state: string;
  live: number;
  gone: number;
  lastAt: Date | null;
  lastState: string | null;
  waiting: string | null;
};

/** Every peer with its records and its last run. standing_pkey, run_peer */
export async function peerOverview(sql: Queryable): Promise<PeerOverview[]> {
  return sql<PeerOverview[]>`
    select p.slug, p.name, p.state, coalesce(s.live, 0)::int as live, coalesce(s.gone, 0)::int as gone, r.ended_at as "lastAt", r.state as "lastState",
      (select id::text from federation.run w where w.peer = p.slug and w.state = 'quarantined' order by w.id desc limit 1) as waiting
    from federation.peer p
    left join lateral (select sum(l) as live, sum(e + t) as gone from federation.standing where peer = p.slug) s on true
    left join lateral (select ended_at, state from federation.run where peer = p.slug and ended_at is not null order by id desc limit 1) r on true
    order by p.slug`;
}

/** Findings of a peer by code. finding_peer */
export async function findingCounts(
  sql: Queryable,
  peer: string,
): Promise<{ code: string; n: number; example: string | null }[]> {
  return sql<{ code: string; n: number; example: string | null }[]>`
    select f.code, count(*)::int as n, min(s.key) as example from federation.finding f left join federation.source s on s.rk = f.rk
    where f.peer = ${peer} group by 1 order by 2 desc`;
}

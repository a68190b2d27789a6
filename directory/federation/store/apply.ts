// Writing what was decided about one type of one run.
import type { Queryable } from '../../../src/store/database.ts';
import { type Settling, values } from './settle.ts';

/** Absent from so many complete runs and for so many days: both must be past. */
export const TOMBSTONE = { runs: 3, days: 14 } as const;

/**
 * Writes what was decided, in the transaction of the caller. source_pkey, missing_pkey.
 * @returns records that became tombstones
 */
export async function apply(sql: Queryable, s: Settling, now: Date): Promise<number> {
  const at = now.toISOString();
  await sql.unsafe(
    `insert into federation.source as s (rk, base_rk, line_hash, peer, type, state, flags, first_seen, content_changed_at, peer_updated,
       changed_run, key, source_id, hash, raw)
     select c.rk, i.base_rk, i.line_hash, $3, i.type, i.state, i.flags, $4, $4, i.updated, $1::bigint, c.key, i.source_id, i.hash, i.raw
     from federation.change c join federation.incoming i on i.run = c.run and i.type = c.type and i.seq = c.seq
     where c.run = $1::bigint and c.type = $2::smallint and c.action in ('c', 'u', 'r') order by c.rk
     on conflict (rk) do update set base_rk = excluded.base_rk, line_hash = excluded.line_hash, state = excluded.state, flags = excluded.flags,
       content_changed_at = case when s.hash = excluded.hash and s.state <> 't' then s.content_changed_at else excluded.content_changed_at end,
       peer_updated = excluded.peer_updated, changed_run = excluded.changed_run, hash = excluded.hash, evidence = '', raw = excluded.raw
     where s.key = excluded.key`,
    [...values(s), s.peer, at],
  );
  await sql.unsafe(
    `delete from federation.finding f using federation.change c where c.run = $1::bigint and c.type = $2::smallint and f.rk = c.rk`,
    values(s),
  );
  await sql.unsafe(
    `insert into federation.finding (rk, peer, code, at)
     select c.rk, $3, f, $4 from federation.change c join federation.incoming i on i.run = c.run and i.type = c.type and i.seq = c.seq, unnest(i.findings) f
     where c.run = $1::bigint and c.type = $2::smallint on conflict do nothing`,
    [...values(s), s.peer, at],
  );
  await sql.unsafe(
    `insert into federation.finding (rk, peer, code, at)
     select c.rk, $3, 'variant', $4 from federation.change c where c.run = $1::bigint and c.type = $2::smallint
       and c.key like '%.v________' and c.action in ('c', 'u', 'r') on conflict do nothing`,
    [...values(s), s.peer, at],
  );
  // who was seen again is not missing
  await sql.unsafe(
    `delete from federation.missing m where m.peer = $3 and m.type = $2::smallint and (
       exists (select from federation.seen n where n.run = $1::bigint and n.type = m.type and n.rk = m.rk)
       or exists (select from federation.change c where c.run = $1::bigint and c.type = m.type and c.rk = m.rk and c.action <> 'm'))`,
    [...values(s), s.peer],
  );
  await sql.unsafe(
    `insert into federation.missing as m (rk, peer, type, since, runs, last_run)
     select c.rk, $3, c.type, $4, 1, c.run from federation.change c where c.run = $1::bigint and c.type = $2::smallint and c.action = 'm'
     on conflict (rk) do update set runs = m.runs + 1, last_run = excluded.last_run where m.last_run <> excluded.last_run`,
    [...values(s), s.peer, at],
  );
  await sql.unsafe(
    `update federation.change c set action = 'g', evidence = 'absent from ' || m.runs || ' complete runs since ' || to_char(m.since at time zone 'UTC', 'YYYY-MM-DD')
     from federation.missing m where c.run = $1::bigint and c.type = $2::smallint and c.action = 'm' and m.rk = c.rk
       and m.runs >= ${TOMBSTONE.runs} and m.since <= $3::timestamptz - interval '${TOMBSTONE.days} days'`,
    [...values(s), at],
  );
  const gone = await sql.unsafe(
    `update federation.source s set state = 't', content_changed_at = $3, changed_run = $1::bigint, evidence = c.evidence
     from federation.change c where c.run = $1::bigint and c.type = $2::smallint and c.action in ('d', 'v', 'g') and s.rk = c.rk`,
    [...values(s), at],
  );
  await sql.unsafe(
    `delete from federation.missing m using federation.change c where c.run = $1::bigint and c.type = $2::smallint and c.action = 'g' and m.rk = c.rk`,
    values(s),
  );
  await awaken(sql, s, true);
  await sql.unsafe(
    `delete from federation.known_as k using federation.change c where c.run = $1::bigint and c.type = $2::smallint and k.rk = c.rk and c.action <> 'm'`,
    values(s),
  );
  await sql.unsafe(
    `insert into federation.known_as (peer, type, token, rk) select distinct $3, i.type, n.token, c.rk
     from federation.change c join federation.incoming i on i.run = c.run and i.type = c.type and i.seq = c.seq, unnest(i.names) n(token)
     where c.run = $1::bigint and c.type = $2::smallint and c.action in ('c', 'u', 'r') and i.state = 'l' on conflict do nothing`,
    [...values(s), s.peer],
  );
  await awaken(sql, s, false);
  await sql.unsafe(
    `insert into federation.outbox (rk) select rk from federation.change where run = $1::bigint and type = $2::smallint and action <> 'm' order by rk`,
    values(s),
  );
  return gone.count;
}

/**
 * Records whose references ask for a name that somebody new answers to, or somebody less, are merged again.
 * known_as_rk, awaited_pkey
 * @param before the names that go; else those that come
 */
async function awaken(sql: Queryable, s: Settling, before: boolean): Promise<void> {
  const tokens = before
    ? `federation.known_as n on n.rk = c.rk`
    : `federation.incoming i on i.run = c.run and i.type = c.type and i.seq = c.seq cross join unnest(i.names) n(token)`;
  await sql.unsafe(
    `insert into federation.outbox (rk) select distinct a.rk from federation.change c join ${tokens}
       join federation.awaited a on a.peer = $3 and a.type = $2::smallint and a.token = n.token
     where c.run = $1::bigint and c.type = $2::smallint and c.action <> 'm'`,
    [...values(s), s.peer],
  );
}

export type Loss = { key: string; action: string; evidence: string };

/** What a run that waits would take away, as examples. change_pkey, source_pkey */
export async function losses(sql: Queryable, run: string, count: number): Promise<Loss[]> {
  return sql<
    Loss[]
  >`select s.key, c.action::text as action, c.evidence from federation.change c join federation.source s on s.rk = c.rk
    where c.run = ${run} and c.action in ('d', 'm', 'v') order by c.type, s.key limit ${count}`;
}

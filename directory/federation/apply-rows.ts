// Writing what was decided about one type of one run.

import type { Queryable } from '../../src/db/database.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { byLook, bySize, HAS, isFresh, type Settling, values } from './harvest/settle-rows.ts';
import { enqueue } from './outbox.ts';
import { FLAGS, type FlagName } from './record.ts';

/** Absent from so many complete runs and for so many days: both must be past. */
const TOMBSTONE = { runs: 3, days: 14 } as const;

/**
 * Writes what was decided, in the transaction of the caller. source_pkey, missing_pkey, name_pkey.
 * @returns records that became tombstones, and whether every text that was staged has been taken
 */
export async function apply(sql: Queryable, s: Settling, now: Date): Promise<{ tombstones: number; all: boolean }> {
  const at = now.toISOString();
  const run = (text: string, more: string[] = []) => sql.unsafe(text, [...values(s), ...more]);
  // who was seen again is not missing
  await run(
    `delete from federation.missing m where m.peer = $3 and m.type = $2::smallint and (
       exists (select from federation.seen n where n.run = $1::bigint and n.type = m.type and n.rk = m.rk)
       or exists (select from federation.change c where c.run = $1::bigint and c.type = m.type and c.rk = m.rk and c.action <> 'm'))`,
    [s.peer],
  );
  await run(
    `insert into federation.missing as m (rk, peer, type, since, runs, last_run)
     select c.rk, $3, c.type, $4, 1, c.run from federation.change c where c.run = $1::bigint and c.type = $2::smallint and c.action = 'm'
     on conflict (rk) do update set runs = m.runs + 1, last_run = excluded.last_run where m.last_run <> excluded.last_run`,
    [s.peer, at],
  );
  await run(
    `update federation.change c set action = 'g', evidence = 'absent from ' || m.runs || ' complete runs since ' || to_char(m.since at time zone 'UTC', 'YYYY-MM-DD')
     from federation.missing m where c.run = $1::bigint and c.type = $2::smallint and c.action = 'm' and m.rk = c.rk
       and m.runs >= ${TOMBSTONE.runs} and m.since <= $3::timestamptz - interval '${TOMBSTONE.days} days'`,
    [at],
  );
  if (await isFresh(sql, s)) return { tombstones: 0, all: await applyFresh(sql, s, at) };
  await count(sql, s);
  const known = await isKnown(sql, s);
  if (known) await forget(sql, s);
  const gone = await run(
    `update federation.source s set state = 't', content_changed_at = $3, changed_run = $1::bigint, evidence = c.evidence, names = '{}'
     from federation.change c where c.run = $1::bigint and c.type = $2::smallint and c.action in ('d', 'v', 'g') and s.rk = c.rk`,
    [at],
  );
  await run(
    `delete from federation.missing m using federation.change c where c.run = $1::bigint and c.type = $2::smallint and c.action = 'g' and m.rk = c.rk`,
  );
  await bySize(sql);
  // a key whose hash is that of another record was found by the person who decided; new ones are new
  let taken = (await run(`${TAKE} and c.action = 'c' order by c.rk`, [s.peer, at])).count;
  if (known)
    taken += (
      await run(
        `${TAKE} and c.action in ('u', 'r') order by c.rk
     on conflict (rk) do update set base_rk = excluded.base_rk, line_hash = excluded.line_hash, state = excluded.state, flags = excluded.flags,
       content_changed_at = case when s.hash = excluded.hash and s.state <> 't' then s.content_changed_at else excluded.content_changed_at end,
       peer_updated = excluded.peer_updated, changed_run = excluded.changed_run, hash = excluded.hash, evidence = '', content = excluded.content,
       names = excluded.names
     where s.key = excluded.key`,
        [s.peer, at],
      )
    ).count;
  await run(
    `insert into federation.finding (rk, peer, code, at)
     select c.rk, $3, f, $4 from federation.change c join federation.incoming i on i.run = c.run and i.type = c.type and i.seq = c.seq, unnest(i.findings) f
     where c.run = $1::bigint and c.type = $2::smallint and cardinality(i.findings) > 0 on conflict do nothing`,
    [s.peer, at],
  );
  await run(
    `insert into federation.finding (rk, peer, code, at)
     select c.rk, $3, 'variant', $4 from federation.change c where c.run = $1::bigint and c.type = $2::smallint
       and c.key like '%.v________' and c.action in ('c', 'u', 'r') on conflict do nothing`,
    [s.peer, at],
  );
  if (!NAMELESS.has(s.type)) {
    await run(
      `insert into federation.name (token, rk) select n.token, c.rk
       from federation.change c join federation.incoming i on i.run = c.run and i.type = c.type and i.seq = c.seq, unnest(i.names) n(token)
       where c.run = $1::bigint and c.type = $2::smallint and c.action in ('c', 'u', 'r') and c.renamed and i.state = 'l' order by 1, 2 ${known ? 'on conflict do nothing' : ''}`,
    );
    await byLook(sql);
    await awaken(
      sql,
      s,
      `from federation.change c join federation.incoming i on i.run = c.run and i.type = c.type and i.seq = c.seq cross join unnest(i.names) n(token)`,
    );
  }
  await byLook(sql);
  await enqueue(
    sql,
    `select rk from federation.change where run = $1::bigint and type = $2::smallint and action <> 'm'`,
    values(s),
  );
  const [staged] = await sql.unsafe<{ n: number }[]>(
    `select count(*)::int as n from federation.incoming where run = $1::bigint and type = $2::smallint`,
    values(s),
  );
  return { tombstones: gone.count, all: taken === staged?.n };
}

/**
 * Writes a type of which nothing was known: what was staged is what there is. {@link isFresh}
 * @returns whether every text that was staged has been taken
 */
async function applyFresh(sql: Queryable, s: Settling, at: string): Promise<boolean> {
  const run = (text: string, more: string[] = []) => sql.unsafe(text, [...values(s), ...more]);
  const staged = 'federation.incoming i where i.run = $1::bigint and i.type = $2::smallint';
  await run(`${COUNT(`select i.state, i.flags, 1 as n from ${staged}`)}`, [s.peer]);
  const taken = await run(`${TAKEN('i.base_rk', 'i.base_key')} from ${staged} order by i.base_rk`, [s.peer, at]);
  await run(
    `insert into federation.finding (rk, peer, code, at)
     select i.base_rk, $3, f, $4 from federation.incoming i, unnest(i.findings) f
     where i.run = $1::bigint and i.type = $2::smallint and cardinality(i.findings) > 0 on conflict do nothing`,
    [s.peer, at],
  );
  if (!NAMELESS.has(s.type)) {
    await run(
      `insert into federation.name (token, rk) select n.token, i.base_rk from federation.incoming i, unnest(i.names) n(token)
       where i.run = $1::bigint and i.type = $2::smallint and i.state = 'l' order by 1, 2`,
    );
    await awaken(
      sql,
      s,
      `from federation.incoming i cross join unnest(i.names) n(token)`,
      'i.run = $1::bigint and i.type = $2::smallint',
    );
  }
  await enqueue(sql, `select i.base_rk as rk from ${staged}`, values(s));
  const [left] = await sql.unsafe<{ n: number }[]>(`select count(*)::int as n from ${staged}`, values(s));
  return taken.count === left?.n;
}

/** Keeps the counts of a type by what is taken off and added: state and flags of records, and 1 or -1. standing_pkey */
const COUNT = (changes: string): string => `insert into federation.standing as t (peer, type, ${STOOD.join(', ')})
  select $3, $2::smallint, ${STATES.map((x) => `coalesce(sum(n) filter (where state = '${x}'), 0)`).join(', ')},
    ${FLAG_NAMES.map((f) => `coalesce(sum(n) filter (where state <> 't' and flags & ${FLAGS[f]} > 0), 0)`).join(', ')}
  from (${changes}) x having count(*) > 0
  on conflict (peer, type) do update set ${STOOD.map((c) => `${c} = t.${c} + excluded.${c}`).join(', ')}`;

/** live, ended in the source, held back, tombstone */
const STATES = ['l', 'e', 'h', 't'] as const;
const FLAG_NAMES = Object.keys(FLAGS) as FlagName[];
const STOOD = [...STATES, ...FLAG_NAMES];

/** Before anything is written of what was decided. */
async function count(sql: Queryable, s: Settling): Promise<void> {
  const of = 'c.run = $1::bigint and c.type = $2::smallint';
  await sql.unsafe(
    COUNT(`select c.was_state as state, c.was_flags as flags, -1 as n from federation.change c
        where ${of} and c.action in ('u', 'r', 'd', 'v', 'g')
      union all
      select i.state, i.flags, 1 from federation.change c join federation.incoming i on i.run = c.run and i.type = c.type and i.seq = c.seq
        where ${of} and c.action in ('c', 'u', 'r')
      union all
      select 't'::"char", 0, 1 from federation.change c where ${of} and c.action in ('d', 'v', 'g')`),
    [...values(s), s.peer],
  );
}

const TAKEN = (
  rk: string,
  key: string,
): string => `insert into federation.source as s (rk, base_rk, line_hash, content, changed_run, first_seen,
       content_changed_at, peer_updated, type, flags, state, peer, key, source_id, hash, names)
     select ${rk}, i.base_rk, i.line_hash, i.content, $1::bigint, $4, $4, i.updated, i.type, i.flags, i.state, $3, ${key}, i.source_id, i.hash,
       ${HAS}`;
const TAKE = `${TAKEN('c.rk', 'c.key')}
     from federation.change c join federation.incoming i on i.run = c.run and i.type = c.type and i.seq = c.seq
     where c.run = $1::bigint and c.type = $2::smallint`;

/** Types that no one names but by their id: references.ts. */
const NAMELESS: ReadonlySet<number> = new Set([TYPE_IDS.PractitionerRole, TYPE_IDS.OrganizationAffiliation]);

/** Does what was decided touch anything that was known before? */
async function isKnown(sql: Queryable, s: Settling): Promise<boolean> {
  const rows = await sql.unsafe(
    `select from federation.change where run = $1::bigint and type = $2::smallint and action not in ('c', 'm') limit 1`,
    values(s),
  );
  return rows.length > 0;
}

/** What was known of records that become others or go: their texts, findings and names. A tombstone keeps its last text. */
async function forget(sql: Queryable, s: Settling): Promise<void> {
  const run = (text: string) => sql.unsafe(text, values(s));
  await run(
    `delete from federation.content t using federation.change c
     where c.run = $1::bigint and c.type = $2::smallint and c.action in ('u', 'r') and t.id = c.was_content`,
  );
  await run(
    `delete from federation.finding f using federation.change c where c.run = $1::bigint and c.type = $2::smallint and c.action <> 'm' and f.rk = c.rk`,
  );
  await awaken(
    sql,
    s,
    'from federation.change c join federation.source s on s.rk = c.rk cross join unnest(s.names) n(token)',
  );
  // a look into the index for each name, however many the planner thinks a record has
  await sql.unsafe('set local enable_hashjoin = off');
  await run(
    `delete from federation.name n using federation.change c join federation.source s on s.rk = c.rk cross join unnest(s.names) o(token)
     where c.run = $1::bigint and c.type = $2::smallint and c.action <> 'm' and c.renamed and n.token = o.token and n.rk = c.rk`,
  );
  await sql.unsafe('set local enable_hashjoin = on');
}

/**
 * Records whose references ask for a name that a new record answers to, or one record less, are merged again. awaited_pkey
 * @param names what leads from what changed to names `n`
 * @param which of them
 */
async function awaken(
  sql: Queryable,
  s: Settling,
  names: string,
  which = `c.run = $1::bigint and c.type = $2::smallint and c.action <> 'm' and c.renamed`,
): Promise<void> {
  await enqueue(
    sql,
    `select distinct a.rk ${names} join federation.awaited a on a.peer = $3 and a.type = $2::smallint and a.token = n.token where ${which}`,
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

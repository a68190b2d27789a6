// Judging and applying what a run has read: every step works on the set of one type of one run.
import type { Queryable, Sql } from '../../../src/db/database.ts';

export type Settling = { run: string; peer: string; type: number };

/** Run and type, the first parameters of every statement here, as {@link OF} asks for them. */
export const values = (s: Settling): string[] => [s.run, String(s.type)];
export const OF = 'run = $1::bigint and type = $2::smallint';

/** From so many rows on a plan should know them. */
const MANY = 2000;

/**
 * Statistics of what a run has staged, before it is judged: fresh tables have none, and a plan for a handful of rows takes hours
 * for a million. A small sample tells the sizes, which is all that these plans turn on; it costs milliseconds where the usual one
 * costs half a second. Not within a transaction that lasts: it would keep the other types waiting.
 */
export async function measureStaged(sql: Sql, run: string): Promise<void> {
  const [staged] = await sql.unsafe<{ many: boolean; grown: boolean }[]>(
    `select (select count(*) from (select from federation.incoming where run = $1::bigint limit ${MANY}) i) = ${MANY}
       or (select count(*) from (select from federation.seen where run = $1::bigint limit ${MANY}) n) = ${MANY} as many,
       (select sum(l + e + h + t) from federation.standing) > 2 * (select reltuples from pg_class where oid = 'federation.source'::regclass) as grown`,
    [run],
  );
  if (staged?.many !== true) return;
  await sql.begin(async (tx) => {
    await tx.unsafe(SAMPLE);
    await tx.unsafe(`analyze federation.incoming (run, type, seq, base_rk, hash, state, content), federation.seen (run, type, rk, base_rk),
      federation.gone`);
    // what is known changes little from run to run, and looking at it again would cost as much as a small one
    if (staged.grown) await tx.unsafe('analyze federation.source (rk, base_rk, peer, type, state, hash, content)');
  });
}

const SAMPLE = 'set local default_statistics_target = 10; set local synchronous_commit = off';

/** The same of what was decided, between deciding and judging. */
export async function measureChange(sql: Sql): Promise<void> {
  await sql.begin(async (tx) => {
    await tx.unsafe(SAMPLE);
    await tx.unsafe('analyze federation.change (run, type, rk, action, seq)');
  });
}

/**
 * Decides what is to be written: `change` holds a row for each record that is new (c), other (u), back (r), deleted (d), absent
 * (m) or a content of its id that is gone (v), with what was known of it. Of a type of which nothing was known and each id came once everything is new: it needs no rows,
 * {@link isFresh}. May be called again.
 * @param order `last`: of two contents of an id the later one holds (files of a chain). `variants`: they are kept beside each
 *   other, unless their times tell which is the newer
 * @param complete nothing was left unread: what is absent counts
 */
export async function resolve(
  sql: Queryable,
  s: Settling,
  order: 'last' | 'variants',
  complete: boolean,
): Promise<void> {
  const run = (text: string, more: string[] = []) => sql.unsafe(text, [...values(s), ...more]);
  await run(`delete from federation.change where ${OF}`);
  const isNew = await isNewType(sql, s);
  // the same content under another time or order: known. source_pkey, source_variant
  if (!isNew)
    await run(`with known as (
      delete from federation.incoming i using (
        ${ofId('i.ctid as at, s.rk', 'federation.incoming i', 'i.run = $1::bigint and i.type = $2::smallint and s.hash = i.hash and s.state = i.state')}) k
      where i.ctid = k.at returning i.seq, k.rk, i.base_rk, i.updated, i.content),
    texts as (delete from federation.content t using known k where t.id = k.content)
    insert into federation.seen (run, type, seq, rk, base_rk, updated) select $1::bigint, $2::smallint, seq, rk, base_rk, updated from known`);
  const several = await hasSeveral(sql, s, isNew);
  if (several) {
    await run(
      withText(`delete from federation.incoming i using (
      select ctid as at, row_number() over (partition by base_rk, hash order by seq desc) as n from federation.incoming where ${OF}) d
    where i.ctid = d.at and d.n > 1`),
    );
    if (order === 'last') await keepLast(run);
    else await keepNewest(run);
  }
  await run(`delete from federation.gone g where ${OF} and (
      exists (select from federation.incoming i where i.run = g.run and i.type = g.type and i.base_rk = g.base_rk and i.seq > g.seq)
      or exists (select from federation.seen i where i.run = g.run and i.type = g.type and i.base_rk = g.base_rk and i.seq > g.seq))`);
  if (isNew && !several && !(await hasGone(sql, s))) return;
  const keys = several
    ? `select i.seq, ${HAS} as has, case when t.rk is null and row_number() over (partition by i.base_rk order by i.hash) = 1 then i.base_key
        when i.variant <> '' then i.variant else i.base_key || '.v' || left(encode(i.hash, 'hex'), 8) end as key
      from federation.incoming i left join (select distinct rk from federation.seen where ${OF}) t on t.rk = i.base_rk`
    : `select i.seq, ${HAS} as has, i.base_key as key from federation.incoming i`;
  await run(`insert into federation.change (run, type, rk, action, seq, key${isNew ? '' : ', renamed, was_state, was_flags, was_content'})
    select $1::bigint, $2::smallint, k.rk, ${isNew ? `'c'` : `(case when s.rk is null then 'c' when s.state = 't' then 'r' else 'u' end)`}::"char", k.seq, k.key
      ${isNew ? '' : ', s.names is distinct from k.has, s.state, s.flags, case when s.key = k.key then s.content end'}
    from (select hashtextextended(key, 0) as rk, seq, key, has from (${keys}
      where i.run = $1::bigint and i.type = $2::smallint
        and not exists (select from federation.gone g where g.run = i.run and g.type = i.type and g.base_rk = i.base_rk)) n) k
    ${isNew ? '' : 'left join federation.source s on s.rk = k.rk'} order by 3
    on conflict do nothing`);
  await run(
    `insert into federation.change (run, type, rk, action, evidence, was_state, was_flags)
    select distinct on (rk) $1::bigint, $2::smallint, rk, 'd'::"char", evidence, state, flags from (
      ${ofId('i.seq, i.evidence, s.rk, s.state, s.flags', 'federation.gone i', `i.run = $1::bigint and i.type = $2::smallint and s.peer = $3 and s.state <> 't'`)}) g
    order by rk, seq desc
    on conflict do nothing`,
    [s.peer],
  );
  if (complete)
    await run(
      `insert into federation.change (run, type, rk, action, evidence, was_state, was_flags)
      select $1::bigint, $2::smallint, s.rk, (case when b.base_rk is null then 'm' else 'v' end)::"char", 'absent from run ' || $1, s.state, s.flags
      from federation.source s
      left join (select distinct base_rk from federation.seen where ${OF} union select base_rk from federation.incoming where ${OF}) b
        on b.base_rk = s.base_rk
      where s.peer = $3 and s.type = $2::smallint and s.state <> 't'
        and not exists (select from federation.seen n where n.run = $1::bigint and n.type = $2::smallint and n.rk = s.rk)
        and not exists (select from federation.change c where c.run = $1::bigint and c.type = $2::smallint and c.rk = s.rk)`,
      [s.peer],
    );
}

/** What is known of the id of each row `i`: the record of that id, and those that hold further contents of it. source_pkey, source_variant */
const ofId = (columns: string, from: string, where: string): string =>
  `select ${columns} from ${from} join federation.source s on s.rk = i.base_rk where ${where}
   union all
   select ${columns} from ${from} join federation.source s on s.base_rk = i.base_rk and s.rk <> s.base_rk where ${where}`;

/** What a staged record `i` will answer to. */
export const HAS = `case when i.state = 'l' then i.names else '{}' end`;

/**
 * What was noted of known lines by the block becomes rows, which the steps after this one work with. Call it before
 * {@link measureStaged}, for types that are not as known. source_pkey
 */
export async function expandSeen(sql: Queryable, s: Settling): Promise<void> {
  const [row] = await sql.unsafe<{ many: boolean }[]>(
    `select coalesce(sum(cardinality(rks)), 0) > ${MANY} as many from federation.seen_block where ${OF}`,
    values(s),
  );
  if (row?.many === true) await bySize(sql);
  await sql.unsafe(
    `with b as (delete from federation.seen_block where ${OF} returning seq, at, rks)
     insert into federation.seen (run, type, seq, rk, base_rk, updated)
     select $1::bigint, $2::smallint, b.seq + u.at, u.rk, s.base_rk, s.peer_updated
     from b, unnest(b.at, b.rks) u(at, rk) join federation.source s on s.rk = u.rk`,
    values(s),
  );
  await byLook(sql);
}

/** Is nothing of this type known of the peer, not even as gone? run_peer, run_type_pkey */
async function isNewType(sql: Queryable, s: Settling): Promise<boolean> {
  const rows = await sql.unsafe(
    `select from federation.run r join federation.run_type t on t.run = r.id
     where r.peer = $1 and t.type = $2::smallint and t.state = 'applied' limit 1`,
    [s.peer, String(s.type)],
  );
  return rows.length === 0;
}

/**
 * What one run staged is joined as a whole: after a large run the tables hold pages of rows that are gone, a sample of them
 * finds hardly any of this run, and a plan for one row reads a table for each of thousands.
 */
export const bySize = (sql: Queryable) => sql.unsafe('set local enable_nestloop = off');
/** Statements that look up few in much. */
export const byLook = (sql: Queryable) => sql.unsafe('set local enable_nestloop = on');

/** After {@link resolve}: is everything of the type new, and nothing said to be gone? Then there is no row of what was decided. */
export async function isFresh(sql: Queryable, s: Settling): Promise<boolean> {
  if (!(await isNewType(sql, s)) || (await hasGone(sql, s))) return false;
  return (await sql.unsafe(`select from federation.change where ${OF} limit 1`, values(s))).length === 0;
}

/** Is anything of the type said to be gone? gone_run */
const hasGone = async (sql: Queryable, s: Settling): Promise<boolean> =>
  (await sql.unsafe(`select from federation.gone where ${OF} limit 1`, values(s))).length > 0;

/**
 * Did the run meet several contents of one id?
 * @param isNew nothing of the type was known, so that nothing can have been seen
 */
async function hasSeveral(sql: Queryable, s: Settling, isNew: boolean): Promise<boolean> {
  await bySize(sql);
  const [row] = await sql.unsafe<{ several: boolean }[]>(
    `select (select count(*) from federation.incoming where ${OF}) <> (select count(*) from (select from federation.incoming where ${OF} group by base_rk) b)
       ${
         isNew
           ? ''
           : `or 0 < (select count(*) from federation.incoming i join federation.seen n on n.run = i.run and n.type = i.type and n.base_rk = i.base_rk
         where i.run = $1::bigint and i.type = $2::smallint)`
       } as several`,
    values(s),
  );
  await byLook(sql);
  return row?.several === true;
}

/**
 * Takes out what is a copy of our own: the same type, id and content, and the very millisecond of one of its versions, whatever
 * marks the copy lost on its way. resource_pkey, history_pkey
 * @returns how many
 */
export async function dropOwn(sql: Queryable, s: Settling, typeName: string): Promise<number> {
  const same = (version: string) =>
    `case when ${version}.last_updated = i.updated and ${version}.body <> '' then ${version}.body::jsonb - '{meta,text}'::text[] = (select t.raw from federation.content t where t.id = i.content)::jsonb - '{meta,text}'::text[] else false end`;
  const rows = await sql.unsafe(
    withText(`delete from federation.incoming i where ${OF} and i.updated is not null and exists (
       select from directory.resource r where r.rk = hashtextextended($3 || '/' || i.source_id, 0) and r.key = $3 || '/' || i.source_id
         and (${same('r')} or exists (select from directory.history h where h.rk = r.rk and ${same('h')})))`),
    [...values(s), typeName],
  );
  return rows.count;
}

/**
 * Whether the run found exactly what is known, and nothing waits to be counted as missing: then there is nothing to decide.
 * standing_pkey
 */
export async function isAsKnown(sql: Queryable, s: Settling): Promise<boolean> {
  const [row] = await sql.unsafe<{ known: boolean }[]>(
    `select not exists (select from federation.incoming where ${OF}) and not exists (select from federation.gone where ${OF})
       and not exists (select from federation.missing where peer = $3 and type = $2::smallint)
       and (select count(distinct rk) from (
           select rk from federation.seen where ${OF} union all select unnest(rks) from federation.seen_block where ${OF}) n)
         = coalesce((select l + e + h from federation.standing where peer = $3 and type = $2::smallint), 0) as known`,
    [...values(s), s.peer],
  );
  return row?.known === true;
}

/** A deletion from `incoming i`, and that of the texts. Its count is that of the texts, which is the same. */
const withText = (deletion: string): string =>
  `with dropped as (${deletion} returning i.content) delete from federation.content t using dropped d where t.id = d.content`;

type Run = (text: string, more?: string[]) => Promise<unknown>;

/** The later of two contents of one id holds. */
async function keepLast(run: Run): Promise<void> {
  await run(
    withText(`delete from federation.incoming i using (
      select i.ctid as at, i.seq, max(i.seq) over (partition by i.base_rk) as last, n.seq as seen from federation.incoming i
      left join (select base_rk, max(seq) as seq from federation.seen where ${OF} group by 1) n on n.base_rk = i.base_rk
      where i.run = $1::bigint and i.type = $2::smallint) d
    where i.ctid = d.at and (d.seq < d.last or d.seq < coalesce(d.seen, -1))`),
  );
  await run(`delete from federation.seen n using federation.incoming i
    where n.run = $1::bigint and n.type = $2::smallint and i.run = n.run and i.type = n.type and i.base_rk = n.base_rk and i.seq > n.seq`);
}

/** Where every content of an id has its own time, the newest holds; else all stay. */
async function keepNewest(run: Run): Promise<void> {
  await run(`with b as (select distinct base_rk from federation.incoming where ${OF}),
    c as (
      select base_rk, hash, updated from federation.incoming where ${OF}
      union all
      select n.base_rk, s.hash, n.updated from federation.seen n join b using (base_rk) join federation.source s on s.rk = n.rk where ${OF.replaceAll('run', 'n.run').replaceAll('type', 'n.type')}),
    g as (
      select base_rk, max(updated) as newest from c group by 1
      having count(distinct hash) > 1 and bool_and(updated is not null) and count(distinct updated) = count(distinct hash)),
    older as (
      delete from federation.incoming i using g where i.run = $1::bigint and i.type = $2::smallint and i.base_rk = g.base_rk and i.updated < g.newest
      returning i.content),
    texts as (delete from federation.content t using older o where t.id = o.content)
    delete from federation.seen n using g where n.run = $1::bigint and n.type = $2::smallint and n.base_rk = g.base_rk and n.updated < g.newest`);
}

// What a run has read, on its way in. Lines that are known as they are leave only their key; the others come by COPY: their text
// to where it stays, what is known of it to where it is judged.

import { openCopy } from '../../../src/store/copy.ts';
import { copyField, type Queryable, type Sql } from '../../../src/store/database.ts';

export type Incoming = {
  type: number;
  seq: number;
  baseKey: string;
  /** key of this content beside others of its id; empty: base key, `.v` and eight digits of the hash */
  variant: string;
  sourceId: string;
  /** hex */
  hash: string;
  lineHash: bigint;
  state: 'l' | 'e' | 'h';
  flags: number;
  updated: Date | undefined;
  findings: readonly string[];
  names: readonly bigint[];
  raw: string;
};

/**
 * Notes the lines that are stored as they came, and says which of them are not. source_line.
 * @returns places of the unknown ones, from 0
 */
export async function markKnown(
  sql: Queryable,
  of: { run: string; peer: string; type: number },
  lines: readonly { hash: bigint; seq: number }[],
): Promise<number[]> {
  const rows = await sql.unsafe<{ at: number }[]>(
    `with h as materialized (select hash, seq, n from unnest($1::bigint[], $2::bigint[]) with ordinality u(hash, seq, n)),
     known as (
       insert into federation.seen (run, type, seq, rk, base_rk, updated)
       select $3::bigint, $4::smallint, h.seq, s.rk, s.base_rk, s.peer_updated
       from h cross join lateral (
         -- offset: one look for each line, whatever the planner thinks of so few columns
         select rk, base_rk, peer_updated from federation.source where peer = $5 and type = $4::smallint and line_hash = h.hash and state <> 't' offset 0) s
       returning seq)
     select (h.n - 1)::int as at from h where not exists (select from known k where k.seq = h.seq) order by 1`,
    [`{${lines.map((l) => l.hash).join(',')}}`, `{${lines.map((l) => l.seq).join(',')}}`, of.run, of.type, of.peer],
    { prepare: true },
  );
  return rows.map((r) => r.at);
}

const COLUMNS =
  'run, type, seq, base_key, variant, source_id, hash, line_hash, state, flags, updated, findings, names, content';

/** `increment by` of content_id. */
export const CONTENT_IDS = 10_000;

/** The first of {@link CONTENT_IDS} ids that nobody else takes. */
export async function takeContentIds(sql: Queryable): Promise<bigint> {
  const [row] = await sql<{ id: string }[]>`select nextval('federation.content_id')::text as id`;
  if (!row) throw new Error('A sequence has a next value.');
  return BigInt(row.id);
}

/**
 * Copies records on a dedicated client, within its transaction.
 * @param first id of the content of the first of them; the others follow
 */
export async function copyIncoming(
  client: Sql,
  tx: Queryable,
  run: string,
  rows: readonly Incoming[],
  first: bigint,
): Promise<void> {
  if (rows.length === 0) return;
  const contents = await openCopy(client, 'copy federation.content (id, raw) from stdin', 60_000, tx);
  let content = first;
  for (const r of rows) {
    const full = contents.write(`${content++}\t${copyField(r.raw)}`);
    if (full) await full;
  }
  await contents.end();
  content = first;
  const into = await openCopy(client, `copy federation.incoming (${COLUMNS}) from stdin`, 60_000, tx);
  for (const r of rows) {
    const full = into.write(
      `${run}\t${r.type}\t${r.seq}\t${copyField(r.baseKey)}\t${copyField(r.variant)}\t${copyField(r.sourceId)}\t\\\\x${r.hash}\t${r.lineHash}\t${r.state}\t${r.flags}\t${
        r.updated === undefined ? '\\N' : r.updated.toISOString()
      }\t{${r.findings.join(',')}}\t{${r.names.join(',')}}\t${content++}`,
    );
    if (full) await full;
  }
  await into.end();
}

export async function insertGone(
  sql: Queryable,
  run: string,
  rows: readonly { type: number; seq: number; key: string }[],
  evidence: string,
): Promise<void> {
  if (rows.length === 0) return;
  await sql`insert into federation.gone (run, type, seq, base_rk, evidence)
    select ${run}, g.type, g.seq, hashtextextended(g.key, 0), ${evidence}
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) g(type smallint, seq bigint, key text)`;
}

/** Notes a page. @returns false when it came before: a loop. page_pkey */
export async function notePage(
  sql: Queryable,
  run: string,
  type: number,
  pass: number,
  hashes: readonly bigint[],
): Promise<boolean> {
  const rows = await sql.unsafe(
    `insert into federation.page (run, type, pass, hash) select distinct $1::bigint, $2::smallint, $3::smallint, h from unnest($4::bigint[]) h
     on conflict do nothing returning 1`,
    [run, type, pass, `{${hashes.join(',')}}`],
  );
  return rows.length === new Set(hashes).size;
}

/** How many ids of a type this run has met, and how many contents: a peer may give several to one id. incoming_run, seen_run */
export async function countMet(sql: Queryable, run: string, type: number): Promise<{ ids: number; contents: number }> {
  const [row] = await sql<{ ids: number; contents: number }[]>`
    select count(distinct base_rk)::int as ids, count(distinct (base_rk, content))::int as contents from (
      select base_rk, encode(hash, 'hex') as content from federation.incoming where run = ${run} and type = ${type}
      union all select base_rk, rk::text from federation.seen where run = ${run} and type = ${type}) i`;
  return row ?? { ids: 0, contents: 0 };
}

/** Rows that wait to be judged: after a crash of the server there are none, and the run begins anew. incoming_run, seen_run */
export async function countStaged(sql: Queryable, run: string, type: number): Promise<number> {
  const [row] = await sql<
    { n: number }[]
  >`select (select count(*) from federation.incoming where run = ${run} and type = ${type})::int
    + (select count(*) from federation.seen where run = ${run} and type = ${type})::int as n`;
  return row?.n ?? 0;
}

/**
 * Takes away what a run, or one type of it, has left, and the texts that were not taken.
 * @param all every staged text has been taken, so none is looked for
 */
export async function clearStage(sql: Queryable, run: string, type?: number, all = false): Promise<void> {
  const of = [run, type ?? null];
  if (!all)
    await sql.unsafe(
      `delete from federation.content t using federation.incoming i
       where i.run = $1::bigint and ($2::smallint is null or i.type = $2::smallint) and t.id = i.content
         and not exists (select from federation.change c join federation.source s on s.rk = c.rk
           where c.run = i.run and c.type = i.type and c.seq = i.seq and s.content = i.content)`,
      of,
    );
  for (const table of ['incoming', 'seen', 'gone', 'change', 'page'])
    await sql.unsafe(
      `delete from federation.${table} where run = $1::bigint and ($2::smallint is null or type = $2::smallint)`,
      of,
    );
}

/** Texts that nothing leads to: what is staged does not outlive a crash of the server, its texts do. */
export async function sweepContent(sql: Queryable): Promise<void> {
  await sql`delete from federation.content t where not exists (select from federation.source s where s.content = t.id)
    and not exists (select from federation.incoming i where i.content = t.id)`;
}

/** Types of which a peer has records. source_line */
export async function typesOf(sql: Queryable, peer: string): Promise<number[]> {
  const rows = await sql<{ type: number }[]>`select t.id as type from generate_series(1, 9) t(id)
    where exists (select from federation.source s where s.peer = ${peer} and s.type = t.id and s.state <> 't')`;
  return rows.map((r) => r.type);
}

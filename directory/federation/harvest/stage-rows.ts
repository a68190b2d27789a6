// What a run has read, on its way in. Lines that are known as they are leave only their key; the others come by COPY: their text
// to where it stays, what is known of it to where it is judged.

import { copyBytes } from '../../../src/db/copy.ts';
import { binaryRows } from '../../../src/db/copy-binary.ts';
import type { Queryable, Sql } from '../../../src/db/database.ts';
import { isHeld } from '../../../src/db/failure.ts';

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
 * Notes the lines that are stored as they came, in one row for all, and says which of them are not. source_line.
 * @param seq of the first line
 * @param offsets of the sequence of each line from the first, where they do not follow each other
 * @returns places of the unknown ones in the batch, from 0, in order
 */
export async function markKnown(
  sql: Queryable,
  of: { run: string; peer: string; type: number; seq: number },
  hashes: readonly bigint[] | BigInt64Array,
  offsets?: readonly number[],
): Promise<number[]> {
  const rows = await sql.unsafe<{ place: number }[]>(
    `with x as materialized (
       select h.n::int - 1 as place, ${offsets ? 'h.at' : 'h.n::int - 1'} as at, s.rk
       from unnest($1::bigint[]${offsets ? ', $6::int[]' : ''}) with ordinality h(hash${offsets ? ', at' : ''}, n) left join lateral (
         -- offset: one look for each line, whatever the planner thinks of so few columns
         select rk from federation.source where peer = $5 and type = $3::smallint and line_hash = h.hash and state <> 't' offset 0) s on true),
     kept as (
       insert into federation.seen_block (run, type, seq, at, rks)
       select $2::bigint, $3::smallint, $4::bigint, array_agg(at), array_agg(rk) from x where rk is not null having count(*) > 0)
     select place from x where rk is null order by 1`,
    [
      `{${hashes.join(',')}}`,
      of.run,
      of.type,
      of.seq,
      of.peer,
      ...(offsets === undefined ? [] : [`{${offsets.join(',')}}`]),
    ],
    { prepare: true },
  );
  return rows.map((r) => r.place);
}

/** `increment by` of content_id. */
export const CONTENT_IDS = 10_000;

/** The first of {@link CONTENT_IDS} ids that no one else takes. */
export async function takeContentIds(sql: Queryable): Promise<bigint> {
  const [row] = await sql<{ id: string }[]>`select nextval('federation.content_id')::text as id`;
  if (!row) throw new Error('A sequence has a next value.');
  return BigInt(row.id);
}

/** Records as rows of both tables, in the binary form of COPY. */
export type StagedRows = { count: number; facts: Uint8Array<ArrayBuffer>[]; texts: Uint8Array<ArrayBuffer>[] };

const COLUMNS =
  'run, type, seq, base_key, variant, source_id, hash, line_hash, state, flags, updated, findings, names, content';
const FIELDS = COLUMNS.split(',').length;

/** Ids of texts that follow each other. */
export type Ids = { first: bigint; count: number };

/** Pure. @param ids for the texts, at least as many */
export function stagedRows(run: string, rows: readonly Incoming[], ids: readonly Ids[]): StagedRows {
  const texts = binaryRows();
  const facts = binaryRows();
  const runId = BigInt(run);
  const free = idsIn(ids);
  for (const r of rows) {
    const content = free.next().value ?? 0n;
    texts.row(2);
    texts.bigint(content);
    texts.text(r.raw);
    facts.row(FIELDS);
    facts.bigint(runId);
    facts.int2(r.type);
    facts.bigint(BigInt(r.seq));
    facts.text(r.baseKey);
    facts.text(r.variant);
    facts.text(r.sourceId);
    facts.hex(r.hash);
    facts.bigint(r.lineHash);
    facts.char(r.state);
    facts.int2(r.flags);
    if (r.updated) facts.timestamp(r.updated.getTime());
    else facts.none();
    facts.textArray(r.findings);
    facts.bigintArray(r.names);
    facts.bigint(content);
  }
  return { count: rows.length, facts: facts.finish(), texts: texts.finish() };
}

function* idsIn(ranges: readonly Ids[]): Generator<bigint> {
  for (const { first, count } of ranges) for (let i = 0; i < count; i++) yield first + BigInt(i);
}

/** Copies records on a dedicated client, within its transaction. */
export async function copyStaged(client: Sql, tx: Queryable, rows: StagedRows): Promise<void> {
  if (rows.count === 0) return;
  const buffers = (parts: Uint8Array<ArrayBuffer>[]) =>
    parts.map((b) => Buffer.from(b.buffer, b.byteOffset, b.byteLength));
  await copyBytes(client, 'copy federation.content (id, raw) from stdin (format binary)', buffers(rows.texts), tx);
  const statement = `copy federation.incoming (${COLUMNS}) from stdin (format binary)`;
  await copyBytes(client, statement, buffers(rows.facts), tx);
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
      union all select base_rk, rk::text from federation.seen where run = ${run} and type = ${type}
      union all select s.base_rk, s.rk::text from federation.seen_block b, unnest(b.rks) u(rk) join federation.source s on s.rk = u.rk
        where b.run = ${run} and b.type = ${type}) i`;
  return row ?? { ids: 0, contents: 0 };
}

/** Rows that wait to be judged: after a crash of the server there are none, and the run starts over. incoming_run, seen_run */
export async function countStaged(sql: Queryable, run: string, type: number): Promise<number> {
  const [row] = await sql<
    { n: number }[]
  >`select (select count(*) from federation.incoming where run = ${run} and type = ${type})::int
    + (select count(*) from federation.seen where run = ${run} and type = ${type})::int
    + (select coalesce(sum(cardinality(rks)), 0) from federation.seen_block where run = ${run} and type = ${type})::int as n`;
  return row?.n ?? 0;
}

/** Has deciding about a type begun? change_pkey */
export async function isDecided(sql: Queryable, run: string, type: number): Promise<boolean> {
  return (await sql`select from federation.change where run = ${run} and type = ${type} limit 1`).length > 0;
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
           where c.run = i.run and c.type = i.type and c.seq = i.seq and s.content = i.content)
         and not exists (select from federation.source s where s.rk = i.base_rk and s.content = i.content)`,
      of,
    );
  for (const table of TABLES)
    await sql.unsafe(
      `delete from federation.${table} where run = $1::bigint and ($2::smallint is null or type = $2::smallint)`,
      of,
    );
}

const TABLES = ['incoming', 'seen', 'seen_block', 'gone', 'change', 'page'] as const;

/**
 * Gives back the room of tables in which no one has anything: each look at them would pass over the rows of former runs, which are gone.
 * Never waits for others, who wait for a moment at most.
 */
export async function shrinkStage(sql: Sql): Promise<void> {
  for (const table of TABLES) {
    const [size] = await sql.unsafe<{ large: boolean }[]>(
      `select pg_table_size('federation.${table}') > ${SHRINK_BYTES} as large`,
    );
    if (size?.large !== true) continue;
    await sql
      .begin(async (tx) => {
        await tx.unsafe(`lock table federation.${table} in access exclusive mode nowait`);
        if ((await tx.unsafe(`select from federation.${table} limit 1`)).length === 0)
          await tx.unsafe(`truncate federation.${table}`);
      })
      .catch((error: unknown) => {
        if (!isHeld(error)) throw error;
      });
  }
}
const SHRINK_BYTES = 8 * 1024 * 1024;

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

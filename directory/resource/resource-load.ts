// The first load: everything that comes into an empty directory, in one transaction and into tables without indexes, which
// are built once at its end (docs/decisions/006). Nothing is merged, so rows go in as they will lie there.

import { copyBytes } from '../../src/db/copy.ts';
import { type BinaryRows, binaryRows } from '../../src/db/copy-binary.ts';
import type { Sql } from '../../src/db/database.ts';
import { hashed, hashText } from '../../src/db/hash.ts';
import { referenceToken, tokenOfReference } from '../../src/db/reference-token.ts';
import { schemaOf } from '../../src/db/schema-view.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import type { Entries } from '../../src/fhir/search/entries.ts';
import { extract } from '../../src/fhir/search/extract.ts';
import { CARE } from '../../src/fhir/search/reached.ts';
import { CARE_KINDS, isEntered } from '../search/care-at.ts';
import { addGeometry, addLogical, addVerified, openingPatterns, PROBE, probe } from './load-search-index.ts';
import { followsLogical, resolveAll } from './resource-logical.ts';
import { changeTime } from './resource-merge.ts';
import { reachAll } from './resource-reach.ts';
import { markIndexed } from './resource-reindex.ts';
import type { Staged } from './resource-staging.ts';
import { besideName, createBeside, indexBeside, swap } from './table-swap.ts';
import { knownWords } from './vocabulary.ts';

const TABLES = ['resource', 'lookup', 'words', 'dates', 'place', 'boundary', 'verification', 'logical'] as const;
/** With what is made of others at the end, and with what is needed to make it. */
const MADE = [...TABLES, 'care_at'] as const;
const FILLED = [...TABLES, CARE_KINDS] as const;
type Table = (typeof FILLED)[number];
type Rows = Record<Table, BinaryRows>;

/**
 * Bytes of a table that are sent in one COPY. Each COPY lengthens its table by up to sixty-four pages at once, and those that it
 * does not fill stay empty for ever: with a COPY every two thousand resources they were a tenth of the directory.
 */
const TOGETHER = 8 * 1024 * 1024;

const emptyRows = (): Rows => ({
  resource: binaryRows(),
  lookup: binaryRows(),
  words: binaryRows(),
  dates: binaryRows(),
  place: binaryRows(),
  boundary: binaryRows(),
  verification: binaryRows(),
  logical: binaryRows(),
  [CARE_KINDS]: binaryRows(),
});

type Loaded = {
  created: number;
  unchanged: number;
  duplicates: number;
  collided: string[];
  /** the change counter */
  change: bigint;
};

export type Load = {
  kind: 'load';
  add(row: Staged): void;
  /** resources since the last flush */
  count(): number;
  /** sends what was added; one flush at a time */
  flush(): Promise<undefined>;
  /** builds the indexes, shows the new tables and commits */
  finish(): Promise<Loaded>;
};

/**
 * Begins a first load on a dedicated client, and keeps other importers waiting until it ends.
 * @returns undefined, with no transaction open, when the directory is not empty
 */
export async function beginLoad(sql: Sql, clock: () => Date, base: string): Promise<Load | undefined> {
  await sql.unsafe('begin');
  const dated = await changeTime(sql, clock());
  const [row] = await sql.unsafe<{ used: boolean; probe: string }[]>(
    `select exists (select from directory.resource) or exists (select from directory.history) as used,
       ${referenceToken(`hashtextextended('${PROBE}', 803)`, 803)}::text as probe`,
  );
  if (row?.used === false) await markIndexed(sql, base);
  // a server that hashes differently (big-endian) merges into an empty directory as into any other
  if (row?.used !== false || row.probe !== probe()) {
    await sql.unsafe('commit');
    return undefined;
  }
  for (const table of MADE) await createBeside(sql, schemaOf(sql), table);
  await sql.unsafe(`create table directory.${besideName(CARE_KINDS)} (rk bigint not null, token bigint not null)`);
  const at = Date.parse(dated);
  const enclosed = `1","lastUpdated":"${new Date(at).toISOString()}`;
  const rows = emptyRows();
  const vocabulary = knownWords();
  const openings = openingPatterns();
  const follows = followsLogical(sql);
  let tombstones = 0;
  let sent = 0;
  let added = 0;
  /** Takes what one COPY is worth, or all. */
  const take = (least: number): Partial<Rows> => {
    const taken: Partial<Rows> = {};
    for (const table of FILLED) {
      if (rows[table].bytes() < least) continue;
      taken[table] = rows[table];
      rows[table] = binaryRows();
    }
    return taken;
  };
  return {
    kind: 'load',
    add(row) {
      if (row.deleted) tombstones++;
      added++;
      hashText(row.key, 0);
      const { hi, lo } = hashed;
      addResource(rows.resource, row, at, enclosed, hi, lo);
      addEntries(rows, row.entries, hi, lo, follows);
      vocabulary.add(row.entries.nameWords);
      openings.add(row.entries.hours);
    },
    count: () => added,
    async flush() {
      sent += added;
      added = 0;
      await copyRows(sql, take(TOGETHER));
      await openings.store(sql);
      return undefined;
    },
    async finish() {
      if (sent === 0) {
        await sql.unsafe('rollback');
        return { created: 0, unchanged: 0, duplicates: 0, collided: [], change: 0n };
      }
      await copyRows(sql, take(0));
      await vocabulary.write(sql);
      const loaded = await removeRepeated(sql, sent, tombstones > 0, base);
      const kinds = `directory.${besideName(CARE_KINDS)}`;
      await resolveAll(sql, besideName);
      await reachAll(sql, besideName, kinds);
      await sql.unsafe(`drop table ${kinds}`);
      for (const table of MADE) if (table !== 'resource') await indexBeside(sql, schemaOf(sql), table);
      await swap(sql, schemaOf(sql), MADE);
      const [state] = await sql.unsafe<{ change: string }[]>(
        `update directory.state set change = change + $1::int, changed_at = case $1::int when 0 then changed_at else $2::timestamptz end,
           counts = (select array_agg(coalesce(r.n, 0) order by c.type) from unnest(counts) with ordinality c(n, type)
             left join (select type, count(*) as n from directory.resource where not deleted group by 1) r on r.type = c.type)
         returning change::text as change`,
        [loaded.created > 0 ? 1 : 0, new Date(at).toISOString()],
      );
      await sql.unsafe('commit');
      return { ...loaded, change: BigInt(state?.change ?? 0) };
    },
  };
}

async function copyRows(sql: Sql, rows: Partial<Rows>): Promise<void> {
  for (const table of FILLED) {
    const some = rows[table];
    // frozen: visible to all from the commit on, so no one has to visit the pages again
    if (some && some.count() > 0)
      await copyBytes(
        sql,
        `copy directory.${besideName(table)} from stdin with (format binary, freeze)`,
        some.finish(),
      );
  }
}

/** Column by column as in the migration. */
function addResource(out: BinaryRows, row: Staged, at: number, enclosed: string, hi: number, lo: number): void {
  const { entries } = row;
  out.row(14);
  out.int8(hi, lo);
  out.timestamp(at);
  out.int4(1);
  out.int2(row.type);
  out.bool(row.deleted);
  out.text(row.key);
  out.hex(row.hash);
  out.int2Array(entries.params);
  const refs: number[] = [];
  for (const ref of entries.refs) {
    hashText(ref, 0);
    refs.push(hashed.hi, hashed.lo);
  }
  out.int8Array(refs);
  out.int2Array(entries.refParams);
  if (row.findings.length === 0) out.none();
  else out.textArray(row.findings);
  if (row.deleted) out.text('');
  else out.joined([row.head, enclosed, row.tail]);
  if (entries.hours === undefined) out.none();
  else {
    hashText(entries.hours, 0);
    out.int8(hashed.hi, hashed.lo);
  }
  if (entries.sort === undefined) out.none();
  else out.text(entries.sort);
}

/** Index entries, each once: nothing else keeps repetitions out. */
function addEntries(out: Omit<Rows, 'resource'>, entries: Entries, hi: number, lo: number, follows: boolean): void {
  const seen = new Set<number>();
  const add = () => {
    // 53 of the 64 bits: within one resource that is enough to tell tokens apart
    const token = hashed.hi * 2_097_152 + (hashed.lo >>> 11);
    if (seen.has(token)) return;
    seen.add(token);
    out.lookup.row(2);
    out.lookup.int8(hashed.hi, hashed.lo);
    out.lookup.int8(hi, lo);
  };
  entries.tokens.forEach((token, i) => {
    const seed = entries.tokenSeeds[i] ?? 0;
    hashText(token, seed);
    add();
    if (seed !== CARE.of || !isEntered(token)) return;
    out[CARE_KINDS].row(2);
    out[CARE_KINDS].int8(hi, lo);
    out[CARE_KINDS].int8(hashed.hi, hashed.lo);
  });
  entries.refs.forEach((ref, i) => {
    hashText(ref, 0);
    tokenOfReference(hashed.hi, hashed.lo, entries.refParams[i] ?? 0);
    add();
  });
  for (const { param, folded, raw } of entries.words) {
    out.words.row(4);
    out.words.int8(hi, lo);
    out.words.int2(param);
    out.words.text(folded);
    if (raw === undefined) out.words.none();
    else out.words.text(raw);
  }
  for (const { param, lo: from, hi: to } of entries.dates) {
    out.dates.row(4);
    out.dates.int2(param);
    out.dates.timestamp(from);
    out.dates.timestamp(to);
    out.dates.int8(hi, lo);
  }
  addGeometry(out, entries, hi, lo);
  if (entries.verified) addVerified(out.verification, entries, entries.verified, hi, lo);
  if (follows && entries.logical) addLogical(out, entries, entries.logical, hi, lo);
}

/** Keeps the last of each id, drops deletions, and builds the indexes of the resources. */
async function removeRepeated(
  sql: Sql,
  sent: number,
  deletions: boolean,
  base: string,
): Promise<Omit<Loaded, 'change'>> {
  if (!deletions) {
    await sql.unsafe('savepoint indexing');
    try {
      await indexBeside(sql, schemaOf(sql), 'resource');
      return { created: sent, unchanged: 0, duplicates: 0, collided: [] };
    } catch (error) {
      if ((error as { code?: unknown }).code !== '23505') throw error;
      // and released: within a savepoint no COPY may freeze
      await sql.unsafe('rollback to savepoint indexing; release savepoint indexing');
    }
  }
  const resources = `directory.${besideName('resource')}`;
  // rows of a load lie in the order in which they came
  await sql.unsafe(`create temp table repeated on commit drop as
    select at, rk, key, key <> first_key as collided, key = first_key and back = 1 and not deleted as kept from (
      select ctid as at, rk, key, deleted, first_value(key) over (partition by rk order by ctid) as first_key,
        row_number() over (partition by rk, key order by ctid desc) as back
      from ${resources}
      where rk in (select rk from ${resources} group by rk having count(*) > 1 or bool_or(deleted))) r`);
  await sql.unsafe('analyze repeated');
  for (const table of FILLED.filter((t) => t !== 'resource'))
    await sql.unsafe(`delete from directory.${besideName(table)} where rk in (select rk from repeated)`);
  await sql.unsafe(`delete from ${resources} r using repeated p where r.ctid = p.at and not p.kept`);
  await indexBeside(sql, schemaOf(sql), 'resource');
  await enterAgain(sql, base);
  const [n] = await sql.unsafe<{ gone: number; ids: number; kept: number; collided: number }[]>(
    `select count(*) filter (where not kept)::int as gone, count(distinct rk)::int as ids,
       count(*) filter (where kept)::int as kept, count(*) filter (where collided)::int as collided from repeated`,
  );
  if (!n) throw new Error('The count of repeated rows gives one row.');
  const collided = await sql.unsafe<{ key: string }[]>('select key from repeated where collided order by at');
  return {
    created: sent - n.gone,
    unchanged: n.ids - n.kept,
    duplicates: n.gone - n.collided - (n.ids - n.kept),
    collided: collided.map((c) => c.key),
  };
}

const AGAIN = 1000;

/** The index entries of the rows that stay of repeated ids. resource_pkey. */
async function enterAgain(sql: Sql, base: string): Promise<void> {
  let last = '-9223372036854775808';
  for (;;) {
    const kept = await sql.unsafe<{ rk: string; hi: number; lo: number; body: string }[]>(
      `select r.rk::text as rk, (r.rk >> 32)::int as hi, ((r.rk << 32) >> 32)::int as lo, r.body
       from (select rk from repeated where kept and rk > $1::bigint order by rk limit ${AGAIN}) p
       join directory.${besideName('resource')} r on r.rk = p.rk order by r.rk`,
      [last],
    );
    const rows = emptyRows();
    for (const { rk, hi, lo, body } of kept) {
      addEntries(rows, extract(JSON.parse(body) as Resource, base), hi, lo, followsLogical(sql));
      last = rk;
    }
    await copyRows(sql, rows);
    if (kept.length < AGAIN) return;
  }
}

// Ledger rows for the drill-down, and what stands beside one of them. Statements on clinical tables name their member.
import type { Queryable } from '../../../src/db/database.ts';

export type LedgerLine = {
  file: number;
  line: number;
  entry: number;
  outcome: string;
  reason: string | null;
  type: string | null;
  sourceId: string | null;
  memberId: string | null;
  localId: string | null;
  /** lower-case hex SHA-256 of the content */
  hash: string | null;
  lastUpdated: Date | null;
};
export type Place = { file: number; line: number; entry: number };
export type LineFilter = {
  outcome?: string | undefined;
  type?: string | undefined;
  reason?: string | undefined;
  memberId?: string | undefined;
  file?: number | undefined;
  /** only units that a finding of this kind points at */
  finding?: string | undefined;
};

const COLUMNS = `l.file, l.line, l.entry, l.outcome, l.reason, l.type, l.source_id as "sourceId", l.member_id as "memberId", l.local_id as "localId",
  encode(l.hash, 'hex') as hash, l.last_updated as "lastUpdated"`;

/** Lines of blocks, as rows of the ledger. */
const LINES_OF = (blocks: string) => `
  select b.pull_id, b.file, u.line, 0 as entry, 'unchanged' as outcome, null as reason, b.type, u.source_id, b.member_id, u.local_id,
    u.hash, u.last_updated
  from ${blocks} b cross join lateral unnest(b.lines, b.source_ids, b.local_ids, b.hashes, b.updated) as u(line, source_id, local_id, hash,
    last_updated)`;

/** The filter ($1 the pull, $2 to $7) on rows. */
const ROWS = `l.pull_id = $1 and ($2::text is null or l.outcome = $2) and ($3::text is null or coalesce(l.type, 'none') = $3)
  and ($4::text is null or coalesce(l.reason, 'none') = $4) and ($5::text is null or l.member_id = $5) and ($6::integer is null
    or l.file = $6)
  and ($7::text is null or exists (
    select from exchange.finding f where f.pull_id = l.pull_id and f.kind = $7 and f.file = l.file and f.line = l.line
      and f.entry = l.entry))`;

/** The same on blocks: all lines of one are unchanged for no reason of their own, and no finding points at one of them. */
const BLOCKS = `b.pull_id = $1 and ($2::text is null or $2 = 'unchanged') and ($3::text is null or b.type = $3)
  and ($4::text is null or $4 = 'none') and ($5::text is null or b.member_id = $5) and ($6::integer is null or b.file = $6)
    and $7::text is null`;

const filterOf = (pullId: string, filter: LineFilter) => [
  pullId,
  filter.outcome ?? null,
  filter.type ?? null,
  filter.reason ?? null,
  filter.memberId ?? null,
  filter.file ?? null,
  filter.finding ?? null,
];

/**
 * Rows of the ledger in the order in which they came. A range of the primary key (pull, file, line, entry); of blocks those of the
 * ranges that hold as many lines as are asked for.
 */
export async function pageLines(
  sql: Queryable,
  pullId: string,
  filter: LineFilter,
  limit: number,
  after?: Place,
): Promise<LedgerLine[]> {
  const from = after ?? { file: -1, line: -1, entry: -1 };
  return [
    ...(await sql.unsafe<LedgerLine[]>(
      `with first as (
         select coalesce((select max(stretch) from exchange.ledger_block where pull_id = $1 and file = $8 and stretch <= $9), 0) as stretch
       ), fit as (
         select b.file, b.stretch from exchange.ledger_block b
         where ${BLOCKS} and (b.file, b.stretch) >= ($8, (select stretch from first)) and (b.file, b.last_line) > ($8, $9)
           order by b.file, b.stretch limit $11
       ), near as (
         select b.* from exchange.ledger_block b
         where ${BLOCKS} and (b.file, b.stretch) >= ($8, (select stretch from first)) and (b.file, b.stretch) <= (select file, stretch
           from fit order by file desc, stretch desc limit 1)
       ), line as (
         select * from (
           select l.pull_id, l.file, l.line, l.entry, l.outcome, l.reason, l.type, l.source_id, l.member_id, l.local_id, l.hash,
             l.last_updated from exchange.ledger_unit l
           where ${ROWS} and (l.file, l.line, l.entry) > ($8, $9, $10) order by l.file, l.line, l.entry limit $11) rows
         union all
         select * from (${LINES_OF('near')}) lines where (file, line, entry) > ($8, $9, $10)
       )
       select ${COLUMNS} from line l order by l.file, l.line, l.entry limit $11`,
      [...filterOf(pullId, filter), from.file, from.line, from.entry, limit],
    )),
  ];
}

/** How many rows a filter leaves. Served by the primary keys (pull first). */
export async function countLines(sql: Queryable, pullId: string, filter: LineFilter): Promise<number> {
  const [row] = await sql.unsafe<{ n: number }[]>(
    `select ((select count(*) from exchange.ledger_unit l where ${ROWS}) + (select coalesce(sum(b.units), 0) from exchange.ledger_block b
      where ${BLOCKS}))::int as n`,
    filterOf(pullId, filter),
  );
  return row?.n ?? 0;
}

/** One row of the ledger. Served by the primary keys. */
export async function findLine(sql: Queryable, pullId: string, at: Place): Promise<LedgerLine | undefined> {
  const [row] = await sql.unsafe<LedgerLine[]>(
    `with near as (
       select * from exchange.ledger_block where pull_id = $1 and file = $2 and $4 = 0 and $3 = any(lines)
         and stretch = (select max(stretch) from exchange.ledger_block where pull_id = $1 and file = $2 and stretch <= $3)
     )
     select ${COLUMNS} from exchange.ledger_unit l where l.pull_id = $1 and l.file = $2 and l.line = $3 and l.entry = $4
     union all
     select ${COLUMNS} from (${LINES_OF('near')}) l where l.line = $3`,
    [pullId, at.file, at.line, at.entry],
  );
  return row;
}

export type LineFinding = { kind: string; detail: string; state: string };

/** Findings of one unit. Served by finding_pull. */
export async function lineFindings(sql: Queryable, pullId: string, at: Place): Promise<LineFinding[]> {
  return [
    ...(await sql<LineFinding[]>`
      select kind, detail, state from exchange.finding
      where pull_id = ${pullId} and file = ${at.file} and line = ${at.line} and entry = ${at.entry} order by id`),
  ];
}

/** So many links of a record are reported. */
export const MOST_LINKED = 50;

export type RecordVersion = {
  version: number;
  lastUpdated: Date;
  deleted: boolean;
  hash: string;
  origin: string;
  isCurrent: boolean;
  body: string;
};

/** All versions of a member's record, newest first. Served by the primary keys (member, type, id). */
export async function memberVersions(
  sql: Queryable,
  memberId: string,
  type: string,
  id: string,
): Promise<RecordVersion[]> {
  return [
    ...(await sql<RecordVersion[]>`
      select version, last_updated as "lastUpdated", deleted, encode(hash, 'hex') as hash, origin, true as "isCurrent", body
      from exchange.resource where member_id = ${memberId} and type = ${type} and id = ${id}
      union all
      select v.version, v.last_updated, v.deleted, encode(v.hash, 'hex'), r.origin, false, v.body
      from exchange.resource_version v join exchange.resource r using (member_id, type, id)
      where v.member_id = ${memberId} and v.type = ${type} and v.id = ${id} and v.version <> r.version
      order by version desc`),
  ];
}

/** All versions of a directory-type record, newest first. Served by the primary keys (type, id). */
export async function sharedVersions(sql: Queryable, type: string, id: string): Promise<RecordVersion[]> {
  return [
    ...(await sql<RecordVersion[]>`
      select version, last_updated as "lastUpdated", deleted, encode(hash, 'hex') as hash, origin, true as "isCurrent", body
      from exchange.shared_resource where type = ${type} and id = ${id}
      union all
      select v.version, v.last_updated, v.deleted, encode(v.hash, 'hex'), r.origin, false, v.body
      from exchange.shared_resource_version v join exchange.shared_resource r using (type, id)
      where v.type = ${type} and v.id = ${id} and v.version <> r.version
      order by version desc`),
  ];
}

export type LinkedRecord = {
  otherType: string;
  otherId: string;
  kind: string;
  rule: string;
  state: string;
  score: number;
  origin: string | null;
  body: string | null;
};

/**
 * Records of the same member that were linked with one, of the same type or another (a claim and the fill that it is
 * about). Served by the primary keys (member first; of links from another type all of the member's are looked at).
 */
export async function linkedRecords(
  sql: Queryable,
  memberId: string,
  type: string,
  id: string,
): Promise<LinkedRecord[]> {
  return [
    ...(await sql<LinkedRecord[]>`
      with linked as (
        select coalesce(b_type, type) as type, b_id as id, kind, rule, state, score from exchange.link
          where member_id = ${memberId} and type = ${type} and a_id = ${id}
        union all
        select type, a_id, kind, rule, state, score from exchange.link where member_id = ${memberId} and type = ${type} and b_type is null
          and b_id = ${id}
        union all
        select type, a_id, kind, rule, state, score from exchange.link where member_id = ${memberId} and b_type = ${type} and b_id = ${id}
      )
      select l.type as "otherType", l.id as "otherId", l.kind, l.rule, l.state, l.score, r.origin, r.body
      from linked l left join exchange.resource r on r.member_id = ${memberId} and r.type = l.type and r.id = l.id
      order by l.kind, l.type, l.id limit ${MOST_LINKED}`),
  ];
}

/** Provenance of a member that is about one record. Served by the primary key of resource (member, type first). */
export async function provenanceOf(
  sql: Queryable,
  memberId: string,
  target: string,
): Promise<{ id: string; origin: string; body: string }[]> {
  return [
    ...(await sql<{ id: string; origin: string; body: string }[]>`
      select id, origin, body from exchange.resource
      where member_id = ${memberId} and type = 'Provenance' and targets @> array[${target}] and not deleted
        order by last_updated, id limit 20`),
  ];
}

/** Texts of members' own Patient records, by member. Served by the primary key of resource. */
export async function patientTexts(sql: Queryable, memberIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await sql<{ id: string; body: string }[]>`
    select r.member_id as id, r.body from unnest(${[...memberIds]}::text[]) m(id)
    join exchange.resource r on r.member_id = m.id and r.type = 'Patient' and r.id = m.id`;
  return new Map(rows.map((r) => [r.id, r.body]));
}

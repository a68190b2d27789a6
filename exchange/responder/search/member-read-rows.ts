// Records of single members, as a peer may see them today: the conditions are those of the export, so that both ways show
// the same. Every statement names its members and is served by the primary key (member_id, type, id).
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { HOLDS_DOCUMENTS } from '../../records/facts/attachment.ts';
import { REVEALED, UNDECIDED } from '../../records/revealed.ts';
import { isNew, LINKED, MAY_LEAVE, MOVED, NAMES, recordsOfEach, SERVICE_DAYS } from '../export/export-rows.ts';
import type { Grant as WholeGrant } from '../grant.ts';

export type Grant = Pick<WholeGrant, 'memberId' | 'policy'> & Partial<Pick<WholeGrant, 'policyThen'>>;

/** Today, and what follows from it. */
export type Days = { windowStart: string; yearAgo: string; today: string };
export type MemberRow = {
  memberId: string;
  type: string;
  id: string;
  version: number;
  text: string;
  lastUpdated: Date;
  /** links of ours stand in its text in the place of a peer's addresses */
  linked: boolean;
  /** its days of service, `FIRST/LAST`; null when it has none */
  days: string | null;
};

export const GRANTED = 'from unnest($1::text::text[], $2::text::text[]) g(member_id, policy)';
/** The same with the policy that held at the time since when is asked, of parameter `n`. */
const grantedThen = (n: number) =>
  `from unnest($1::text::text[], $2::text::text[], $${n}::text::text[]) g(member_id, policy, policy_then)`;
const policiesThen = (grants: readonly Grant[]) => arrayLiteral(grants.map((g) => g.policyThen ?? ''));
export const COLUMNS = `r.member_id as "memberId", r.type, r.id, r.version, coalesce(r.shared, r.body) as text,
  r.last_updated as "lastUpdated", ${LINKED}, ${SERVICE_DAYS} as days`;
export const grantedBase = (grants: readonly Grant[], d: Days) => [
  arrayLiteral(grants.map((g) => g.memberId)),
  arrayLiteral(grants.map((g) => g.policy)),
  d.windowStart,
  d.yearAgo,
  d.today,
];

export type Position = { memberId: string; type: string; id: string };
export type RowsWanted = {
  types: readonly string[];
  ids?: readonly string[] | undefined;
  /** what changed or came into view after this, as for an export; the grants tell what held then */
  since?: Date | undefined;
  /** half-open range of `lastUpdated` */
  from?: Date | undefined;
  to?: Date | undefined;
  after?: Position | undefined;
  limit: number;
};

const RECORDS = `select ${COLUMNS} ${grantedThen(15)}
  ${recordsOfEach(' and r.type = any($6::text::text[]) and ($7::text is null or r.id = any($7::text::text[]))')}
  where not r.deleted and ${isNew('$14')}
    and ($8::timestamptz is null or r.last_updated >= $8::timestamptz) and ($9::timestamptz is null or r.last_updated < $9::timestamptz)
    and ($10::text is null or (r.member_id, r.type, r.id) > ($10, $11::text, $12::text)) and ${MAY_LEAVE}
  order by r.member_id, r.type, r.id limit $13`;
const recordsWanted = (grants: readonly Grant[], days: Days, want: RowsWanted) => [
  ...grantedBase(grants, days),
  arrayLiteral(want.types),
  want.ids === undefined ? null : arrayLiteral(want.ids),
  want.from ?? null,
  want.to ?? null,
  want.after?.memberId ?? null,
  want.after?.type ?? null,
  want.after?.id ?? null,
  want.limit,
  want.since ?? null,
  policiesThen(grants),
];

/** Records that may leave, in the order of the primary key. */
export async function memberRows(
  sql: Queryable,
  grants: readonly Grant[],
  days: Days,
  want: RowsWanted,
): Promise<MemberRow[]> {
  if (grants.length === 0) return [];
  return [...(await sql.unsafe<MemberRow[]>(RECORDS, recordsWanted(grants, days, want)))];
}

/** Bytes of records that a page has, or a little more: what many ask for at once is held in memory, each in several forms. */
export const PAGE_BYTES = 2 * 1024 * 1024;

/**
 * The same, with so many that they are {@link PAGE_BYTES} together, one at least. The texts of others are not read.
 * @returns `isCut`: there are more
 */
export async function memberPage(
  sql: Queryable,
  grants: readonly Grant[],
  days: Days,
  want: RowsWanted,
): Promise<{ rows: MemberRow[]; isCut: boolean }> {
  if (grants.length === 0) return { rows: [], isCut: false };
  const found = await sql.unsafe<(MemberRow & { all: number; before: string })[]>(
    `select * from (
       select x.*, count(*) over ()::int as "all",
         coalesce(sum(octet_length(x.text)) over (order by x."memberId", x.type, x.id rows between unbounded preceding
           and 1 preceding), 0) as before
       from (${RECORDS}) x) y
     where before < ${PAGE_BYTES} order by "memberId", type, id`,
    recordsWanted(grants, days, want),
  );
  return {
    rows: found.map(({ all: _, before: __, ...row }) => row),
    isCut: found.length < (found[0]?.all ?? 0),
  };
}

/** The text of a record as we keep it, with what its form for peers leaves out. resource_pkey. */
export async function ownText(sql: Queryable, row: MemberRow): Promise<string | undefined> {
  const [found] = await sql<{ body: string }[]>`
    select body from exchange.resource where member_id = ${row.memberId} and type = ${row.type} and id = ${row.id}`;
  return found?.body;
}

/** Does a record of the member that may leave link to this Binary? By the primary key, over the member's documents. */
export async function isLinked(
  sql: Queryable,
  grants: readonly Grant[],
  days: Days,
  memberId: string,
  binaryId: string,
): Promise<boolean> {
  const [row] = await sql.unsafe(
    `select 1 ${GRANTED} ${recordsOfEach(' and r.member_id = $6 and r.type = any($7::text::text[])')}
     where not r.deleted and position($8::text in coalesce(r.shared, r.body)) > 0 and ${MAY_LEAVE} limit 1`,
    [...grantedBase(grants, days), memberId, arrayLiteral([...HOLDS_DOCUMENTS]), `"url":"Binary/${binaryId}"`],
  );
  return row !== undefined;
}

/** Keys of all records of some types that may leave, with their time: what a Transmitter Provenance is about. */
export async function leavingKeys(
  sql: Queryable,
  grants: readonly Grant[],
  days: Days,
  types: readonly string[],
  since: Date | undefined,
): Promise<{ key: string; lastUpdated: Date }[]> {
  return [
    ...(await sql.unsafe<{ key: string; lastUpdated: Date }[]>(
      `select r.type || '/' || r.id as key, r.last_updated as "lastUpdated" ${grantedThen(8)} ${recordsOfEach()}
       where not r.deleted and r.type = any($6::text::text[]) and r.type <> 'Provenance'
         and ${isNew('$7')} and ${MAY_LEAVE} order by 1`,
      [...grantedBase(grants, days), arrayLiteral(types), since ?? null, policiesThen(grants)],
    )),
  ];
}

export type SharedRow = { type: string; id: string; version: number; text: string; lastUpdated: Date };
export const SHARED = `s.type, s.id, s.version, s.body as text, s.last_updated as "lastUpdated"`;

/**
 * A directory-type record by its key, the label of what it reveals, and whether that is undecided after an update. shared_resource_pkey.
 */
export async function sharedByKey(
  sql: Queryable,
  key: string,
): Promise<{ row: SharedRow; reveals: number; isUndecided: boolean } | undefined> {
  const [found] = await sql.unsafe<(SharedRow & { reveals: number; isUndecided: boolean })[]>(
    `select ${SHARED}, ${REVEALED('k')} as reveals, ${UNDECIDED('k')} as "isUndecided" from (select $1::text as k) k
     join exchange.shared_resource s on s.type = split_part(k, '/', 1) and s.id = split_part(k, '/', 2) where not s.deleted`,
    [key],
  );
  if (found === undefined) return undefined;
  const { reveals, isUndecided, ...row } = found;
  return { row, reveals, isUndecided };
}

type SharedWanted = {
  types: readonly string[];
  of: readonly string[];
  ids?: readonly string[] | undefined;
  since?: Date | undefined;
  /** half-open range of `lastUpdated` */
  from?: Date | undefined;
  to?: Date | undefined;
  after?: { type: string; id: string } | undefined;
  limit?: number;
};

/** @param columns of `s`, shared_resource; the order needs its type and id */
const sharedNamed = (columns: string) => `with named as materialized (
         select k as key, max(case when ${isNew('$11')} then 'infinity' else ${MOVED('r')} end) as at
         ${grantedThen(12)} ${recordsOfEach()} cross join unnest(${NAMES}) k where not r.deleted and r.type = any($6::text::text[])
           and ${MAY_LEAVE}
         group by k
       ), reached as (
         select key, at from named union all
         select k, greatest(n.at, s.last_updated) from named n join exchange.shared_resource s on s.type = split_part(n.key, '/', 1)
           and s.id = split_part(n.key, '/', 2)
         cross join unnest(s.links) k
       )
       select ${columns} from (select key, max(at) as at from reached group by key) n
       join exchange.shared_resource s on s.type = split_part(n.key, '/', 1) and s.id = split_part(n.key, '/', 2)
       where not s.deleted and ($11::timestamptz is null or s.last_updated > $11::timestamptz or n.at > $11::timestamptz)
         and s.type = any($7::text::text[]) and ($8::text is null or (s.type, s.id) > ($8, $9::text))
         and ($13::text is null or s.id = any($13::text::text[]))
         and ($14::timestamptz is null or s.last_updated >= $14::timestamptz) and ($15::timestamptz is null
           or s.last_updated < $15::timestamptz)
       order by s.type, s.id limit $10`;
const sharedWanted = (grants: readonly Grant[], days: Days, want: SharedWanted) => [
  ...grantedBase(grants, days),
  arrayLiteral(want.of),
  arrayLiteral(want.types),
  want.after?.type ?? null,
  want.after?.id ?? null,
  want.limit ?? null,
  want.since ?? null,
  policiesThen(grants),
  want.ids === undefined ? null : arrayLiteral(want.ids),
  want.from ?? null,
  want.to ?? null,
];

/**
 * Directory-type records that the leaving records of the members name, and those that these name, in order of their keys; so many that they
 * are `bytes` together, one at least. The texts of others are not read. `since`: those that changed after it, or are named by what is new
 * since then.
 * @returns `isCut`: there are more, within `limit` or beyond it
 */
export async function sharedOf(
  sql: Queryable,
  grants: readonly Grant[],
  days: Days,
  want: SharedWanted & { limit: number; bytes: number },
): Promise<{ rows: SharedRow[]; isCut: boolean }> {
  if (grants.length === 0) return { rows: [], isCut: false };
  const found = await sql.unsafe<(SharedRow & { all: number; before: string })[]>(
    `select * from (
       select x.*, count(*) over ()::int as "all",
         coalesce(sum(octet_length(x.text)) over (order by x.type, x.id rows between unbounded preceding and 1 preceding), 0) as before
       from (${sharedNamed(SHARED)}) x) y
     where before < $16::bigint order by type, id`,
    [...sharedWanted(grants, days, { ...want, limit: want.limit + 1 }), want.bytes],
  );
  const rows = found.slice(0, want.limit).map(({ all: _, before: __, ...row }) => row);
  return { rows, isCut: rows.length < (found[0]?.all ?? 0) };
}

/** Keys of all of them, with their time: what a Transmitter Provenance is about. */
export async function sharedKeysOf(
  sql: Queryable,
  grants: readonly Grant[],
  days: Days,
  want: SharedWanted,
): Promise<{ key: string; lastUpdated: Date }[]> {
  if (grants.length === 0) return [];
  const columns = `s.type || '/' || s.id as key, s.last_updated as "lastUpdated"`;
  return [
    ...(await sql.unsafe<{ key: string; lastUpdated: Date }[]>(sharedNamed(columns), sharedWanted(grants, days, want))),
  ];
}

// What the merged record of one member is made from. Every statement names the member and is served by a primary key or an
// index that begins with it.
import { arrayLiteral, type Database, type Queryable } from '../../../src/db/database.ts';
import { DENIED_SINCE } from '../hidden-pa.ts';
import { OUTLIVED } from '../outlived.ts';

export type MergedRow = {
  type: string;
  id: string;
  origin: string;
  sourceId: string | null;
  lastUpdated: Date;
  label: number | null;
  paEnd: string | null;
  links: string[] | null;
  /** of a received record with our own links in the place of a peer's addresses */
  body: string;
  linked: boolean;
};

const MERGED = `r.type, r.id, r.origin, r.source_id as "sourceId", r.last_updated as "lastUpdated", r.label, r.pa_end::text as "paEnd", r.links,
  case when r.origin = 'own' then r.body else coalesce(r.shared, r.body) end as body, r.shared is not null and r.origin <> 'own' as linked`;

/** Visible records of a member, in pages by type and id, after a place in that order. */
export async function* mergedRows(
  database: Pick<Database, 'sql'>,
  memberId: string,
  size = 500,
  from: { type: string; id: string } = { type: '', id: '' },
): AsyncGenerator<MergedRow[]> {
  let after = from;
  for (;;) {
    // taken for each page: a Worker has another client once it has answered
    const { sql } = database;
    const page = await sql<MergedRow[]>`
      select ${sql.unsafe(MERGED)} from exchange.resource r
      where r.member_id = ${memberId} and (r.type, r.id) > (${after.type}, ${after.id}) and not r.deleted
      order by r.type, r.id limit ${size}`;
    if (page.length > 0) yield [...page];
    const last = page.at(-1);
    if (page.length < size || !last) return;
    after = { type: last.type, id: last.id };
  }
}

/** A record that a link, a claim of several versions or a decision names. `lastUpdated`: of a received one when it was changed where it comes from, if that is said. */
export type MergedKey = {
  type: string;
  id: string;
  origin: string;
  lastUpdated: Date;
  label: number | null;
  isAuthorization: boolean;
  /** a copy of a record that its payer took back, or of an authorization that was denied since */
  withheld: 'outlived' | 'denied-since' | null;
};

/** Is a record in SQL `r` a prior authorization? Its `use`, as the claim's facts hold it. */
const AUTHORIZATION = `coalesce(r.claim->>'use' = 'preauthorization', false)`;

/**
 * Visible records of a member of which several may be one thing, or which a decision names; all others stand for themselves. Those of several
 * payers come in any order: which of them is the newest does not follow from it. Primary keys.
 */
export async function mergedKeys(sql: Queryable, memberId: string): Promise<MergedKey[]> {
  return [
    ...(await sql.unsafe<MergedKey[]>(
      `with linked as materialized (
        select type, a_id as id from exchange.link where member_id = $1 and state = 'confirmed' and kind in ('same-record', 'same-event')
        union
        select type, b_id from exchange.link where member_id = $1 and state = 'confirmed' and kind in ('same-record', 'same-event')
      ), named as materialized (
        select type, id from linked
        union
        select 'ExplanationOfBenefit', i from exchange.chain c cross join jsonb_array_elements(c.nodes) n cross join jsonb_array_elements_text(n->'ids') i
        where c.member_id = $1 and (jsonb_array_length(c.nodes) > 1 or jsonb_array_length(c.nodes->0->'ids') > 1)
        union
        select i.type, x from exchange.review_item i cross join unnest(array[i.a_id, i.b_id]) x
        where i.member_id = $1 and i.state = 'decided' and x is not null
        union
        select type, id from exchange.resource where member_id = $1 and withheld = '${OUTLIVED}'
        union
        select type, id from exchange.resource where member_id = $1 and type = 'ExplanationOfBenefit' and withheld = '${DENIED_SINCE}'
      )
      select r.type, r.id, r.origin, coalesce(i.last_updated, r.last_updated) as "lastUpdated", r.label, ${AUTHORIZATION} as "isAuthorization", case when r.withheld in ('${OUTLIVED}', '${DENIED_SINCE}') then r.withheld end as withheld
      from named n join exchange.resource r on r.member_id = $1 and r.type = n.type and r.id = n.id and not r.deleted
      left join linked l on l.type = r.type and l.id = r.id
      left join lateral (
        select i.last_updated from exchange.identity i
        where l.id is not null and r.origin <> 'own' and i.peer_id = r.origin and i.type = r.type and i.source_id = r.source_id offset 0) i on true
      order by r.type, r.id`,
      [memberId],
    )),
  ];
}

/** How many visible records of a member are alike in what the timeline chooses by. */
export type MergedCount = Pick<MergedKey, 'type' | 'origin' | 'isAuthorization'> & { isSensitive: boolean; n: number };
/** A record that is not labelled yet counts as sensitive. resource_pkey. */
export async function mergedCounts(sql: Queryable, memberId: string): Promise<MergedCount[]> {
  return [
    ...(await sql.unsafe<MergedCount[]>(
      `select r.type, r.origin, ${AUTHORIZATION} as "isAuthorization", coalesce(r.label, 1) > 0 as "isSensitive", count(*)::int as n
       from exchange.resource r where r.member_id = $1 and not r.deleted group by 1, 2, 3, 4 order by 1, 2, 3, 4`,
      [memberId],
    )),
  ];
}

/** A place in the timeline of a member: newest day first, then by `Type/id`. */
export type DayPlace = { day: string; type: string; id: string };
/** What is read of a timeline: records of these origins and, if that is said, of one kind or without what is sensitive. */
export type DayFilter = {
  origins: readonly string[];
  withSensitive: boolean;
  kinds: readonly Pick<MergedKey, 'type' | 'isAuthorization'>[] | undefined;
};

/** Places after one in the timeline of a member. resource_day. */
export async function placesAfter(
  sql: Queryable,
  memberId: string,
  filter: DayFilter,
  after: DayPlace | undefined,
  limit: number,
): Promise<(DayPlace & { origin: string })[]> {
  const kinds = filter.kinds?.map((k) => `${k.type} ${String(k.isAuthorization)}`);
  return [
    ...(await sql.unsafe<(DayPlace & { origin: string })[]>(
      `select r.day, r.type, r.id, r.origin from exchange.resource r
       where r.member_id = $1 and not r.deleted and r.type <> 'Patient' and r.type <> 'Provenance' and r.day is not null and r.origin = any($2::text::text[]) and ($3 or r.label = 0)
         and ($4::text is null or r.type || ' ' || ${AUTHORIZATION} = any($4::text::text[]))
         and ($5::text is null or (r.day <= $5 and (r.day < $5 or (r.type collate "C", r.id collate "C") > ($6, $7))))
       order by r.day desc, r.type collate "C", r.id collate "C" limit $8`,
      [
        memberId,
        arrayLiteral(filter.origins),
        filter.withSensitive,
        kinds === undefined ? null : arrayLiteral(kinds),
        after?.day ?? null,
        after?.type ?? null,
        after?.id ?? null,
        limit,
      ],
    )),
  ];
}

/** Records of a member that are still visible, in any order. resource_pkey. */
export async function mergedOf(
  sql: Queryable,
  memberId: string,
  keys: readonly Pick<MergedKey, 'type' | 'id'>[],
): Promise<MergedRow[]> {
  return [
    ...(await sql.unsafe<MergedRow[]>(
      `select ${MERGED} from unnest($2::text::text[], $3::text::text[]) k(type, id)
       join exchange.resource r on r.member_id = $1 and r.type = k.type and r.id = k.id and not r.deleted`,
      [memberId, arrayLiteral(keys.map((k) => k.type)), arrayLiteral(keys.map((k) => k.id))],
    )),
  ];
}

/** Some records of a member of which no day is noted: an older program wrote them. resource_day. */
export async function withoutDay(sql: Queryable, memberId: string, limit: number) {
  return [
    ...(await sql.unsafe<{ type: string; id: string; version: number; body: string }[]>(
      `select r.type, r.id, r.version, r.body from exchange.resource r where r.member_id = $1 and not r.deleted and r.type <> 'Patient' and r.type <> 'Provenance' and r.day is null limit $2`,
      [memberId, limit],
    )),
  ];
}

/** Notes the days of records that have none yet and were not written meanwhile. resource_pkey. */
export async function noteDays(
  sql: Queryable,
  memberId: string,
  days: readonly { type: string; id: string; version: number; day: string }[],
): Promise<void> {
  await sql.unsafe(
    `update exchange.resource r set day = s.day
     from unnest($2::text::text[], $3::text::text[], $4::text::integer[], $5::text::text[]) s(type, id, version, day)
     where r.member_id = $1 and r.type = s.type and r.id = s.id and r.version = s.version and r.day is null`,
    [
      memberId,
      arrayLiteral(days.map((d) => d.type)),
      arrayLiteral(days.map((d) => d.id)),
      arrayLiteral(days.map((d) => d.version)),
      arrayLiteral(days.map((d) => d.day)),
    ],
  );
}

export type MergedLink = { type: string; a: string; b: string; kind: string; state: string; rule: string };
export async function mergedLinks(sql: Queryable, memberId: string): Promise<MergedLink[]> {
  return [
    ...(await sql<MergedLink[]>`
      select type, a_id as a, b_id as b, kind, state, rule from exchange.link where member_id = ${memberId} and b_type is null order by 1, 2, 3, 4`),
  ];
}

export type MergedItem = {
  id: string;
  kind: string;
  type: string;
  aId: string | null;
  bId: string | null;
  peerId: string;
  state: string;
  decision: string | null;
};
/** Items of a member that show or hide something. review_item_member. */
export async function mergedItems(sql: Queryable, memberId: string): Promise<MergedItem[]> {
  return [
    ...(await sql<MergedItem[]>`
      select id, kind, type, a_id as "aId", b_id as "bId", peer_id as "peerId", state, decision from exchange.review_item
      where member_id = ${memberId} and state in ('open', 'decided') and (b_id is not null or kind = 'identity-doubt')`),
  ];
}

export type ReceivedPlace = { type: string; id: string; pullId: string; file: number; line: number; entry: number };
/** The line from which each of some received records came last. ledger_member. */
export async function receivedPlaces(
  sql: Queryable,
  memberId: string,
  keys: readonly Pick<MergedKey, 'type' | 'id'>[],
): Promise<ReceivedPlace[]> {
  return [
    ...(await sql<ReceivedPlace[]>`
      select distinct on (l.type, l.local_id) l.type, l.local_id as id, l.pull_id as "pullId", l.file, l.line, l.entry
      from unnest(${arrayLiteral(keys.map((k) => k.type))}::text::text[], ${arrayLiteral(keys.map((k) => k.id))}::text::text[]) k(type, id)
      join exchange.ledger_unit l on l.member_id = ${memberId} and l.type = k.type and l.local_id = k.id
      join exchange.pull p on p.id = l.pull_id
      where l.outcome in ('created', 'updated', 'linked-duplicate')
      order by l.type, l.local_id, p.created_at desc, l.file desc, l.line desc`),
  ];
}

/** The label of a record that is shown; undefined when there is none. resource_pkey. */
export async function labelOfRecord(
  sql: Queryable,
  memberId: string,
  type: string,
  id: string,
): Promise<{ label: number | null } | undefined> {
  const [row] = await sql<{ label: number | null }[]>`
    select label from exchange.resource where member_id = ${memberId} and type = ${type} and id = ${id} and not deleted`;
  return row;
}

/** The member's newest choice about the exchange. */
export async function lastChoice(sql: Queryable, memberId: string): Promise<string | undefined> {
  const [row] = await sql<{ choice: string }[]>`
    select choice from exchange.consent where member_id = ${memberId} order by recorded_on desc, created_at desc, id desc limit 1`;
  return row?.choice;
}

/** Texts of directory-type records, in pages. Primary key. */
export async function* sharedTexts(
  database: Pick<Database, 'sql'>,
  keys: readonly string[],
  size = 500,
): AsyncGenerator<{ key: string; body: string }[]> {
  for (let i = 0; i < keys.length; i += size)
    yield [
      ...(await database.sql<{ key: string; body: string }[]>`
        select k as key, e.body from unnest(${keys.slice(i, i + size)}::text[]) k
        join exchange.shared_resource e on e.type = split_part(k, '/', 1) and e.id = split_part(k, '/', 2) and not e.deleted order by k`),
    ];
}

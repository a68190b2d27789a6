// What the merged record of one member is made from. Every statement names the member and is served by a primary key or an
// index that begins with it.
import type { Database, Queryable } from '../../../src/store/database.ts';

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
      select type, id, origin, source_id as "sourceId", last_updated as "lastUpdated", label, pa_end::text as "paEnd", links,
        case when origin = 'own' then body else coalesce(shared, body) end as body, shared is not null and origin <> 'own' as linked
      from exchange.resource where member_id = ${memberId} and (type, id) > (${after.type}, ${after.id}) and not deleted
      order by type, id limit ${size}`;
    if (page.length > 0) yield [...page];
    const last = page.at(-1);
    if (page.length < size || !last) return;
    after = { type: last.type, id: last.id };
  }
}

/** `lastUpdated`: of a received record that is linked with another one, when it was changed where it comes from, if that is said. */
export type MergedKey = { type: string; id: string; origin: string; lastUpdated: Date };
/** The same without texts, whole. Those of several payers come in any order: which of them is the newest does not follow from it. Primary keys. */
export async function mergedKeys(sql: Queryable, memberId: string): Promise<MergedKey[]> {
  return [
    ...(await sql<MergedKey[]>`
      with linked as materialized (
        select type, a_id as id from exchange.link where member_id = ${memberId} and state = 'confirmed' and kind in ('same-record', 'same-event')
        union
        select type, b_id from exchange.link where member_id = ${memberId} and state = 'confirmed' and kind in ('same-record', 'same-event')
      )
      select r.type, r.id, r.origin, coalesce(i.last_updated, r.last_updated) as "lastUpdated"
      from exchange.resource r left join linked l on l.type = r.type and l.id = r.id
      left join lateral (
        select i.last_updated from exchange.identity i
        where l.id is not null and r.origin <> 'own' and i.peer_id = r.origin and i.type = r.type and i.source_id = r.source_id offset 0) i on true
      where r.member_id = ${memberId} and not r.deleted order by r.type, r.id`),
  ];
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
/** The line from which each received record came last. ledger_member. */
export async function receivedPlaces(sql: Queryable, memberId: string): Promise<ReceivedPlace[]> {
  return [
    ...(await sql<ReceivedPlace[]>`
      select distinct on (l.type, l.local_id) l.type, l.local_id as id, l.pull_id as "pullId", l.file, l.line, l.entry
      from exchange.ledger_unit l join exchange.pull p on p.id = l.pull_id
      where l.member_id = ${memberId} and l.outcome in ('created', 'updated', 'linked-duplicate') and l.local_id is not null
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

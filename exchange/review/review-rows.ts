// Items for people and what was decided about them. Statements on clinical tables name their member.
import type { Queryable } from '../../src/db/database.ts';
import { isReleasedVersion } from '../records/released-version.ts';

export type Item = {
  id: string;
  memberId: string | null;
  kind: string;
  weight: number;
  type: string;
  aType: string | null;
  aId: string | null;
  bType: string | null;
  bId: string | null;
  peerId: string;
  pullId: string | null;
  file: number | null;
  line: number | null;
  entry: number | null;
  rule: string;
  detail: string;
  state: 'open' | 'decided' | 'gone';
  decision: string | null;
  openedAt: Date;
  reopened: number;
  /** changes whenever the item does: what a person saw */
  mark: string;
};

/** An item as it is; `i` is its row. */
export const MARK =
  "md5(concat_ws('|', i.a_hash::text, i.b_hash::text, i.state, i.reopened, (select max(d.id) from exchange.review_decision d where d.item_id = i.id)))";

const COLUMNS = `i.id, i.member_id as "memberId", i.kind, i.weight, i.type, i.a_type as "aType", i.a_id as "aId", i.b_type as "bType", i.b_id as "bId",
  i.peer_id as "peerId", i.pull_id as "pullId", i.file, i.line, i.entry, i.rule, i.detail, i.state, i.decision, i.opened_at as "openedAt", i.reopened,
  ${MARK} as mark`;

export type ItemFilter = {
  state: Item['state'];
  kind?: string | undefined;
  weight?: number | undefined;
  memberId?: string | undefined;
  decision?: string | undefined;
  peerId?: string | undefined;
  pullId?: string | undefined;
};
export type ItemPlace = { weight: number; at: Date; id: string };

/** Heaviest first, then the oldest. Open ones by review_item_open. */
export async function listItems(sql: Queryable, f: ItemFilter, limit: number, after?: ItemPlace): Promise<Item[]> {
  return [
    ...(await sql.unsafe<Item[]>(
      `select ${COLUMNS} from exchange.review_item i
       where i.state = $1 and ($2::text is null or i.kind = $2) and ($3::integer is null or i.weight = $3) and ($4::text is null or i.member_id = $4) and ($9::text is null or i.decision = $9) and ($10::text is null or i.peer_id = $10) and ($11::text is null or i.pull_id = $11)
         and ($5::integer is null or (-i.weight, i.opened_at, i.id) > (-$5, $6::timestamptz, $7))
       order by i.weight desc, i.opened_at, i.id limit $8`,
      [
        f.state,
        f.kind ?? null,
        f.weight ?? null,
        f.memberId ?? null,
        after?.weight ?? null,
        after?.at ?? null,
        after?.id ?? null,
        limit,
        f.decision ?? null,
        f.peerId ?? null,
        f.pullId ?? null,
      ],
    )),
  ];
}

/** How many items there are, by state and kind. */
export async function countItems(
  sql: Queryable,
): Promise<{ state: Item['state']; kind: string; weight: number; n: number }[]> {
  return [
    ...(await sql<{ state: Item['state']; kind: string; weight: number; n: number }[]>`
      select state, kind, weight, count(*)::int as n from exchange.review_item group by 1, 2, 3 order by weight desc, kind`),
  ];
}

/** One item; `forUpdate` holds it for the transaction. Primary key. */
export async function findItem(sql: Queryable, id: string, forUpdate = false): Promise<Item | undefined> {
  if (forUpdate) await sql`select from exchange.review_item where id = ${id} for update`;
  const [row] = await sql.unsafe<Item[]>(`select ${COLUMNS} from exchange.review_item i where i.id = $1`, [id]);
  return row;
}

export type Decision = {
  id: string;
  decision: string;
  undoes: string | null;
  bySubject: string;
  byName: string;
  role: string;
  at: Date;
  reason: string;
  rules: number;
};

/** What was decided about an item, oldest first. review_decision_item. */
export async function decisionsOf(sql: Queryable, itemId: string): Promise<Decision[]> {
  return [
    ...(await sql<Decision[]>`
      select id::text as id, decision, undoes::text as undoes, by_subject as "bySubject", by_name as "byName", role, at, reason, rules
      from exchange.review_decision d where item_id = ${itemId} order by d.id`),
  ];
}

/** Writes a decision and sets the item: with `undoes`, it is open again. */
export async function writeDecision(
  tx: Queryable,
  item: Item,
  d: {
    decision: string;
    undoes: string | null;
    subject: string;
    name: string;
    role: string;
    at: Date;
    reason: string;
    rules: number;
  },
): Promise<void> {
  await tx`
    insert into exchange.review_decision (item_id, decision, undoes, by_subject, by_name, role, at, reason, a_hash, b_hash, rules)
    select ${item.id}, ${d.decision}, ${d.undoes}::bigint, ${d.subject}, ${d.name}, ${d.role}, ${d.at}, ${d.reason}, a_hash, b_hash, ${d.rules}
    from exchange.review_item where id = ${item.id}`;
  await tx`
    update exchange.review_item set state = ${d.undoes === null ? 'decided' : 'open'}, decision = ${d.undoes === null ? d.decision : null} where id = ${item.id}`;
}

/** The two sides of its link, in the order of the database, whatever its locale. */
const sides = (tx: Queryable, { aId, bId }: Item) =>
  [tx`least(${aId}::text, ${bId}::text)`, tx`greatest(${aId}::text, ${bId}::text)`] as const;

/** Two records are one thing because a person says so. */
export async function linkByPerson(tx: Queryable, item: Item): Promise<void> {
  const [a, b] = sides(tx, item);
  await tx`
    insert into exchange.link (member_id, type, a_id, b_id, kind, score, state, rule, pull_id)
    values (${item.memberId}, ${item.type}, ${a}, ${b}, 'same-event', 1, 'confirmed', 'decision', ${item.pullId})
    on conflict (member_id, type, a_id, b_id, kind) do update set state = 'confirmed', rule = 'decision'`;
}

/** They are two things, whatever the rules say: what links them is rejected, and stays so. */
export async function unlinkByPerson(tx: Queryable, item: Item): Promise<void> {
  const [a, b] = sides(tx, item);
  await tx`
    insert into exchange.link (member_id, type, a_id, b_id, kind, score, state, rule, pull_id)
    values (${item.memberId}, ${item.type}, ${a}, ${b}, 'same-event', 0, 'rejected', 'decision', ${item.pullId}) on conflict do nothing`;
  await tx`
    update exchange.link set state = 'rejected', rule = 'decision'
    where member_id = ${item.memberId} and type = ${item.type} and a_id = ${a} and b_id = ${b} and kind in ('same-record', 'same-event')`;
}

/**
 * Takes back what {@link linkByPerson} or {@link unlinkByPerson} did. What the rules said before is there again: they say 1 of the same record alone.
 * @returns whether anything was
 */
export async function undoLinks(tx: Queryable, item: Item): Promise<boolean> {
  const [a, b] = sides(tx, item);
  const made = await tx`
    delete from exchange.link
    where member_id = ${item.memberId} and type = ${item.type} and a_id = ${a} and b_id = ${b} and rule = 'decision' and ((kind = 'same-event' and score = 1) or score = 0)
    returning 1`;
  const changed = await tx`
    update exchange.link set state = case when score >= 0.9::real then 'confirmed' else 'proposed' end, rule = 'undone'
    where member_id = ${item.memberId} and type = ${item.type} and a_id = ${a} and b_id = ${b} and rule = 'decision' returning 1`;
  return made.length + changed.length > 0;
}

/**
 * What people said last of whether two records are one, in whatever item and of whatever versions, and have not taken back; undefined when nothing. That
 * their payer is told says nothing of it. review_item_member, review_decision_item.
 */
export async function saidOfPair(tx: Queryable, item: Item): Promise<string | undefined> {
  const [a, b] = sides(tx, item);
  const [row] = await tx<{ decision: string }[]>`
    select d.decision from exchange.review_item i join exchange.review_decision d on d.item_id = i.id
    where i.member_id = ${item.memberId} and i.type = ${item.type} and least(i.a_id, i.b_id) = ${a} and greatest(i.a_id, i.b_id) = ${b}
      and d.undoes is null and d.decision not in ('report-to-peer', 'dismiss')
      and not exists (select from exchange.review_decision u where u.item_id = d.item_id and u.undoes = d.id)
    order by d.id desc limit 1`;
  return row?.decision;
}

export type StoredRecord = {
  type: string;
  id: string;
  origin: string;
  version: number;
  deleted: boolean;
  body: string;
};

/** A record of a member. Primary key. */
export async function memberRecord(
  sql: Queryable,
  memberId: string,
  type: string,
  id: string,
): Promise<StoredRecord | undefined> {
  const [row] = await sql<StoredRecord[]>`
    select type, id, origin, version, deleted, body from exchange.resource where member_id = ${memberId} and type = ${type} and id = ${id}`;
  return row;
}

/** Names of directory-type records by key `Type/id`. Primary key. */
export async function directoryNames(sql: Queryable, keys: readonly string[]): Promise<Map<string, string>> {
  if (keys.length === 0) return new Map();
  const rows = await sql<{ key: string; body: string }[]>`
    select k as key, e.body from unnest(${[...keys]}::text[]) k
    join exchange.shared_resource e on e.type = split_part(k, '/', 1) and e.id = split_part(k, '/', 2)`;
  return new Map(rows.map((r) => [r.key, r.body]));
}

/** Text of one of the records that each item is about, by item. Primary keys. */
export async function itemTexts(sql: Queryable, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = await sql<{ id: string; body: string }[]>`
    select i.id, r.body from exchange.review_item i
    join exchange.resource r on r.member_id = i.member_id and r.type = coalesce(i.b_type, i.a_type) and r.id = coalesce(i.b_id, i.a_id)
    where i.id = any(${[...ids]}::text[])`;
  return new Map(rows.map((r) => [r.id, r.body]));
}

/** A claim that another one is held for: its item, while there is one, and the line that brought it last. */
export type OtherClaim = {
  sourceId: string;
  itemId: string | null;
  pullId: string | null;
  file: number | null;
  line: number | null;
  entry: number | null;
};

/** Was the version that an item asks about released from another check? review_item_pkey, review_decision_item. */
export async function isReleasedElsewhere(sql: Queryable, itemId: string): Promise<boolean> {
  const [row] = await sql<{ is: boolean }[]>`
    select ${sql.unsafe(isReleasedVersion('i.id', 'i.b_hash'))} as is from exchange.review_item i where i.id = ${itemId} and i.state = 'open'`;
  return row?.is ?? false;
}

/** Of whom a record of a payer is known here, in whatever state but held. identity_pkey. */
export async function knownOf(
  sql: Queryable,
  peerId: string,
  type: string,
  sourceId: string,
): Promise<string | undefined> {
  const [row] = await sql<{ id: string }[]>`
    select i.member_id as id from exchange.identity i
    where i.peer_id = ${peerId} and i.type = ${type} and i.source_id = ${sourceId} and i.state <> 'quarantined' and i.member_id is not null`;
  return row?.id;
}

/** Claims of a payer by their ids there. Primary keys of review_item and identity; ledger_member. */
export async function otherClaims(sql: Queryable, peerId: string, sourceIds: readonly string[]): Promise<OtherClaim[]> {
  return [
    ...(await sql<OtherClaim[]>`
      select s.id as "sourceId", v.id as "itemId", coalesce(l.pull_id, v.pull_id) as "pullId", coalesce(l.file, v.file) as file, coalesce(l.line, v.line) as line, coalesce(l.entry, v.entry) as entry
      from unnest(${[...sourceIds]}::text[]) s(id)
      left join exchange.review_item v on v.id = md5(concat_ws('|', 'held', ${peerId}::text, 'ExplanationOfBenefit', s.id)) and v.state <> 'gone'
      left join exchange.identity i on i.peer_id = ${peerId} and i.type = 'ExplanationOfBenefit' and i.source_id = s.id
      left join lateral (
        select l.pull_id, l.file, l.line, l.entry from exchange.ledger l
        where l.member_id = i.member_id and l.type = i.type and l.local_id = i.local_id and l.source_id = s.id
        order by l.pull_id = i.last_pull desc, l.file desc, l.line desc limit 1) l on true
      order by s.id`),
  ];
}

// Two members who are one person (docs/decisions/022): who goes on as whom. What moves with it is in members/merge/merge-parts.ts.

import { underLock } from '../../../src/db/advisory-lock.ts';
import type { Database, Queryable } from '../../../src/db/database.ts';

export type Merge = {
  id: string;
  /** who stays */
  memberId: string;
  /** who goes on as that one */
  formerId: string;
  at: Date;
  bySubject: string;
  reason: string;
  /** codes of what spoke against it and was seen */
  opposed: string[];
  undoneAt: Date | null;
  undoneBy: string | null;
  undoReason: string | null;
};

const COLUMNS = `g.id, g.member_id as "memberId", g.former_id as "formerId", g.at, g.by_subject as "bySubject", g.reason, g.opposed,
  g.undone_at as "undoneAt", g.undone_by as "undoneBy", g.undo_reason as "undoReason"`;

/** Is the member one who goes on as another, as SQL? The former one is no member's to ask for, and is not found. member_merge_former. */
export const isFormerSql = (member: string): string =>
  `exists (select from exchange.member_merge g where g.former_id = ${member} and g.undone_at is null)`;

/** How sources begin of choices that no one made: what follows from two members being one, or two again. */
export const NOBODY_SAID = 'two members ';

/** Was choice `c` made by someone, as SQL? */
export const isSaidSql = (c: string): string => `not starts_with(${c}.source, '${NOBODY_SAID}')`;

/** How the source ends of a choice that holds again, as it was before two members were one. */
export const AS_BEFORE = 'as before they were one';

/** Does choice `c` tell what its member had allowed, as SQL? What two choices allowed together takes nothing back that was said. */
export const tellsAllowedSql = (c: string): string =>
  `(${isSaidSql(c)} or right(${c}.source, ${AS_BEFORE.length}) = '${AS_BEFORE}')`;

/** Who stands for a member, as SQL: the one as whom it goes on, else itself. member_merge_former. */
export const standsAsSql = (member: string): string =>
  `coalesce((select g.member_id from exchange.member_merge g where g.former_id = ${member} and g.undone_at is null), ${member})`;

/**
 * A member and who goes on as that one, as an SQL array, for `= any`: an index serves that, and not `in` a query that
 * depends on the row. member_merge_member.
 */
export const isOrWasSql = (member: string): string =>
  `array(select ${member} union all select w.former_id from exchange.member_merge w where w.member_id = ${member} and w.undone_at is null)`;

/** All that was ever said of a member, in force or taken back, the newest first. member_merge is small: few people are there twice. */
export async function mergesOf(sql: Queryable, memberId: string): Promise<Merge[]> {
  return [
    ...(await sql.unsafe<Merge[]>(
      `select ${COLUMNS} from exchange.member_merge g where g.member_id = $1 or g.former_id = $1 order by g.at desc, g.id`,
      [memberId],
    )),
  ];
}

/** The one in force by which a member goes on as another; held for the transaction. member_merge_former. */
export async function mergeOfFormer(tx: Queryable, formerId: string): Promise<Merge | undefined> {
  const [row] = await tx.unsafe<Merge[]>(
    `select ${COLUMNS} from exchange.member_merge g where g.former_id = $1 and g.undone_at is null for update`,
    [formerId],
  );
  return row;
}

/** All ids under which a person is and was a member here, the one that stays first. member_merge_former, member_merge_member. */
export async function idsOfPerson(sql: Queryable, memberId: string): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    with one as (
      select coalesce((select g.member_id from exchange.member_merge g
        where g.former_id = ${memberId} and g.undone_at is null), ${memberId}) as id
    )
    select id, '-infinity'::timestamptz as at from one
    union all
    select g.former_id, g.at from one join exchange.member_merge g on g.member_id = one.id and g.undone_at is null order by at, id`;
  return rows.map((r) => r.id);
}

/** A time in which a person went on as another member, and which was taken back. */
export type TimeAsOther = { mergeId: string; memberId: string; from: Date; to: Date };

/** When a person was taken for another member, under any of its ids. member_merge is small. */
export async function timesAsOther(sql: Queryable, ids: readonly string[]): Promise<TimeAsOther[]> {
  return [
    ...(await sql<TimeAsOther[]>`
      select id as "mergeId", member_id as "memberId", at as "from", undone_at as "to" from exchange.member_merge
      where former_id = any(${[...ids]}::text[]) and undone_at is not null and not member_id = any(${[...ids]}::text[]) order by at, id`),
  ];
}

/** Who goes on as whom, of all: former ids with those that stay. Read once by an import; few people are there twice. */
export async function allFormers(sql: Queryable): Promise<Map<string, string>> {
  const rows = await sql<{ former: string; stays: string }[]>`
    select former_id as former, member_id as stays from exchange.member_merge where undone_at is null`;
  return new Map(rows.map((r) => [r.former, r.stays]));
}

/** Who goes on as another and had this card before: the number itself leads to the one that stays. Undefined for no one, or several. */
export async function formerUnder(sql: Queryable, memberNumber: string): Promise<string | undefined> {
  const rows = await sql<{ id: string }[]>`
    select distinct g.former_id as id from exchange.member_merge g
    join exchange.member_merge_part n on n.merge_id = g.id and n.what = 'enrolment' and n.key = ${memberNumber} where g.undone_at is null`;
  return rows.length === 1 ? rows[0]?.id : undefined;
}

export async function addMerge(
  tx: Queryable,
  m: Pick<Merge, 'id' | 'memberId' | 'formerId' | 'at' | 'bySubject' | 'reason' | 'opposed'> & {
    byKind: string;
    compareAt: Date;
  },
): Promise<void> {
  await tx`
    insert into exchange.member_merge (id, member_id, former_id, at, by_kind, by_subject, reason, opposed, compare_at)
    values (${m.id}, ${m.memberId}, ${m.formerId}, ${m.at}, ${m.byKind}, ${m.bySubject}, ${m.reason},
      ${JSON.stringify(m.opposed)}::text::jsonb, ${m.compareAt})`;
}

export async function endMerge(
  tx: Queryable,
  m: { id: string; at: Date; by: string; reason: string; compareAt: Date },
): Promise<void> {
  await tx`
    update exchange.member_merge set undone_at = ${m.at}, undone_by = ${m.by}, undo_reason = ${m.reason}, compare_at = ${m.compareAt} where
      id = ${m.id}`;
}

/** Takes one whose records are to be compared, until a time. member_merge_compare, nearly always empty. */
export async function claimCompare(
  sql: Queryable,
  now: Date,
  until: Date,
): Promise<{ id: string; memberId: string; formerId: string } | undefined> {
  const [row] = await sql<{ id: string; memberId: string; formerId: string }[]>`
    update exchange.member_merge set compare_at = ${until}
    where id = (select id from exchange.member_merge where compare_at <= ${now} order by compare_at limit 1 for update skip locked)
    returning id, member_id as "memberId", former_id as "formerId"`;
  return row;
}

export async function compared(tx: Queryable, id: string): Promise<void> {
  await tx`update exchange.member_merge set compare_at = null where id = ${id}`;
}

/**
 * The pulls under way of two members, held so that none of them begins to take records in meanwhile: whose they are is read then.
 * pull_member_member.
 * @returns names of payers of those that are taking records in
 */
export async function holdPulls(tx: Queryable, memberIds: readonly string[]): Promise<string[]> {
  const rows = await tx<{ name: string; state: string }[]>`
    select r.name, p.state from exchange.pull p join exchange.peer r on r.id = p.peer_id
    where p.id in (select pull_id from exchange.pull_member where member_id = any(${[...memberIds]}::text[]))
      and p.state not in ('done', 'refused', 'failed', 'withdrawn') order by p.id for update of p`;
  return [...new Set(rows.filter((r) => r.state === 'reconciling').map((r) => r.name))];
}

/** Held, shared, by imports of our own, from when they read who goes on as whom until all is written. */
const MEMBERS_LOCK = 7_206_016;

/** Imports while no two members are merged or unmerged: whose the records are is read at the beginning. */
export const whileNoneMerge = <T>(database: Pick<Database, 'lend'>, work: () => Promise<T>): Promise<T> =>
  underLock(database, { key: MEMBERS_LOCK, isShared: true }, work);

/** Keeps imports from beginning for the rest of the transaction. False while one is under way: no one waits for it, it may take long. */
export async function holdImports(tx: Queryable): Promise<boolean> {
  const [row] = await tx<{ ok: boolean }[]>`select pg_try_advisory_xact_lock(${MEMBERS_LOCK}) as ok`;
  return row?.ok === true;
}

/** Keeps members from being merged or unmerged, for the rest of the transaction; waits until that is through where it is under way. */
export async function waitWhileMerging(tx: Queryable): Promise<void> {
  await tx`select pg_advisory_xact_lock_shared(${MEMBERS_LOCK})`;
}

/** Payers at which both were found, as two persons there. pull_member_member. */
export async function twoPersonsThere(sql: Queryable, a: string, b: string): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    with found as (
      select p.peer_id, m.member_id, array_agg(distinct u.id) as patients
      from exchange.pull_member m join exchange.pull p on p.id = m.pull_id cross join unnest(m.peer_patient_id || m.further_patients) u(id)
      where m.member_id in (${a}, ${b}) and m.outcome = 'matched' and m.peer_patient_id is not null group by 1, 2
    )
    select r.name from found x join found y on y.peer_id = x.peer_id and y.member_id = ${b} join exchange.peer r on r.id = x.peer_id
    where x.member_id = ${a} and not x.patients && y.patients order by 1`;
  return rows.map((r) => r.name);
}

/** Payers that hold a match of the former member: they know the person by that id until they ask again. match_member_member. */
export async function payersKnowing(sql: Queryable, memberId: string): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select distinct r.name from (
      select t.peer_id from exchange.match_member m join exchange.match_group t on t.id = m.group_id
        where m.member_id = ${memberId} and m.outcome = 'match'
      union all
      select peer_id from exchange.match_single where member_id = ${memberId} and outcome = 'match') k
    join exchange.peer r on r.id = k.peer_id order by 1`;
  return rows.map((r) => r.name);
}

/** How much is held of a member, for a person who decides about it. By primary keys and deadline_member. */
export async function heldOf(
  sql: Queryable,
  memberId: string,
): Promise<{ own: number; received: number; clocks: number; requests: number }> {
  const [row] = await sql<{ own: number; received: number; clocks: number; requests: number }[]>`
    select (select count(*)::int from exchange.resource where member_id = ${memberId} and not deleted and origin = 'own'
      and type <> 'Provenance') as own,
      (select count(*)::int from exchange.resource where member_id = ${memberId} and not deleted and origin <> 'own') as received,
      (select count(*)::int from exchange.deadline where member_id = ${memberId} and state in ('open', 'blocked', 'attempted')) as clocks,
      (select count(*)::int from exchange.pull_member where member_id = ${memberId}) as requests`;
  return row ?? { own: 0, received: 0, clocks: 0, requests: 0 };
}

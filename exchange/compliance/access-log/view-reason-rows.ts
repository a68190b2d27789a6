// What people of the plan said they need identifiers for, and the identifiers of members.

import { and, desc, eq, isNull } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { isOneOf, orm } from '../../../src/db/orm.ts';
import { staffReason } from '../../staff/data/schema.ts';
import { SEEN } from './view-volume.ts';

export type StaffReason = Pick<typeof staffReason.$inferSelect, 'about' | 'purpose' | 'words' | 'at'>;

const hashed = (hashHex: string) => Buffer.from(hashHex, 'hex');
/** Those of a session about one of these that have not ended. staff_reason_session. */
const inForce = (sessionHash: string, about: readonly string[]) =>
  and(eq(staffReason.session, hashed(sessionHash)), isOneOf(staffReason.about, about), isNull(staffReason.endedAt));

/** @returns the id of the row, which the audit names */
export async function addReason(
  tx: Queryable,
  r: StaffReason & { sessionHash: string; subject: string; byNumber: boolean },
): Promise<string> {
  const { sessionHash, subject, about, purpose, words, at, byNumber } = r;
  const [row] = await orm(tx)
    .insert(staffReason)
    .values({ session: hashed(sessionHash), subject, about, purpose, words, at, byNumber })
    .returning({ id: staffReason.id });
  return row === undefined ? '' : String(row.id);
}

/** Those of a session that hold for one of these, the newest first. staff_reason_session. */
export async function reasonsInForce(
  sql: Queryable,
  sessionHash: string,
  about: readonly string[],
): Promise<StaffReason[]> {
  const { about: page, purpose, words, at } = staffReason;
  return orm(sql)
    .select({ about: page, purpose, words, at })
    .from(staffReason)
    .where(inForce(sessionHash, about))
    .orderBy(desc(at), desc(staffReason.id));
}

/** staff_reason_session. @returns what ended */
export async function endReasons(
  tx: Queryable,
  sessionHash: string,
  about: readonly string[],
  at: Date,
): Promise<string[]> {
  const rows = await orm(tx)
    .update(staffReason)
    .set({ endedAt: at })
    .where(inForce(sessionHash, about))
    .returning({ about: staffReason.about });
  return [...new Set(rows.map((r) => r.about))];
}

/** Numbers by which we, other payers and Medicare know some members. Primary keys that begin with the member, and pull_member_member. */
export async function numbersOf(sql: Queryable, memberIds: readonly string[]): Promise<string[]> {
  const ids = [...memberIds];
  const rows = await sql<{ value: string }[]>`
    select member_number as value from exchange.enrolment where member_id = any(${ids}::text[])
    union select subscriber_id from exchange.enrolment where member_id = any(${ids}::text[]) and subscriber_id is not null
    union select member_number from exchange.other_coverage where member_id = any(${ids}::text[])
    union select peer_patient_id from exchange.pull_member where member_id = any(${ids}::text[]) and peer_patient_id is not null
    union select source_id from exchange.resource where member_id = any(${ids}::text[]) and type = 'Patient' and source_id is not null
    union select umb from exchange.member where id = any(${ids}::text[])
    union select unnest(mbi) from exchange.member_profile where member_id = any(${ids}::text[])`;
  return rows.map((r) => r.value);
}

/** Their records that tell who they are, ours and received. Primary key of the partitions. */
export async function personTexts(sql: Queryable, memberIds: readonly string[], most: number): Promise<string[]> {
  const rows = await sql<{ body: string }[]>`
    select body from exchange.resource
    where member_id = any(${[...memberIds]}::text[]) and type in ('Patient', 'RelatedPerson', 'Coverage') limit ${most}`;
  return rows.map((r) => r.body);
}

/** A member under the id that holds today, or the page that it was about. */
const ABOUT = `case when r.about like 'member/%'
  then 'member/' || coalesce((select g.member_id from exchange.member_merge g where g.former_id = substr(r.about, 8)
    and g.undone_at is null), substr(r.about, 8)) else r.about end`;

export type ReasonCount = {
  subject: string;
  purpose: string;
  /** how often something was said or a card's number typed, and how many of those by a number */
  times: number;
  byNumber: number;
  members: number;
  pages: number;
  /** members whose identifiers were shown or taken along for it, in whatever way */
  seen: number;
  lastAt: Date;
};

/**
 * What each person said in a span, and of whom they had identifiers shown, by purpose, the most members first.
 * staff_reason_at, audit_seen.
 */
export async function countReasons(sql: Queryable, from: Date, to: Date): Promise<ReasonCount[]> {
  return [
    ...(await sql<ReasonCount[]>`
      with said as (
        select s.subject, s.purpose, count(distinct (s.session, s.at))::int as times, count(distinct (s.session, s.at)) filter (where
          s.by_number)::int as by_number,
          count(distinct s.what) filter (where s.what like 'member/%')::int as members, count(distinct s.what) filter (where s.what
            not like 'member/%')::int as pages, max(s.at) as last
        from (select r.*, ${sql.unsafe(ABOUT)} as what from exchange.staff_reason r where r.at >= ${from} and r.at < ${to}) s
        group by 1, 2
      ), shown as (
        select a.actor as subject, a.detail->>'purpose' as purpose, max(a.at) as last, count(distinct coalesce(
          (select g.member_id from exchange.member_merge g where g.former_id = a.member_id and g.undone_at is null), a.member_id))::int as n
        from exchange.audit a where ${sql.unsafe(SEEN)} and a.at >= ${from} and a.at < ${to} group by 1, 2
      )
      select coalesce(s.subject, v.subject) as subject, coalesce(s.purpose, v.purpose) as purpose, coalesce(s.times, 0) as times,
        coalesce(s.by_number, 0) as "byNumber",
        coalesce(s.members, 0) as members, coalesce(s.pages, 0) as pages, coalesce(v.n, 0) as seen, greatest(s.last, v.last) as "lastAt"
      from said s full join shown v on v.subject = s.subject and v.purpose = s.purpose
      order by seen desc, members desc, times desc, 1, 2`),
  ];
}

export type ReasonSaid = StaffReason & { subject: string; byNumber: boolean; endedAt: Date | null; ofAll: number };

/** Each of them, the newest first. staff_reason_at. */
export async function reasonsSaid(sql: Queryable, from: Date, to: Date, most: number): Promise<ReasonSaid[]> {
  return [
    ...(await sql<ReasonSaid[]>`
      select s.at, s.subject, s.purpose, s.words, s.what as about, max(s.ended_at) as "endedAt", bool_or(s.by_number) as "byNumber",
        (count(*) over ())::int as "ofAll"
      from (select r.*, ${sql.unsafe(ABOUT)} as what from exchange.staff_reason r where r.at >= ${from} and r.at < ${to}) s
      group by s.session, s.at, s.subject, s.purpose, s.words, s.what order by s.at desc, s.what limit ${most}`),
  ];
}

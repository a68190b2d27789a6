// What was disclosed of a member, from the audit rows: who got it, when, what, why and under which consent.
import type { Queryable } from '../../../src/db/database.ts';
import type { TimeAsOther } from '../../members/merge/member-merge.ts';
import type { ServiceDays } from '../../records/facts/service-days.ts';

/** Files stay a week at most (EXPORT_TTL_HOURS): what is fetched was made no longer before. */
export const KEPT = `interval '31 days'`;
/** Did an audit row `a` say that something left? What is asked for in vain stands in the trail as well. */
export const LEFT = `(a.detail->'types' <> '{}' or a.detail ? 'counted')`;

export type Disclosure = {
  /** number of the audit row */
  seq: string;
  /** when it was first fetched, or answered; null: made ready and never fetched */
  at: Date | null;
  /** when it was last fetched */
  lastAt: Date | null;
  preparedAt: Date;
  peerId: string;
  peerName: string;
  peerNpi: string | null;
  /** postal address, as far as the registry has it */
  peerAddress: string | null;
  action: 'export-member' | 'read' | 'search' | 'everything';
  object: string;
  /** the other member as whom it left, while the person was taken for that one; null: as its own */
  asMember: string | null;
  consentId: string | null;
  /** what the consent allowed, as far as it was noted: of exports */
  policy: 'regular' | 'sensitive' | null;
  /** number of records by type, of the types that were fetched */
  types: Record<string, number>;
  /** days of service by type, of types that were not fetched too; null: not kept, as of what left before they were */
  days: ServiceDays | null;
  /** how many records of the type were listed to be there, by their number alone */
  counted: number | null;
  /** how many there are of the member, when only the first are read */
  ofAll: number;
};

/**
 * Of one person, under all ids, newest first, and while it was taken for another member what left as that one's: how
 * much of it was whose is not kept, but for single records, of which only those of the person are reported. What left, or
 * was made ready and never did, from an instant on. Of an export only the types whose files were fetched count; files
 * by patient hold all and have no type: whose blocks stand in which is not kept, so each counts for all. audit_member;
 * audit_file for the fetches; match_member_member and match_single_grant for the consent of a single request.
 */
export async function memberDisclosures(
  sql: Queryable,
  memberIds: readonly string[],
  asOthers: readonly TimeAsOther[],
  from: Date,
  limit: number,
): Promise<Disclosure[]> {
  const rows = await sql<Disclosure[]>`
    select a.seq::text as seq, case when a.action = 'export-member' then f.first else a.at end as at,
      case when a.action = 'export-member' then f.last else a.at end as "lastAt", a.at as "preparedAt",
      a.peer_id as "peerId", p.name as "peerName", p.npi as "peerNpi", p.postal_address as "peerAddress", a.action, a.object,
        o."memberId" as "asMember",
      coalesce(a.consent_id, (
        select id from (
          select 'match/' || m.job_id || '/' || m.position as id, t.created_at as at
          from exchange.match_member m join exchange.match_group t on t.id = m.group_id
          where m.member_id = a.member_id and m.outcome = 'match' and t.peer_id = a.peer_id and t.created_at <= a.at
          union all
          select 'member-match/' || m.id, m.at from exchange.match_single m
          where m.member_id = a.member_id and m.outcome = 'match' and m.peer_id = a.peer_id and m.at <= a.at
        ) g order by at desc limit 1)) as "consentId",
      case when a.action = 'export-member' and f.first is not null then
        (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(a.detail->'types') where key = any(f.types)
          or '' = any(f.types))
        else a.detail->'types' end as types, a.detail->'days' as days, (a.detail->>'counted')::int as counted,
          a.detail->>'policy' as policy, count(*) over ()::int as "ofAll"
    from exchange.audit a join exchange.peer p on p.id = a.peer_id
    left join lateral (
      select min(x.at) as first, max(x.at) as last, array_agg(distinct x.detail->>'type') as types from exchange.audit x
      where a.action = 'export-member' and x.action = 'file' and x.object ~>=~ (a.object || '/') and x.object ~<~ (a.object || '0')
        and (a.detail->'types' ? (x.detail->>'type') or x.detail->>'type' = '')
    ) f on true
    left join lateral (
      select t."memberId" from jsonb_to_recordset(${JSON.stringify(asOthers)}::text::jsonb) t("mergeId" text, "memberId" text, "from"
        timestamptz, "to" timestamptz)
      where t."memberId" = a.member_id and a.at >= t."from" and a.at < t."to" and (a.action <> 'read' or exists (
        select from exchange.member_merge_part n where n.merge_id = t."mergeId" and n.what = 'record'
          and n.key = split_part(a.object, '/', 1) and n.part = split_part(a.object, '/', 2)))
      limit 1) o on true
    where a.member_id = any(${[...memberIds, ...asOthers.map((t) => t.memberId)]}::text[])
      and (a.member_id = any(${[...memberIds]}::text[]) or o."memberId" is not null)
      and a.action in ('export-member', 'read', 'search', 'everything') and a.outcome = 'ok'
      and a.at >= ${from}::timestamptz - ${sql.unsafe(KEPT)} and coalesce(f.last, a.at) >= ${from} and ${sql.unsafe(LEFT)}
    order by a.at desc, a.seq desc limit ${limit}`;
  return [...rows];
}

/** Payers that something was made ready for of a member while another one went on as it, and how often; of what was taken back since. */
export type GivenAsOne = { mergeId: string; peerName: string; times: number };

/** For both of the two. member_merge is small; audit_member. */
export async function givenAsOne(sql: Queryable, memberId: string): Promise<GivenAsOne[]> {
  return [
    ...(await sql.unsafe<GivenAsOne[]>(
      `select o.id as "mergeId", p.name as "peerName", count(*)::int as times from exchange.member_merge o
       join exchange.audit a on a.member_id = o.member_id and a.at >= o.at and a.at < o.undone_at
       join exchange.peer p on p.id = a.peer_id
       where $1 in (o.member_id, o.former_id) and a.action in ('export-member', 'read', 'search', 'everything') and a.outcome = 'ok'
         and ${LEFT}
       group by o.id, p.id, p.name order by o.id, p.name, p.id`,
      [memberId],
    )),
  ];
}

/** A member by Patient id, or by a member number when it is one person's. */
export async function findMemberId(sql: Queryable, written: string): Promise<string | undefined> {
  const rows = await sql<{ id: string }[]>`
    select id from exchange.member where id = ${written}
    union select member_id from exchange.enrolment where member_number = ${written} limit 2`;
  return rows.length === 1 ? rows[0]?.id : undefined;
}

/** Ids of all members, in pages. Primary key. */
export async function* memberIdPages(sql: Queryable, size = 5000): AsyncGenerator<string[]> {
  for (let after = ''; ; ) {
    const page = await sql<
      { id: string }[]
    >`select id from exchange.member where id > ${after} order by id limit ${size}`;
    if (page.length > 0) yield page.map((r) => r.id);
    const last = page.at(-1);
    if (page.length < size || !last) return;
    after = last.id;
  }
}

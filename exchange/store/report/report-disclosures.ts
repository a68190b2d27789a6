// What was disclosed of a member, from the audit rows: who got it, when, what, why and under which consent.
import type { Queryable } from '../../../src/store/database.ts';

/** Files stay a week at most (EXPORT_KEEP_HOURS): what is fetched was made no longer before. */
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
  consentId: string | null;
  /** number of records by type, of the types that were fetched */
  types: Record<string, number>;
  /** how many records of the type were told to be there, by their number alone */
  counted: number | null;
  /** how many there are of the member, when only the first are read */
  ofAll: number;
};

/**
 * Of one person, under all ids, newest first: what left, or was made ready and never did, from an instant on. Of an export only the types whose files were fetched count; files by patient hold all
 * and have no type: whose blocks stand in which is not kept, so each counts for all. audit_member; audit_file for the fetches;
 * match_member_member and match_single_grant for the consent of a single request.
 */
export async function memberDisclosures(
  sql: Queryable,
  memberIds: readonly string[],
  from: Date,
  limit: number,
): Promise<Disclosure[]> {
  const rows = await sql<Disclosure[]>`
    select a.seq::text as seq, case when a.action = 'export-member' then f.first else a.at end as at,
      case when a.action = 'export-member' then f.last else a.at end as "lastAt", a.at as "preparedAt",
      a.peer_id as "peerId", p.name as "peerName", p.npi as "peerNpi", p.postal_address as "peerAddress", a.action, a.object,
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
        (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(a.detail->'types') where key = any(f.types) or '' = any(f.types))
        else a.detail->'types' end as types, (a.detail->>'counted')::int as counted, count(*) over ()::int as "ofAll"
    from exchange.audit a join exchange.peer p on p.id = a.peer_id
    left join lateral (
      select min(x.at) as first, max(x.at) as last, array_agg(distinct x.detail->>'type') as types from exchange.audit x
      where a.action = 'export-member' and x.action = 'file' and x.object ~>=~ (a.object || '/') and x.object ~<~ (a.object || '0')
        and (a.detail->'types' ? (x.detail->>'type') or x.detail->>'type' = '')
    ) f on true
    where a.member_id = any(${[...memberIds]}::text[]) and a.action in ('export-member', 'read', 'search', 'everything') and a.outcome = 'ok'
      and a.at >= ${from}::timestamptz - ${sql.unsafe(KEPT)} and coalesce(f.last, a.at) >= ${from} and ${sql.unsafe(LEFT)}
    order by a.at desc, a.seq desc limit ${limit}`;
  return [...rows];
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

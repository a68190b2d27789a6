// How much of what a payer asked for or took on a day it is owed: of members who are with it and with us at once a
// payer may ask once a quarter (42 CFR 422.121(b)(5)), and it asks for all of them on one day. Whom it asks for the
// first time, or again within the quarter, is none of those.
import type { Queryable } from '../../src/db/database.ts';

/** Days after which it is owed again: a quarter, less what the days of two quarters may differ. */
const QUARTER_DAYS = 80;
/** Days that the files of an export may be fetched after it was made, and more. */
const FILE_DAYS = 31;

/** First and last instant of a day of the plan, and that of a quarter before. */
const SPAN = `(select ($2::date)::timestamp at time zone $3 as day_from, ($2::date + 1)::timestamp at time zone $3 as day_to, ($2::date -
  ${QUARTER_DAYS})::timestamp at time zone $3 as quarter_from) t`;

/**
 * Distinct members, and those that it is owed. bulk_job_peer, match_member_pkey, match_member_member, match_single_at,
 * match_single_grant.
 */
const MEMBERS = `
  with asked as materialized (
    select distinct a.member_id from ${SPAN} cross join lateral (
      select m.member_id from exchange.bulk_job j join exchange.match_member m on m.job_id = j.id
        where j.peer_id = $1 and j.kind = 'match' and j.received_at >= t.day_from and j.received_at < t.day_to and m.outcome = 'match'
      union all
      select s.member_id from exchange.match_single s where s.peer_id = $1 and s.at >= t.day_from and s.at < t.day_to
        and s.outcome = 'match') a
    where a.member_id is not null
  )
  select count(*)::float8 as owed from asked q cross join ${SPAN} cross join lateral (
    select max(b.at) as last from (
      select j.received_at as at from exchange.match_member m join exchange.bulk_job j on j.id = m.job_id
        where m.member_id = q.member_id and m.outcome = 'match' and j.peer_id = $1 and j.received_at < t.day_from
      union all
      select s.at from exchange.match_single s where s.peer_id = $1 and s.member_id = q.member_id and s.outcome = 'match'
        and s.at < t.day_from) b) p
  where p.last < t.quarter_from`;

/**
 * The part of the records in exports of which files were fetched on the day that is owed, from 0 to 1: of members of
 * whom nothing was made for the payer within the quarter before. bulk_job_peer, audit_file, audit_object, audit_member.
 */
const RECORDS = `
  with held as materialized (
    select a.member_id, a.object, a.at, (select coalesce(sum(c.n::bigint), 0) from jsonb_each_text(a.detail->'types') c(type, n)) as n
    from ${SPAN} cross join exchange.bulk_job j join exchange.audit a on a.object = 'export/' || j.id and a.action = 'export-member'
    where j.peer_id = $1 and j.kind = 'export' and j.received_at >= t.day_from - interval '${FILE_DAYS} days' and j.received_at < t.day_to
      and exists (select from exchange.audit f where f.action = 'file' and f.object ~>=~ ('export/' || j.id || '/')
        and f.object ~<~ ('export/' || j.id || '0')
        and f.at >= t.day_from and f.at < t.day_to)
  )
  select coalesce(sum(h.n) filter (where p.last < t.quarter_from) / nullif(sum(h.n), 0), 0)::float8 as owed
  from held h cross join ${SPAN} cross join lateral (
    select max(a.at) as last from exchange.audit a
    where a.member_id = h.member_id and a.action = 'export-member' and a.peer_id = $1 and a.at <= h.at and a.object <> h.object) p`;

/**
 * @param day YYYY-MM-DD of the plan
 * @param amount of the day
 */
export async function owedOf(
  sql: Queryable,
  what: 'members' | 'records',
  peerId: string,
  day: string,
  timeZone: string,
  amount: number,
): Promise<number> {
  const [row] = await sql.unsafe<{ owed: number }[]>(what === 'members' ? MEMBERS : RECORDS, [peerId, day, timeZone]);
  const owed = row?.owed ?? 0;
  return what === 'members' ? Math.min(owed, amount) : Math.floor(owed * amount);
}

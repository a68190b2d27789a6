// How much payers ask for and take, by day. Audit rows are counted when they are sealed, which happens to each of them once.
import type { Queryable } from '../../src/db/database.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { owedOf } from './owed-volume.ts';

/** Days on which a payer asked before one counts as usual or not. */
const LEAST_DAYS = 5;
/** Days before, of which the median is taken. */
const DAYS_BEFORE = 365;
/** Days for which an unusual day is an alert. */
const ALERT_DAYS = 7;

/** When a day is unusual: without what the payer is owed more than `times` the median, and at least so many. */
export type Unusual = {
  /** 0: none is */
  times: number;
  members: number;
  records: number;
};

/**
 * Adds what rows of the audit tell of: members asked for (each question, whatever the answer), and records given (of a
 * file as often as it was fetched, of a part of it its share). In the transaction that seals them. audit_pkey,
 * peer_volume_pkey.
 * @param timeZone in which the days of the plan are counted
 */
export async function countVolume(tx: Queryable, seqs: readonly bigint[], timeZone: string): Promise<void> {
  await tx`
    insert into exchange.peer_volume as v (peer_id, day, members, records)
    select * from (
      select a.peer_id, (a.at at time zone ${timeZone})::date as day, count(*) filter (where a.action = 'match') as members,
        coalesce(sum(case
          when a.action = 'file' then coalesce(a.detail->>'records', a.detail->>'lines')::bigint
          when a.action <> 'match' then (select sum(t.n::bigint) from jsonb_each_text(a.detail->'types') as t(type, n)) end), 0) as records
      from exchange.audit a
      where a.seq = any(${`{${seqs.join(',')}}`}::text::bigint[]) and a.actor_kind = 'peer'
        and (a.action = 'match' or (a.action in ('read', 'search', 'everything') and a.outcome = 'ok')
          or (a.action = 'file' and a.outcome = 'ok' and a.object like 'export/%'
            and a.detail->>'type' not in ('Bundle', 'OperationOutcome')))
        and exists (select from exchange.peer p where p.id = a.peer_id)
      group by 1, 2) s
    where s.members > 0 or s.records > 0 order by 1, 2
    on conflict (peer_id, day) do update set members = v.members + excluded.members, records = v.records + excluded.records`;
}

/** The median of the days before on which there were some, and how many those are. As SQL, of a row `v`. */
const usual = (what: 'members' | 'records'): string =>
  `(select percentile_cont(0.5) within group (order by o.${what}) as median, count(*) as days from exchange.peer_volume o
    where o.peer_id = v.peer_id and o.day < v.day and o.day >= v.day - ${DAYS_BEFORE} and o.${what} > 0)`;

type Beyond = { peerId: string; day: string; count: number; usual: number };

/**
 * Tells the audit of what is unusual today or was yesterday, once for each payer, day and kind: what is beyond its
 * limit without what the payer is owed. peer_volume_day, peer_volume_pkey, and what owed-volume.ts names, each time
 * that an amount beyond the limit has grown.
 * @param today YYYY-MM-DD of the plan
 */
export async function tellVolume(
  tx: Queryable,
  now: Date,
  today: string,
  timeZone: string,
  limit: Unusual,
): Promise<void> {
  if (limit.times === 0) return;
  for (const what of ['members', 'records'] as const) {
    const found = await tx.unsafe<Beyond[]>(
      `select v.peer_id as "peerId", v.day::text as day, v.${what}::float8 as count, u.median as usual
        from exchange.peer_volume v cross join lateral ${usual(what)} u
       where v.day >= $1::date - 1 and v.usual_${what} is null and v.${what} >= $2 and u.days >= ${LEAST_DAYS} and v.${what} > $3 * u.median
         and v.${what} is distinct from v.judged_${what}
       order by v.peer_id, v.day for update of v`,
      [today, limit[what], limit.times],
    );
    for (const f of found) {
      const owed = await owedOf(tx, what, f.peerId, f.day, timeZone, f.count);
      const rest = f.count - owed;
      const isUnusual = rest >= limit[what] && rest > limit.times * f.usual;
      await tx.unsafe(
        `update exchange.peer_volume set owed_${what} = $3, judged_${what} = $4, usual_${what} = $5 where peer_id = $1 and day = $2::date`,
        [f.peerId, f.day, owed, f.count, isUnusual ? f.usual : null],
      );
      if (isUnusual) await writeAudit(tx, [unusualVolume(now, what, f, owed)]);
    }
  }
}

const unusualVolume = (at: Date, what: 'members' | 'records', f: Beyond, owed: number) =>
  auditRow({
    at,
    actorKind: 'system',
    actor: 'schedule',
    action: 'volume',
    object: `peer/${f.peerId}`,
    peerId: f.peerId,
    outcome: 'noted',
    reason: `unusual-${what}`,
    detail: { day: f.day, count: f.count, usual: f.usual, ...(owed === 0 ? {} : { owed }) },
  });

/** Payers with an unusual day among the last seven, as conditions of alerts, with the count of the one that has most. peer_volume_day. */
export const unusualDays = (sql: Queryable, what: 'members' | 'records', today: string) => sql`
  select ${`unusual-${what}`}::text, peer_id, least(max(${sql.unsafe(what)}), 2147483647)::int from exchange.peer_volume
  where ${sql.unsafe(`usual_${what}`)} is not null and day > ${today}::date - ${ALERT_DAYS}::int group by peer_id`;

export type VolumeDay = {
  /** YYYY-MM-DD of the plan */
  day: string;
  members: number;
  records: number;
  /** median of the days before; null where they are too few to tell */
  usualMembers: number | null;
  usualRecords: number | null;
  /** of what is beyond the usual, how much it is owed, as far as that was counted */
  owedMembers: number | null;
  owedRecords: number | null;
  /** it was reported as unusual */
  isUnusual: boolean;
};

/** The newest days on which a payer asked for members or took records. peer_volume_pkey. */
export async function volumeDays(sql: Queryable, peerId: string, most: number): Promise<VolumeDay[]> {
  const median = (what: 'members' | 'records') =>
    `coalesce(v.usual_${what}, (select u.median from ${usual(what)} u where u.days >= ${LEAST_DAYS}))`;
  return [
    ...(await sql.unsafe<VolumeDay[]>(
      `select v.day::text as day, v.members::float8 as members, v.records::float8 as records, ${median('members')} as "usualMembers",
         ${median('records')} as "usualRecords", v.owed_members::float8 as "owedMembers", v.owed_records::float8 as "owedRecords",
           v.usual_members is not null or v.usual_records is not null as "isUnusual"
       from (select * from exchange.peer_volume where peer_id = $1 order by day desc limit $2) v order by v.day desc`,
      [peerId, most],
    )),
  ];
}

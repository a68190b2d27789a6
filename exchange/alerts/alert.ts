// Alerts: conditions that people have to know of, a row while each lasts.

import { and, count, gte, isNotNull } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { unusualLooks } from '../compliance/access-log/view-volume.ts';
import { RESTORED_AT } from '../compliance/restore/restore-drill-rows.ts';
import type { KeepDays } from '../compliance/retention/keep-days.ts';
import { alert } from '../compliance/schema.ts';
import { DUE_SOON } from '../members/deadlines/deadline-terms.ts';
import { unusualDays } from '../peers/peer-volume.ts';
import {
  isUntaken,
  leftFailed,
  leftIncomplete,
  leftRepeating,
  newestAnswer,
  stillWaits,
} from '../requester/incomplete-pulls.ts';
import { IS_HELD_REQUEST, isPastRequest } from '../responder/match/match-request.ts';

type AlertKind =
  | 'clocks-overdue'
  | 'clocks-due-soon'
  | 'pull-waits'
  | 'pull-incomplete'
  | 'pull-failed'
  | 'pull-repeats'
  | 'release-waits'
  | 'peer-failing'
  | 'types-refused'
  | 'wrong-patient'
  | 'one-for-two'
  | 'quarantine-full'
  | 'audit-changed'
  | 'peer-changed'
  | 'must-not-leave'
  | 'request-failed'
  | 'request-waits'
  | 'request-kept'
  | 'emergency-access'
  | 'unusual-members'
  | 'unusual-records'
  | 'unusual-looks'
  | 'card-trying'
  | 'match-misses'
  | 'match-sequence'
  | 'restore-due'
  | 'case-due'
  | 'case-overdue';
export type Condition = { kind: AlertKind; subject: string; amount: number };

/** Failed or refused pulls of a payer in a row, after which it counts as failing. */
const FAILING = 3;
/** How often the answer to a payer is begun, with pauses of a minute in all, before people are notified that it does not come about. */
const TRIES_UNTOLD = 4;

/** Members that a payer asked for within a day, from which on it matters how many of them were not found, and the part that is too many. */
const ASKED = 200;
const MISSED_PART = 0.4;

/**
 * Anyone who tries cards or people at the match (HRex mm-7), or goes through numbers, and anyone who asks for many whom
 * we do not know. Served by match_member_throttled, match_single_throttled, match_single_at, audit_refused and
 * bulk_job_peer.
 */
const triesAndMisses = (sql: Queryable, now: Date) => sql`
    select 'card-trying' as kind, t.peer_id as subject, sum(t.n)::int as amount from (
      select j.peer_id, count(*) as n from exchange.match_member m join exchange.bulk_job j on j.id = m.job_id
      where m.reason = 'throttled' and j.completed_at > ${now}::timestamptz - interval '7 days' group by 1
      union all
      select peer_id, count(*) from exchange.match_single where reason = 'throttled' and at > ${now}::timestamptz - interval '7 days'
        group by 1
    ) t group by 2
    union all
    select 'match-sequence', peer_id, max((detail->>'row')::int) from exchange.audit
      where outcome <> 'ok' and action = 'match-sequence' and at > ${now}::timestamptz - interval '7 days' group by peer_id
    union all
    -- of one batch, or of all that was asked within a day
    select 'match-misses', u.peer_id, max(u.missed)::int from (
      select a.peer_id, sum(a.missed) as missed, sum(a.asked) as asked from (
        select j.id, j.peer_id, (j.counts->>'nomatch')::int as missed, (select sum(c.value::int) from jsonb_each_text(j.counts) c) as asked
        from exchange.bulk_job j join exchange.peer p on p.id = j.peer_id
        where j.received_at > ${now}::timestamptz - interval '1 day' and j.kind = 'match' and j.state = 'complete'
        union all
        select 'single', peer_id, count(*) filter (where outcome = 'nomatch'), count(*) from exchange.match_single
          where at > ${now}::timestamptz - interval '1 day' group by 2
      ) a group by grouping sets ((a.peer_id, a.id), (a.peer_id))
    ) u where u.asked >= ${ASKED} and u.missed > ${MISSED_PART}::numeric * u.asked group by 2`;

/**
 * What holds now; `today`: YYYY-MM-DD of the plan's calendar. Clocks by deadline_open and deadline_attempted; one person for
 * two by pull_member_conflict; jobs by bulk_job_failed, bulk_job_open and bulk_job_request; pulls, peers, releases and
 * findings are small tables; the quarantine by identity_quarantined and the primary key of review_item; ledger rows of
 * the pulls of a week, and of those of which an item is not decided yet, by its primary key, with that of review_item
 * and review_item_open.
 */
export async function standingConditions(
  sql: Queryable,
  now: Date,
  { quarantine, keep, today, drillDays }: { quarantine: number; keep: KeepDays; today: string; drillDays: number },
): Promise<Condition[]> {
  const rows = await sql<Condition[]>`
    select 'clocks-overdue' as kind, kind as subject, count(*)::int as amount from exchange.deadline where (state = 'open'
      and due_at < ${now}) or (state = 'attempted' and due_at < ${now}) group by kind
    union all
    select 'clocks-due-soon', c.kind, count(*)::int from (select ${now}::timestamptz as now) t join exchange.deadline c
      on ${sql.unsafe(DUE_SOON('c', 't.now'))} group by c.kind
    union all
    select 'pull-waits', p.id, 1 from exchange.pull p where ${stillWaits(sql)}
    union all
    select 'pull-incomplete', p.id, 1 from exchange.pull p where ${leftIncomplete(sql, today)}
    union all
    select 'pull-failed', p.id, 1 from exchange.pull p where ${leftFailed(sql, today)}
    union all
    select 'pull-repeats', p.id, 1 from exchange.pull p where ${leftRepeating(sql, today)}
    union all
    -- decided an hour ago, and not carried out: its file is gone, or cannot be read
    select 'release-waits', r.item_id, 1 from exchange.release_due r
      where (select max(d.at) from exchange.review_decision d where d.item_id = r.item_id) < ${now}::timestamptz - interval '1 hour'
    union all
    select 'peer-failing', l.peer_id, l.failed from (
      select p.peer_id, count(*)::int as failed from exchange.pull p
      where p.state in ('failed', 'refused') and p.created_at > ${now}::timestamptz - interval '30 days'
        and p.created_at > coalesce((select max(d.created_at) from exchange.pull d where d.peer_id = p.peer_id
          and d.state = 'done'), '-infinity')
      group by p.peer_id) l where l.failed >= ${FAILING}
    union all
    -- as its newest answer about anyone lacks them; they are not asked for again for a while
    select 'types-refused', r.id, count(distinct f.type)::int from exchange.peer r join exchange.finding f
      on f.pull_id = ${newestAnswer(sql)} and ${isUntaken(sql)}
      where r.state = 'active' group by r.id
    union all
    -- what was held already when it came again is reported with the pull that opened its item; what someone discarded
    -- is dealt with. One that was shown until then has an item of the older pull that brought it, opened while this one
    -- was worked on
    select 'wrong-patient', p.id, count(*)::int from exchange.pull p join exchange.ledger_unit l on l.pull_id = p.id
      and l.reason = 'wrong-patient'
      left join exchange.review_item v on v.id = md5(concat_ws('|', 'held', p.peer_id, l.type, l.source_id)) and l.source_id is not null
      where (p.finished_at > ${now}::timestamptz - interval '7 days' or p.id = any(array(
          select o.pull_id from exchange.review_item o where o.state = 'open' and o.kind = 'wrong-patient'
          union select q.id from (select distinct peer_id, opened_at from exchange.review_item where state = 'open'
            and kind = 'wrong-patient') o
            join exchange.pull q on q.peer_id = o.peer_id and o.opened_at between q.created_at and q.finished_at)))
        and (v.id is null or ((v.pull_id = p.id or v.opened_at between p.created_at and p.finished_at)
          and v.decision is distinct from 'discard'))
        and (p.finished_at > ${now}::timestamptz - interval '7 days' or v.state = 'open')
      group by p.id
    union all
    -- until the two are merged, and for a week: anyone who is asked for again is alerted on again
    select 'one-for-two', p.id, count(*)::int from exchange.pull p join exchange.pull_member m on m.pull_id = p.id
      and m.outcome = 'conflict'
      where p.finished_at > ${now}::timestamptz - interval '7 days' and not exists (
        select from exchange.member_merge g where m.member_id in (g.former_id, g.member_id) and g.undone_at is null and g.at > p.created_at)
      group by p.id
    union all
    -- what someone discarded stays there, and waits for no one: looked at one by one only when it matters
    select 'quarantine-full', 'all', q.n from (select count(*)::int as n from exchange.identity
      where state = 'quarantined') a cross join lateral (
      select count(*)::int as n from exchange.identity i where a.n > ${quarantine} and i.state = 'quarantined' and not exists (
        select from exchange.review_item v where v.id = md5(concat_ws('|', 'held', i.peer_id, i.type, i.source_id)) and v.state = 'decided'
          and v.decision = 'discard')) q
      where q.n > ${quarantine}
    union all
    select 'audit-changed', 'all', c.faults from (select faults from exchange.audit_check order by id desc limit 1) c where c.faults > 0
    union all
    select 'must-not-leave', k.job_id, k.faults from exchange.content_check k where k.faults > 0 and k.at > ${now}::timestamptz - interval '30 days'
    union all
    -- was tried as often as it is, and no one answers it any more: the payer waits
    select 'request-failed', j.id, j.attempts from exchange.bulk_job j
      where j.state = 'failed' and exists (
        select from exchange.deadline c where c.kind = case j.kind when 'match' then 'C3-match' else 'C3-export' end and c.subject = j.id
          and c.state in ('open', 'attempted', 'blocked'))
    union all
    -- it is tried again by itself, for as long as the disk is full or whatever it is: people can make room. One that
    -- takes its process down says nothing of why
    select 'request-waits', j.id, j.attempts from exchange.bulk_job j
      where j.state in ('queued', 'running') and j.attempts >= ${TRIES_UNTOLD} and j.failure is distinct from 'consent-changed'
    union all
    -- it should have gone a day ago at least
    select 'request-kept', j.id, 1 from exchange.bulk_job j
      where not ${sql.unsafe(IS_HELD_REQUEST)} and j.body_key is not null and j.state not in ('queued', 'running')
        and ${isPastRequest(sql, now, keep, 1)}
    union all
    ${unusualDays(sql, 'members', today)}
    union all
    ${unusualDays(sql, 'records', today)}
    union all
    ${unusualLooks(sql, now)}
    union all
    select 'emergency-access', e.id, 1 from exchange.emergency_access e where e.until_at > ${now} and e.ended_at is null
    union all
    -- for so many days over its time no backup is known to restore
    select 'restore-due', 'all', greatest(1, extract(day from ${now}::timestamptz - r.due)::int)
      from (select ${sql.unsafe(RESTORED_AT)} + make_interval(days => ${drillDays}) as due) r
      where ${drillDays} > 0 and r.due < ${now}
    union all
    ${triesAndMisses(sql, now)}
    union all
    select 'peer-changed', p.id, jsonb_array_length(c.facts->'differs')
      from exchange.peer p cross join lateral (select facts from exchange.peer_check where peer_id = p.id order by id desc limit 1) c
      where p.state = 'active' and jsonb_array_length(coalesce(c.facts->'differs', '[]')) > 0`;
  return [...rows];
}

/** Records what holds: new conditions get a row, known ones their amount, those that hold no more end. Served by alert_standing. */
export async function recordConditions(tx: Queryable, standing: readonly Condition[], now: Date): Promise<void> {
  const [kinds, subjects, amounts] = [
    standing.map((c) => c.kind),
    standing.map((c) => c.subject),
    standing.map((c) => c.amount),
  ];
  await tx`
    insert into exchange.alert (id, kind, subject, amount, first_at, last_at, next_send_at)
    select gen_random_uuid()::text, k, s, a, ${now}, ${now}, ${now}
    from unnest(${kinds}::text[], ${subjects}::text[], ${amounts}::int[]) as t(k, s, a)
    on conflict (kind, subject) where cleared_at is null do update set amount = excluded.amount, last_at = excluded.last_at`;
  await tx`
    update exchange.alert a set cleared_at = ${now}, next_send_at = ${now}, send_attempts = 0
    where a.cleared_at is null and not exists (
      select from unnest(${kinds}::text[], ${subjects}::text[]) as t(k, s) where t.k = a.kind and t.s = a.subject)`;
}

export type Alert = {
  id: string;
  kind: AlertKind;
  subject: string;
  amount: number;
  firstAt: Date;
  lastAt: Date;
  clearedAt: Date | null;
  sentAt: Date | null;
};

const ALERT = `id, kind, subject, amount, first_at as "firstAt", last_at as "lastAt", cleared_at as "clearedAt", sent_at as "sentAt"`;

/**
 * `payer`: name of the one that it concerns; null where it concerns none, or all. `decided`: of types that it refuses,
 * the pull at which a person decides.
 */
export type ListedAlert = Alert & { payer: string | null; decided: string | null };

/** Standing alerts and the newest that have ended. Primary keys of pull, bulk_job, review_item and peer, pull_peer. */
export async function recentAlerts(sql: Queryable, limit: number): Promise<ListedAlert[]> {
  return [
    ...(await sql<ListedAlert[]>`
      select a.*, r.name as payer, case when a.kind = 'types-refused' and a."clearedAt" is null then ${newestAnswer(sql)} end as decided
       from (select ${sql.unsafe(ALERT)} from exchange.alert order by cleared_at is not null, first_at desc, id limit ${limit}) a
       left join exchange.pull p on p.id = a.subject left join exchange.bulk_job j on j.id = a.subject
       left join exchange.review_item v on v.id = a.subject
       left join exchange.peer r on r.id = coalesce(p.peer_id, j.peer_id, v.peer_id, a.subject)
       order by a."clearedAt" is not null, a."firstAt" desc, a.id`),
  ];
}

/**
 * Claims alerts that have not been reported yet (their beginning or their end), each for one sender: another try is due when this
 * one has had time to fail. `backoff`: seconds until the next try, by tries so far.
 */
export async function claimUnsent(tx: Queryable, now: Date, limit: number): Promise<(Alert & { attempts: number })[]> {
  return [
    ...(await tx.unsafe<(Alert & { attempts: number })[]>(
      `update exchange.alert set send_attempts = send_attempts + 1,
         next_send_at = $1::timestamptz + least(interval '1 hour', interval '30 seconds' * power(2, send_attempts))
       where id in (select id from exchange.alert where next_send_at <= $1 order by next_send_at limit $2 for update skip locked)
       returning ${ALERT}, send_attempts as attempts`,
      [now, limit],
    )),
  ];
}

/** How many alerts were sent so often, or more, and taken by no one yet. A small table. */
export async function untoldAlerts(sql: Queryable, tries: number): Promise<number> {
  const isUntold = and(isNotNull(alert.nextSendAt), gte(alert.sendAttempts, tries));
  const [row] = await orm(sql).select({ n: count() }).from(alert).where(isUntold);
  return row?.n ?? 0;
}

/** It was reported. Its end, if that came meanwhile, is reported too. */
export async function markSent(sql: Queryable, id: string, wasCleared: boolean, now: Date): Promise<void> {
  await sql`
    update exchange.alert set sent_at = ${now}, next_send_at = case when cleared_at is not null
      and not ${wasCleared} then ${now}::timestamptz end
    where id = ${id}`;
}

/** No one is notified: there is no address. What still holds when there is one is sent then. */
export async function forgetUnsent(sql: Queryable): Promise<void> {
  await orm(sql)
    .update(alert)
    .set({ nextSendAt: null })
    .where(and(isNotNull(alert.nextSendAt), isNotNull(alert.clearedAt)));
}

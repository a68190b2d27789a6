// What the compliance report counts. Every statement takes the same five values: $1 first instant, $2 the instant after the
// last, $3 now, $4 a peer or null, $5 a line of business or null. They read the period's rows of small tables (clocks, pulls,
// jobs, contacts, choices); the ledger by the pulls of the period.
import type { Queryable } from '../../../src/db/database.ts';
import { GIVEN_AT, GIVEN_IN } from '../../members/consent/choice-as-of.ts';
import { COUNTS, ENDED_LATE } from '../../members/deadlines/deadline-terms.ts';
import { isFormerSql, isSaidSql } from '../../members/merge/member-merge.ts';
import { REQUEST_SHOWS } from '../../responder/request-rows.ts';
import { PULL_CLOCKS, PULL_SHOWS } from '../../staff/data/list-rows.ts';
import { ENTRIES_UNTIL, WAS_OPEN } from '../incidents/incident-case.ts';
import { TIMES } from '../security/security-rows.ts';
import { ASKED_FOR, IS_OWN, OF_SAME, SENT } from './consent-as-of.ts';
import { LATER_HELD, QUARANTINED, WAITS } from './quarantined.ts';

export type Scope = { from: Date; to: Date; now: Date; peerId: string | null; lob: string | null; timeZone: string };
/** So many rows of a list are read; of clocks each says how many there are of all (`ofAll`). */
export const MOST_ROWS = 20_000;
export type Row = Record<string, string | number | boolean | Date | null>;

const CLOCK_SCOPE = `due_at >= $1 and due_at < $2 and ($4::text is null or peer_id = $4) and ($5::text is null or lob = $5)`;
export const USED = `$1::timestamptz is not null and $2::timestamptz is not null and $3::timestamptz is not null and coalesce($4::text, '') is not null and coalesce($5::text, '') is not null`;
/** Does a coverage lie within the period? By its days. */
const WITHIN = (e: string) =>
  `${e}.starts < ($2::timestamptz at time zone 'UTC')::date and coalesce(${e}.ends, 'infinity'::date) >= ($1::timestamptz at time zone 'UTC')::date`;
/**
 * Members of a line of business ($5) in the period: by their coverage within it; of who had none, by the last one before, else by the first one after. So
 * who has gone to another line since stays where they were. enrolment_pkey.
 */
const LOB_MEMBERS = `(select e.member_id from exchange.enrolment e where e.lob = $5 and (${WITHIN('e')} or (
    not exists (select from exchange.enrolment f where f.member_id = e.member_id and ${WITHIN('f')})
    and e.starts = (select coalesce(max(f.starts) filter (where f.starts < ($2::timestamptz at time zone 'UTC')::date), min(f.starts)) from exchange.enrolment f where f.member_id = e.member_id))))`;
/** Members of a line of business, when one is asked for; what was said by who goes on as another stands with that one. */
export const LOB = (member: string) =>
  `not ${isFormerSql(member)} and ($5::text is null or ${member} in ${LOB_MEMBERS})`;

/**
 * Lines stay as they are when two members are one: of those of a former one the line of business is that of who stands for it. The members are named
 * once for a statement, the former ones among them; who stands for whom is not looked up line by line. member_merge_member.
 */
export const OF_LOB = (member: string) => `($5::text is null or ${member} in (
    with l as materialized ${LOB_MEMBERS}
    select l.member_id from l where not ${isFormerSql('l.member_id')}
    union all
    select g.former_id from exchange.member_merge g join l on l.member_id = g.member_id where g.undone_at is null))`;

/** The item by which people decide about a finding `f` of a pull `p`, where there is one; as they are made (write-links.ts, chain.ts). */
const ITEM_OF = (f: string, p: string) => `case
    when ${f}.local_id is null or ${f}.kind = 'identity-doubt' and ${f}.type <> 'Patient' then md5(concat_ws('|', 'held', ${p}.peer_id, ${f}.type, ${f}.source_id))
    when ${f}.kind = 'chain-anomaly' then md5(concat_ws('|', ${f}.member_id, 'chain', ${f}.local_id, split_part(${f}.detail, ':', 1)))
    else md5(concat_ws('|', ${f}.member_id, ${f}.kind, ${f}.type, least(${f}.local_id, ${f}.detail), greatest(${f}.local_id, ${f}.detail))) end`;

/** Members asked for one by one. By match_single_at alone, which holds all that is counted. */
export const SINGLES = `m.at >= $1 and m.at < $2 and ($4::text is null or m.peer_id = $4)`;

/** When a choice was given, in the plan's zone ($6). */
const MADE_AT = GIVEN_AT('c', '$6');
const MADE_IN = GIVEN_IN('c', '$6', '$1', '$2');
/** Statements that have to know the plan's zone, a sixth value. */
const ZONED: readonly string[] = ['optIn', 'withdrawals', 'statement', 'education'];

/** Named statements, one a figure or table. A member counts once for each payer, however often it was asked. */
const COMPLIANCE_SQL = {
  clocks: `
    select kind, count(*) filter (where starts_at >= $1)::int as started, count(*)::int as due,
      count(*) filter (where state = 'met')::int as met, count(*) filter (where state = 'met-late')::int as late,
      count(*) filter (where state = 'attempted')::int as attempted, count(*) filter (where state = 'blocked')::int as blocked,
      count(*) filter (where state = 'withdrawn')::int as withdrawn, count(*) filter (where state = 'not-applicable')::int as "notApplicable",
      count(*) filter (where ${ENDED_LATE('k')})::int as "endedLate", count(*) filter (where ${COUNTS('k', '$3')})::int as counted,
      count(*) filter (where state = 'open' and due_at >= $3)::int as running, count(*) filter (where state = 'open' and due_at < $3)::int as overdue
    from exchange.deadline k where ${CLOCK_SCOPE} and ${USED} group by kind order by kind`,
  notInTime: `
    select k.id, k.kind, k.member_id as "memberId", p.name as payer, k.due_at as "dueAt", k.state, k.closed_at as "closedAt", coalesce(n.reason, k.reason) as reason,
      n.corrective_action as action, n.by, n.words, count(*) over ()::int as "ofAll"
    from exchange.deadline k left join exchange.peer p on p.id = k.peer_id
    left join lateral (select reason, corrective_action, by, words from exchange.deadline_note where deadline_id = k.id order by id desc limit 1) n on true
    where k.due_at >= $1 and k.due_at < $2 and ($4::text is null or k.peer_id = $4) and ($5::text is null or k.lob = $5)
      and (k.state = 'met-late' or (k.state in ('open', 'attempted', 'blocked') and k.due_at < $3)
        or ${ENDED_LATE('k')}) and ${USED}
    order by k.due_at, k.id limit ${MOST_ROWS}`,
  // the choices of the period are read once
  optIn: `
    with said as materialized (
      select c.member_id, c.choice, c.given_by, c.created_at, ${MADE_AT} as at, ${isSaidSql('c')} as said from exchange.consent c
      where ${MADE_IN} and ${LOB('c.member_id')}
    )
    select
      (select count(distinct member_id)::int from exchange.contact c where kind = 'offer' and result = 'delivered' and at >= $1 and at < $2 and ${LOB('c.member_id')}) as offered,
      (select count(distinct s.member_id)::int from said s where s.choice = 'opt-in' and s.said
         and exists (select from exchange.contact t where t.member_id = s.member_id and t.kind = 'offer' and t.result = 'delivered' and t.at <= s.at)) as "afterOffer",
      count(distinct member_id) filter (where choice = 'opt-in' and said)::int as "optedIn", count(distinct member_id) filter (where choice = 'decline' and said)::int as declined,
      count(distinct member_id) filter (where choice = 'withdraw' and said)::int as withdrew,
      count(distinct member_id) filter (where given_by = 'representative')::int as representatives, count(*) filter (where created_at >= $2)::int as later
    from said where ${USED}`,
  withdrawals: `
    select count(*)::int as all, count(*) filter (where last is null)::int as obeyed, count(*) filter (where last < created_at)::int as learned
    from (
      select c.created_at, (select max(s.at) from ${SENT('c')} s where s.at > w.at and s.at < w.until) as last
      from exchange.consent c
      cross join lateral (select ${MADE_AT} as at, coalesce((select min(${GIVEN_AT('o', '$6')}) from exchange.consent o
        where o.member_id = c.member_id and o.choice = 'opt-in' and ${GIVEN_AT('o', '$6')} > ${MADE_AT} and ${OF_SAME('c', 'o', GIVEN_AT('o', '$6'))}), 'infinity') as until offset 0) w
      where c.choice = 'withdraw' and ${IS_OWN('c')} and ${isSaidSql('c')} and ${MADE_IN} and ${LOB('c.member_id')} and ${USED}) x`,
  weAsked: `
    with asked as (
      select p.peer_id, m.member_id, bool_or(m.outcome is not null) as answered, coalesce(bool_or(m.outcome = 'matched'), false) as matched, coalesce(bool_or(m.outcome = 'constrained'), false) as constrained
      from exchange.pull p join exchange.pull_member m on m.pull_id = p.id
      where p.created_at >= $1 and p.created_at < $2 and ${ASKED_FOR('m')} and ($4::text is null or p.peer_id = $4) and ${LOB('m.member_id')}
      group by 1, 2
    ), members as (
      select peer_id, count(*)::int as submitted, count(*) filter (where matched)::int as matched,
        count(*) filter (where constrained and not matched)::int as constrained, count(*) filter (where answered and not matched and not constrained)::int as unmatched,
        count(*) filter (where not answered)::int as unanswered
      from asked group by 1
    )
    select p.peer_id as id, r.name as payer, count(*)::int as pulls, coalesce(max(m.submitted), 0) as submitted, coalesce(max(m.matched), 0) as matched,
      coalesce(max(m.constrained), 0) as constrained, coalesce(max(m.unmatched), 0) as unmatched, coalesce(max(m.unanswered), 0) as unanswered,
      count(*) filter (where ${PULL_SHOWS.balanced})::int as balanced,
      count(*) filter (where ${PULL_SHOWS.finished})::int as finished, count(*) filter (where ${PULL_SHOWS.failed})::int as failed,
      count(*) filter (where ${PULL_SHOWS.exports})::int as exports, count(*) filter (where ${PULL_SHOWS.faulty})::int as faulty,
      count(*) filter (where ${PULL_SHOWS.waiting})::int as waiting,
      coalesce(sum(f.files), 0)::int as files, percentile_cont(0.5) within group (order by extract(epoch from p.finished_at - p.created_at) / 60) as "medianMinutes",
      percentile_cont(0.95) within group (order by extract(epoch from p.finished_at - p.created_at) / 60) as "p95Minutes"
    from exchange.pull p join exchange.peer r on r.id = p.peer_id
    left join members m on m.peer_id = p.peer_id
    left join lateral (select count(*) as files from exchange.pull_file f where f.pull_id = p.id) f on true
    where p.created_at >= $1 and p.created_at < $2 and ($4::text is null or p.peer_id = $4) and ${USED}
    group by p.peer_id, r.name order by r.name`,
  theyAsked: `
    select j.peer_id as id, r.name as payer, j.kind, count(*)::int as received, count(*) filter (where ${REQUEST_SHOWS.answered})::int as answered, count(*) filter (where ${REQUEST_SHOWS.cancelled})::int as cancelled,
      count(*) filter (where ${REQUEST_SHOWS['in-time']})::int as "inTime", count(*) filter (where ${REQUEST_SHOWS.overdue})::int as overdue,
      percentile_cont(0.5) within group (order by extract(epoch from j.completed_at - j.received_at) / 60) filter (where j.transaction_time is not null) as "medianMinutes",
      percentile_cont(0.95) within group (order by extract(epoch from j.completed_at - j.received_at) / 60) filter (where j.transaction_time is not null) as "p95Minutes"
    from exchange.bulk_job j join exchange.peer r on r.id = j.peer_id
    where j.received_at >= $1 and j.received_at < $2 and ($4::text is null or j.peer_id = $4) and ${USED}
    group by j.peer_id, r.name, j.kind
    union all
    -- answered within the request
    select m.peer_id, r.name, 'single', count(*)::int, count(*)::int, 0, count(*)::int, 0, null, null
    from exchange.match_single m join exchange.peer r on r.id = m.peer_id where ${SINGLES} group by m.peer_id, r.name
    order by payer, kind`,
  matching: `
    select r.name as payer, m.outcome, m.reason, count(*)::int as n, r.id as peer
    from (
      select j.peer_id, m.outcome, m.reason from exchange.match_member m join exchange.bulk_job j on j.id = m.job_id
      where j.received_at >= $1 and j.received_at < $2 and ($4::text is null or j.peer_id = $4)
      union all
      select m.peer_id, m.outcome, m.reason from exchange.match_single m where ${SINGLES}
    ) m join exchange.peer r on r.id = m.peer_id
    where ${USED} group by 1, 2, 3, r.id order by 1, 2, 4 desc, 3, r.id`,
  outcomes: `
    select r.name as payer, coalesce(l.type, '') as type, l.outcome, sum(l.units)::int as n, r.id as peer
    from exchange.pull p join exchange.peer r on r.id = p.peer_id join exchange.ledger_by_member l on l.pull_id = p.id
    where p.finished_at >= $1 and p.finished_at < $2 and ($4::text is null or p.peer_id = $4) and ${OF_LOB('l.member_id')} and ${USED} group by 1, 2, 3, r.id order by 1, r.id, 2, 3`,
  quarantine: `
    select r.name as payer, coalesce(before.reason, l.reason) as reason, count(distinct (p.peer_id, l.type, l.source_id))::int as n,
      count(distinct (p.peer_id, l.type, l.source_id)) filter (where d.decision = 'discard')::int as discarded, min(coalesce(since.at, p.finished_at)) as oldest,
      (array_agg(p.id order by p.finished_at desc))[1] as pull, count(distinct p.id)::int as pulls, (array_agg(l.reason order by p.finished_at desc))[1] as "lineReason", r.id as peer
    from ${QUARANTINED} and ($4::text is null or p.peer_id = $4) and ${OF_LOB('l.member_id')} and ${USED}
    group by 1, 2, r.id order by 1, 3 desc, 2, r.id`,
  rejected: `
    select r.name as payer, l.reason, count(*)::int as n, (array_agg(p.id order by p.finished_at desc))[1] as pull, max(p.finished_at) as last
    from exchange.pull p join exchange.peer r on r.id = p.peer_id join exchange.ledger_unit l on l.pull_id = p.id and l.outcome = 'rejected'
    where p.finished_at >= $1 and p.finished_at < $2 and ($4::text is null or p.peer_id = $4) and ${USED} group by 1, 2 order by 1, 3 desc`,
  findings: `
    select r.name as payer, f.kind, sum(f.amount)::int as n, case when count(v.id) > 0 then count(distinct v.id) filter (where v.state = 'open')::int end as open
    from exchange.finding f join exchange.pull p on p.id = f.pull_id join exchange.peer r on r.id = p.peer_id
    left join exchange.review_item v on v.id = ${ITEM_OF('f', 'p')}
    where p.created_at >= $1 and p.created_at < $2 and ($4::text is null or p.peer_id = $4) and ${USED} group by 1, 2 order by 1, 3 desc`,
  // what the list for its payer was taken for first stands beside it: the payer is informed with that list
  incidents: `
    select pull, payer, reason, count(*)::int as n, min(at) as at, count(*) filter (where held)::int as held, count(*) filter (where held and not decided)::int as open,
      floor(extract(epoch from case when bool_or(held and not decided) then $3::timestamptz else greatest(min(at), max(ended)) end - min(at)) / 86400)::int as days,
      (select min(a.at) from exchange.audit a where a.action = 'export-report' and a.object = '/staff/peers/' || min(x.peer_id) || '/to-tell' and a.object <> '' and a.at >= min(x.at)) as told
    from (
      select p.id as pull, p.peer_id, r.name as payer, coalesce(v.reason, l.reason) as reason, p.finished_at as at,
        coalesce(i.state = 'quarantined' or ${WAITS}, false) as held, coalesce(q.state = 'decided', false) as decided,
        case when q.state = 'decided' then (select max(d.at) from exchange.review_decision d where d.item_id = q.id and d.undoes is null) else y.finished_at end as ended
      from (select * from exchange.ledger_unit where outcome in ('quarantined', 'rejected') and reason in ('wrong-patient', 'contained-person', 'patient-change') union all ${LATER_HELD}) l
      join exchange.pull p on p.id = l.pull_id join exchange.peer r on r.id = p.peer_id
      left join lateral (select reason from exchange.unit_revision v where v.pull_id = l.pull_id and v.file = l.file and v.line = l.line and v.entry = l.entry and v.outcome = 'quarantined' and l.outcome <> 'quarantined' order by v.id limit 1) v on true
      left join exchange.identity i on i.peer_id = p.peer_id and i.type = l.type and i.source_id = l.source_id
      left join exchange.review_item q on q.id = md5(concat_ws('|', 'held', i.peer_id, i.type, i.source_id))
      left join exchange.pull y on y.id = i.last_pull
      where coalesce(v.reason, l.reason) in ('wrong-patient', 'contained-person', 'patient-change') and p.finished_at >= $1 and p.finished_at < $2 and ($4::text is null or p.peer_id = $4) and ${OF_LOB('l.member_id')}) x
    where ${USED} group by 1, 2, 3 order by 5, 1`,
  emergencies: `
    select e.subject, e.reason, e.began_at as "beganAt", coalesce(e.ended_at, e.until_at) as "untilAt",
      (select count(distinct a.member_id)::int from exchange.audit a where a.object = 'emergency/' || e.id and a.action = 'emergency-look') as members
    from exchange.emergency_access e where e.began_at >= $1 and e.began_at < $2 and ${USED} order by e.began_at, e.id`,
  cases: `
    select c.number, c.opened_at as "openedAt", c.opened_by as "openedBy", c.kind, c.discovered_on::text as "discoveredOn", c.origin,
      coalesce((${ENTRIES_UNTIL('$3')}), '[]')::text as entries
    from exchange.incident_case c where c.opened_at < $2 and ${WAS_OPEN('c', '$1')} and ${USED} order by c.number`,
  proofs: `
    select r.name as payer, count(*)::int as exports, count(k.job_id)::int as walked, coalesce(sum(k.files), 0)::int as files, coalesce(sum(k.lines), 0)::float8 as lines, coalesce(sum(k.faults), 0)::int as faults,
      coalesce(sum((j.counts->>'withheld-financial')::int), 0)::int as money, coalesce(sum((j.counts->>'withheld-denied-pa')::int), 0)::int as denied, coalesce(sum((j.counts->>'withheld-drug-pa')::int), 0)::int as drug,
      coalesce(sum((j.counts->>'withheld-sensitive')::int), 0)::int as sensitive, coalesce(sum((j.counts->>'withheld-window')::int), 0)::int as "window"
    from exchange.bulk_job j join exchange.peer r on r.id = j.peer_id left join exchange.content_check k on k.job_id = j.id
    where j.kind = 'export' and j.transaction_time is not null and j.received_at >= $1 and j.received_at < $2 and ($4::text is null or j.peer_id = $4) and ${USED} group by 1 order by 1`,
  // who refused as a person: anyone who suspended or closed the payer, or blocked the key; the newest to have done so before
  refusals: `
    select coalesce(r.name, a.actor) as payer, a.action, a.reason, d.by, d.criterion, ${TIMES} as n, min(a.at) as first, max(a.at) as last
    from exchange.audit a left join exchange.peer r on r.id = a.peer_id
    left join lateral (
      select c.by, c.after->>'reason' as criterion from exchange.peer_change c where c.peer_id = a.peer_id and c.at <= a.at and c.state = 'applied'
        and c.what = case a.reason when 'client-suspended' then 'state' when 'blocked-key' then 'blocked-keys' end order by c.id desc limit 1
    ) d on a.reason in ('client-suspended', 'blocked-key')
    where a.outcome = 'refused' and a.actor_kind = 'peer' and a.at >= $1 and a.at < $2 and ($4::text is null or a.peer_id = $4) and ${USED}
    group by 1, 2, 3, 4, 5 order by 1, 6 desc, 2, 3, 4, 5`,
  decisions: `
    select a.action, a.actor, count(*)::int as n, min(a.at) as first, max(a.at) as last
    from exchange.audit a
    where a.actor_kind in ('staff', 'command') and a.outcome = 'ok' and a.action not in ('view', 'emergency-look', 'reason-given', 'reason-ended', 'sign-in', 'sign-out', 'sessions-ended', 'export-report', 'report-issued', 'evidence-pack') and a.at >= $1 and a.at < $2
      and ($4::text is null or a.peer_id = $4) and ${USED} group by 1, 2 order by 1, 2`,
  education: `
    select t.id, t.version, t.language, t.sha256, t.first_at as "firstAt", c.kind, c.channel, count(c.at)::int as n
    from exchange.consent_text t left join (
      select text_sha256, kind, channel, at from exchange.contact where at >= $1 and at < $2
      union all
      select c.text_sha256, 'choice', c.channel, c.created_at from exchange.consent c where c.text_sha256 is not null and ${MADE_IN}
    ) c on c.text_sha256 = t.sha256
    where ${USED} group by 1, 2, 3, 4, 5, 6, 7 order by t.id, t.version, t.language, c.kind, c.channel`,
  metrics: `
    select q.requested, q.matched,
      (select count(distinct coalesce(g.member_id, l.member_id))::int from (
        select distinct l.member_id from exchange.pull p join exchange.ledger_by_member l on l.pull_id = p.id
        where l.member_id is not null and p.finished_at >= $1 and p.finished_at < $2 and ($4::text is null or p.peer_id = $4) offset 0) l
        left join exchange.member_merge g on g.former_id = l.member_id and g.undone_at is null where ${OF_LOB('l.member_id')}) as received,
      (select count(*)::int from exchange.bulk_job j where j.received_at >= $1 and j.received_at < $2 and ($4::text is null or j.peer_id = $4))
        + (select count(*)::int from exchange.match_single m where ${SINGLES}) as asked,
      (select count(*)::int from exchange.bulk_job j
        where j.transaction_time is not null and j.completed_at <= j.due_at and j.received_at >= $1 and j.received_at < $2 and ($4::text is null or j.peer_id = $4))
        + (select count(*)::int from exchange.match_single m where ${SINGLES}) as "inTime",
      (select percentile_cont(0.5) within group (order by extract(epoch from j.completed_at - j.received_at) / 60) from exchange.bulk_job j
        where j.transaction_time is not null and j.received_at >= $1 and j.received_at < $2 and ($4::text is null or j.peer_id = $4)) as "medianMinutes"
    from (select count(*)::int as requested, count(*) filter (where matched)::int as matched from (
      select m.member_id, bool_or(m.outcome is not distinct from 'matched') as matched from exchange.pull_member m join exchange.pull p on p.id = m.pull_id
      where p.created_at >= $1 and p.created_at < $2 and ${ASKED_FOR('m')} and ($4::text is null or p.peer_id = $4) and ${LOB('m.member_id')} group by 1) m) q
    where ${USED}`,
  statement: `
    select 'to us' as direction, j.id, j.kind, j.received_at as at, case when j.transaction_time is not null then j.completed_at end as answered, j.due_at as due, j.state,
      coalesce((j.parameters->>'members')::int, (select count(*)::int from exchange.match_member m where m.group_id = j.group_id)) as size, j.failure as reason, j.counts,
      (select sum(f.bytes) from exchange.bulk_file f where f.job_id = j.id)::float8 as bytes,
      (select string_agg(coalesce(f.text_sha256, f.sha256), ' ' order by f.position) from exchange.bulk_file f where f.job_id = j.id) as hashes
    from exchange.bulk_job j where j.peer_id = $4 and j.received_at >= $1 and j.received_at < $2 and ${USED}
    union all
    -- those of a day together, $6 the zone of the days
    select 'to us', 'member-match', 'single', min(s.at), max(s.last), null, 'complete', sum(s.n)::int, null, jsonb_object_agg(s.outcome, s.n), null, null
    from (select (m.at at time zone $6)::date as day, m.outcome, min(m.at) as at, max(m.at) as last, count(*) as n from exchange.match_single m where ${SINGLES} group by 1, 2) s group by s.day
    union all
    select 'by us', p.id, 'pull', p.created_at, p.finished_at,
      -- as the list of pulls says it
      coalesce((select min(k.due_at) from exchange.pull_member m cross join lateral (${PULL_CLOCKS}) k where m.pull_id = p.id), p.due_at), p.state, (select count(*)::int from exchange.pull_member m where m.pull_id = p.id), p.reason,
      (select jsonb_object_agg(o.outcome, o.n) from (select m.outcome, count(*) as n from exchange.pull_member m where m.pull_id = p.id and m.outcome is not null group by 1) o)
        || coalesce((select jsonb_build_object('lines', sum(f.units)) from exchange.pull_file f where f.pull_id = p.id and f.kind <> 'error'), '{}'),
      (select sum(f.bytes) from exchange.pull_file f where f.pull_id = p.id)::float8,
      (select string_agg(f.sha256, ' ' order by f.position) from exchange.pull_file f where f.pull_id = p.id)
    from exchange.pull p where p.peer_id = $4 and p.created_at >= $1 and p.created_at < $2
    order by 4, 2`,
} as const;
export type ComplianceQuery = keyof typeof COMPLIANCE_SQL;

/** Rows of one statement over a scope. */
export async function complianceRows(sql: Queryable, query: ComplianceQuery, s: Scope): Promise<Row[]> {
  const values = [s.from, s.to, s.now, s.peerId, s.lob];
  return [
    ...(await sql.unsafe<Row[]>(COMPLIANCE_SQL[query], ZONED.includes(query) ? [...values, s.timeZone] : values)),
  ];
}

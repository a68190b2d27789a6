// The clocks of members, opened and closed by sets: so a missed tick loses nothing, an import of a million is one statement,
// and the schedule on Workers can do it too. Due times are computed on local dates in the plan's zone, by the database.
import type { Queryable } from '../../../src/db/database.ts';
import { enrolledSql, lastsSql, namesSql } from '../enrolment/enrolled.ts';
import type { Calendar } from './business-day.ts';
import { COVERED_ANEW, IDENTIFIED, THERE_ANEW } from './member-request.ts';
import { renewRequests } from './renewed-request.ts';
import { CLOCK_RULES, type ClockKind, EARLY_DAYS, LINES_OF_BUSINESS, RULE_VERSION, RUN_OFF_DAYS } from './rules.ts';

/** The paragraph for a row's line of business, as SQL over an alias; the same words as `ruleRef`. */
const refSql = (kind: ClockKind, lob: string): string =>
  `case ${lob} ${Object.entries(LINES_OF_BUSINESS)
    .map(([code, l]) => `when '${code}' then '${l.paragraph}, as 422.121(b)${CLOCK_RULES[kind].sub}'`)
    .join(' ')} end`;

/**
 * Opens the clocks for the offer and for the question about other payers, for enrolments that begin a coverage (not those
 * that go on from an earlier one), and marks them: at most `limit` enrolments at once. Served by enrolment_without_deadlines.
 * @returns how many enrolments were taken, and the members whose clocks are new
 */
export async function openOfferClocks(
  tx: Queryable,
  calendar: Calendar,
  limit: number,
): Promise<{ taken: number; memberIds: string[] }> {
  const rows = await tx.unsafe<{ id: string | null; taken: number }[]>(
    `with fresh as (
       update exchange.enrolment set deadlines_opened_at = now()
       where ctid = any(array(select ctid from exchange.enrolment where deadlines_opened_at is null limit $5 for update skip locked)) returning member_id, starts, accepted_on, lob
     ), first as (
       select distinct on (e.member_id, e.starts) e.member_id, e.starts, e.lob, greatest(e.starts, e.accepted_on) as day,
         exists (select from exchange.enrolment f where f.member_id = e.member_id and f.ends < e.starts - 1) as is_anew from fresh e
       where not exists (
         select from exchange.enrolment f
         where f.member_id = e.member_id and f.starts < e.starts and coalesce(f.ends, 'infinity'::date) >= e.starts - 1)
       order by e.member_id, e.starts, e.accepted_on desc nulls last
     ), opened as (
     insert into exchange.deadline (id, kind, subject, member_id, starts_at, due_at, state, lob, rule_ref, rule_version, calendar_version, zone, start_event)
     select gen_random_uuid()::text, k.kind, f.member_id || '/' || f.starts, f.member_id, f.day::timestamp at time zone $1,
       ((case when f.day < $2::date then $2::date else f.day + 7 end + 1)::timestamp at time zone $1) - interval '1 millisecond', 'open', f.lob,
       case k.kind when 'C1-offer' then ${refSql('C1-offer', 'f.lob')} else ${refSql('C1b-identify', 'f.lob')} end, $3, $4, $1,
       case when f.is_anew then 'coverage-anew' else 'coverage-start' end
     from first f cross join (values ('C1-offer'), ('C1b-identify')) as k(kind)
     on conflict (kind, subject) do nothing
     returning member_id as id)
     select (select count(*)::int from fresh) as taken, o.id from (select 1) one left join (select distinct id from opened) o on true`,
    [calendar.zone, calendar.complianceDay, RULE_VERSION, calendar.version, limit],
  );
  return { taken: rows[0]?.taken ?? 0, memberIds: rows.flatMap((r) => r.id ?? []) };
}

/**
 * Enrolments of members that last and begin a coverage, as is known by now, and were taken for ones that go on from an earlier one: the end of
 * that one was stated later. {@link openOfferClocks} takes them again. enrolment_pkey, the unique index of clock.
 */
export async function takeAgain(
  tx: Queryable,
  calendar: Calendar,
  now: Date,
  memberIds: readonly string[],
): Promise<void> {
  if (memberIds.length === 0) return;
  await tx`
    update exchange.enrolment e set deadlines_opened_at = null
    where e.member_id = any(${[...memberIds]}::text[]) and e.deadlines_opened_at is not null and coalesce(e.ends, 'infinity'::date) >= (${now}::timestamptz at time zone ${calendar.zone})::date
      and not exists (
        select from exchange.enrolment f where f.member_id = e.member_id and f.starts < e.starts and coalesce(f.ends, 'infinity'::date) >= e.starts - 1)
      and not exists (select from exchange.deadline k where k.kind = 'C1-offer' and k.subject = e.member_id || '/' || e.starts)`;
}

/**
 * Stops the offer clocks of members by what was delivered or what they said, no earlier than {@link EARLY_DAYS} before the coverage and, after a gap, not before
 * the last one was over: until then it was of that one (docs/decisions/020). Ends those whose coverage was over, with the end of its last day, before
 * the offer was due. Served by deadline_member.
 */
export async function settleOfferClocks(tx: Queryable, memberIds: readonly string[]): Promise<void> {
  if (memberIds.length === 0) return;
  const only = [...memberIds];
  await tx`
    update exchange.deadline k set state = case when s.at <= k.due_at then 'met' else 'met-late' end, closed_at = s.at, stop_event = s.event, reason = null
    from exchange.deadline o
    cross join lateral (
      select at, event from (
        select c.at, 'contact/' || c.id as event from exchange.contact c
        where c.member_id = o.member_id and c.result = 'delivered' and c.kind = case o.kind when 'C1-offer' then 'offer' else 'identify' end
        union all
        select coalesce(h.given_at, h.recorded_on::timestamp at time zone o.zone), 'consent/' || h.id from exchange.consent h
        where h.member_id = o.member_id and o.kind = 'C1-offer'
        union all
        select v.known_at, 'other-coverage/' || v.id from exchange.other_coverage v where v.member_id = o.member_id and o.kind = 'C1b-identify'
      ) x
      where x.at >= greatest(o.starts_at - make_interval(days => ${EARLY_DAYS}), (
        select (max(f.ends) + 1)::timestamp at time zone o.zone from exchange.enrolment f
        where f.member_id = o.member_id and f.ends < right(o.subject, 10)::date - 1))
      order by at limit 1
    ) s
    where o.kind in ('C1-offer', 'C1b-identify') and o.state = 'open' and o.member_id = any(${only}::text[])
      and k.id = o.id`;
  await tx`
    update exchange.deadline k set state = 'not-applicable', reason = 'coverage-ended', closed_at = (e.ends + 1)::timestamp at time zone k.zone
    from exchange.enrolment e
    where k.kind in ('C1-offer', 'C1b-identify') and k.state = 'open' and k.member_id = any(${only}::text[])
      and e.member_id = k.member_id and k.subject = e.member_id || '/' || e.starts and e.ends is not null
      and ((e.ends + 1)::timestamp at time zone k.zone) < k.due_at
      and not exists (select from exchange.enrolment f where f.member_id = e.member_id and f.starts > e.starts and f.starts <= e.ends + 1)`;
}

/** The same of some members, with what begins again for them. */
export async function openRequestClocks(
  tx: Queryable,
  calendar: Calendar,
  now: Date,
  memberIds: readonly string[],
): Promise<void> {
  await renewRequests(tx, calendar, now, memberIds);
  await openRequests(tx, calendar, now, 'o.member_id', memberIds);
}

/**
 * Since when the payer of a clock that was blocked is known, `$4` being now: what the member named was found to be it, it was let in for the first time, it has an address.
 * peer_pkey, peer_change_peer.
 */
const KNOWN = `case when exchange.deadline.peer_id is distinct from excluded.peer_id then $4::timestamptz end,
  (select approved_at from exchange.peer where id = excluded.peer_id),
  (select max(coalesce(h.decided_at, h.at)) from exchange.peer_change h
   where h.peer_id = excluded.peer_id and h.what = 'record' and h.state = 'applied' and h.after ? 'fhirBase' and h.before->>'fhirBase' is null)`;

/**
 * Was other coverage `o` known, under choice `c`, when coverage with us had ended and before it began again: no one could ask then, and the week begins when that
 * coverage is known, `$4` being now and $1 the zone. What was known before, and asked for, begins again by itself (renewed-request.ts). enrolment_pkey.
 */
const BETWEEN = `exists (
         select from exchange.enrolment e
         cross join lateral (select max(f.ends) as ends from exchange.enrolment f where f.member_id = e.member_id and f.ends < e.starts - 1) g
         where e.member_id = o.member_id and ${lastsSql('e', '($4::timestamptz at time zone $1)::date')}
           and (greatest(c.at, o.known_at) at time zone $1)::date > g.ends and (greatest(c.at, o.known_at) at time zone $1)::date < e.starts
           and not exists (
             select from exchange.enrolment f where f.member_id = e.member_id and f.starts < e.starts and coalesce(f.ends, 'infinity'::date) >= e.starts - 1))`;

/**
 * Opens the clocks of opted-in members' requests to other payers, of some members or some other coverage: each starts with the later of the opt-in and the payer
 * known, no earlier than {@link EARLY_DAYS} before the coverage begins, and where only previous payers are asked when the other coverage has
 * ended and that is known; for a coverage after a gap, of a payer that was asked before it or named in it, of an other coverage that had ended and goes on again, of a member whose name or birth date was corrected after the payer had not known them, of members who turned out to be one person, when that is known, and of a payer that was named by mistake, when it is named again. Payers that cannot be asked stay visible as blocked; the week of one
 * that we did not know begins when we do. What we do to one that we know, as when we suspend it, moves no week.
 */
export async function openRequests(
  tx: Queryable,
  calendar: Calendar,
  now: Date,
  which: 'o.member_id' | 'o.id',
  ids: readonly string[],
): Promise<void> {
  await tx.unsafe(
    `insert into exchange.deadline (id, kind, subject, member_id, peer_id, starts_at, due_at, state, reason, lob, rule_ref, rule_version, calendar_version, zone, start_event)
     select gen_random_uuid()::text, 'C2', o.id, o.member_id, o.peer_id, s.at,
       ((((s.at at time zone $1)::date + 8)::timestamp at time zone $1) - interval '1 millisecond'),
       case when p.state = 'active' and p.fhir_base is not null then 'open' else 'blocked' end,
       case when p.state = 'active' and p.fhir_base is not null then null else 'no-endpoint' end,
       l.lob, ${refSql('C2', 'l.lob')}, $2, $3, $1,
       case when s.at = n.identified then 'identity-corrected' when s.at = n.covered then 'coverage-anew' when s.at = n.there then 'other-coverage-anew' else 'opt-in-and-payer-known' end
     from exchange.other_coverage o
     join lateral (
       select choice, payers, coalesce(given_at, recorded_on::timestamp at time zone $1) as at from exchange.consent
       where member_id = o.member_id order by recorded_on desc, created_at desc limit 1
     ) c on c.choice = 'opt-in' and ${namesSql('c', 'o', '($4::timestamptz at time zone $1)::date')}
     left join lateral (select lob from exchange.enrolment where member_id = o.member_id order by starts desc limit 1) l on true
     left join exchange.peer p on p.id = o.peer_id
     cross join lateral (
       select greatest(max(at) filter (where reported_by = $6), case when ${BETWEEN} then $4::timestamptz end) as covered,
         max(at) filter (where reported_by = $7) as identified, max(at) filter (where reported_by = $8) as there
       from exchange.member_request where other_coverage_id = o.id) n
     cross join lateral (
       select greatest(c.at, o.known_at, n.covered, n.there, n.identified, (select max(g.at) from exchange.member_merge g where g.member_id = o.member_id and g.undone_at is null),
         (select max(g.at) from exchange.payer_link_event g where g.other_coverage_id = o.id and g.act = 'again'), (
         select min(e.starts - ${EARLY_DAYS})::timestamp at time zone $1 from exchange.enrolment e
         where e.member_id = o.member_id and ${lastsSql('e', '($4::timestamptz at time zone $1)::date')}),
         case when c.payers = 'previous' then greatest((o.ends + 1)::timestamp at time zone $1, o.ends_known_at) end,
         case when exists (select from exchange.deadline x where x.member_id = o.member_id and x.kind = 'C2' and x.state = 'not-applicable' and x.subject like o.id || '/%')
           then $4::timestamptz end) as at
     ) s
     where ${which} = any($5::text[]) and ${enrolledSql('o.member_id', '($4::timestamptz at time zone $1)::date')}
       and not exists (select from exchange.deadline k where k.kind = 'C2' and k.subject = o.id and not (k.state = 'blocked' and k.reason = 'no-endpoint'))
     on conflict (kind, subject) do update set state = excluded.state, reason = excluded.reason, peer_id = excluded.peer_id,
       (starts_at, due_at, start_event) = (
         select w.at, case when w.waited then (((w.at at time zone $1)::date + 8)::timestamp at time zone $1) - interval '1 millisecond' else exchange.deadline.due_at end,
           case when w.waited then 'payer-known' else exchange.deadline.start_event end
         from (select k.at, k.at > exchange.deadline.starts_at as waited from (select greatest(exchange.deadline.starts_at, ${KNOWN}) as at) k) w)
       where exchange.deadline.state = 'blocked' and exchange.deadline.reason = 'no-endpoint'
         and (excluded.state = 'open' or excluded.peer_id is distinct from exchange.deadline.peer_id)`,
    [calendar.zone, RULE_VERSION, calendar.version, now, [...ids], COVERED_ANEW, IDENTIFIED, THERE_ANEW],
  );
}

/**
 * Ends the clocks of requests for those members whose newest choice is no opt-in, or leaves out payers such as that one: those who are asked
 * only while they cover the member are not when that has ended. The clock ends with the choice, or with that coverage, not when it was
 * told: what was overdue by then stays late. That of a payer that was named by mistake never was: it ends when it began. deadline_member, payer_link_event_coverage.
 */
export async function settleWithdrawn(tx: Queryable, now: Date, memberIds: readonly string[]): Promise<number> {
  if (memberIds.length === 0) return 0;
  const rows = await tx.unsafe(
    `update exchange.deadline k set stop_event = coalesce('naming/' || e.id, 'consent/' || c.id),
       closed_at = greatest(o.starts_at, least($2::timestamptz, case when e.id is not null then o.starts_at when c.choice = 'opt-in' and c.payers = 'concurrent'
         then (v.ends + 1)::timestamp at time zone o.zone else coalesce(c.given_at, c.recorded_on::timestamp at time zone o.zone) end)),
       state = case when e.id is not null or c.choice = 'opt-in' and c.payers = 'concurrent' then 'not-applicable' else 'withdrawn' end,
       reason = case when e.id is not null then 'named-in-error' when c.choice = 'opt-in' and c.payers = 'concurrent' then 'coverage-ended' when c.choice = 'decline' then 'member-declined' else 'member-withdrew' end
     from exchange.deadline o left join exchange.other_coverage v on v.id = split_part(o.subject, '/', 1)
     cross join lateral (
       select id, choice, payers, given_at, recorded_on from exchange.consent where member_id = o.member_id order by recorded_on desc, created_at desc limit 1
     ) c
     left join lateral (select n.id from exchange.payer_link_event n where n.other_coverage_id = v.id and v.in_error_at is not null order by n.at desc limit 1) e on true
     where o.kind in ('C2', 'C4', 'C5-runoff') and o.state in ('open', 'blocked', 'attempted') and o.member_id = any($1::text[]) and k.id = o.id
       and (c.choice <> 'opt-in' or not ${namesSql('c', 'v', '($2::timestamptz at time zone o.zone)::date')})
     returning 1`,
    [[...memberIds], now],
  );
  return rows.length;
}

/**
 * A member's own request: the running clock gets the earlier due time, or a new one begins. Both by clock's unique index.
 * @param request.from the day on which the payer may be asked, YYYY-MM-DD, when that is to come: no one is asked for long before the coverage
 */
export async function hastenRequest(
  tx: Queryable,
  calendar: Calendar,
  request: { id: string; otherCoverageId: string; at: Date; from: string | null },
): Promise<void> {
  const starts = tx`greatest(${request.at}::timestamptz, ${request.from}::date::timestamp at time zone ${calendar.zone})`;
  const due = tx`((((${starts} at time zone ${calendar.zone})::date + 8)::timestamp at time zone ${calendar.zone}) - interval '1 millisecond')`;
  await tx`
    update exchange.deadline set subject = subject || '/' || id
    where kind = 'C2' and subject = ${request.otherCoverageId} and state in ('met', 'met-late')`;
  await tx`
    insert into exchange.deadline (id, kind, subject, member_id, peer_id, starts_at, due_at, state, reason, lob, rule_ref, rule_version, calendar_version, zone, start_event)
    select gen_random_uuid()::text, 'C2', o.id, o.member_id, o.peer_id, ${starts}, ${due},
      case when p.state = 'active' and p.fhir_base is not null then 'open' else 'blocked' end,
      case when p.state = 'active' and p.fhir_base is not null then null else 'no-endpoint' end,
      l.lob, ${tx.unsafe(refSql('C2', 'l.lob'))}, ${RULE_VERSION}, ${calendar.version}, ${calendar.zone}, 'member-request/' || ${request.id}::text
    from exchange.other_coverage o left join exchange.peer p on p.id = o.peer_id
    left join lateral (select lob from exchange.enrolment where member_id = o.member_id order by starts desc limit 1) l on true
    where o.id = ${request.otherCoverageId}
    on conflict (kind, subject) do update set due_at = least(exchange.deadline.due_at, excluded.due_at)`;
}

/**
 * Sets the next clocks of what pulls have asked for: quarterly for coverage that goes on, monthly for late claims of coverage
 * that has ended; the clocks before them are met. Who has withdrawn since the pull was accepted is not asked again. Pulls are taken once, by
 * pull_without_deadlines; clocks by deadline_member. What is asked to compare is beside what is owed, and sets none.
 * @param one the pull that is accepted in this transaction; absent: those that an older program left. A peer that answers at once has accepted
 * when it has answered.
 */
export async function openRefreshClocks(
  tx: Queryable,
  calendar: Calendar,
  now: Date,
  one?: { pullId: string; at: Date },
): Promise<void> {
  const opened = await tx.unsafe<{ memberId: string }[]>(
    `with asked as (
       update exchange.pull set deadlines_opened_at = now() where deadlines_opened_at is null and case when $4::text is null
         then kicked_off_at is not null and (fetch_form is null or fetch_form not in ('everything', 'search') or state in ('reconciling', 'done', 'review', 'unbalanced'))
         else id = $4 end returning id, cause, peer_id, coalesce($5::timestamptz, kicked_off_at) as kicked_off_at
     ), covered as (
       select distinct on (o.id) o.id, o.member_id, o.ends, a.peer_id, a.kicked_off_at as at, a.id as pull_id, (a.kicked_off_at at time zone $1)::date as day
       from asked a join exchange.pull_member m on m.pull_id = a.id and m.outcome = 'matched' and a.cause <> 'comparison'
       join exchange.other_coverage o on o.id = m.other_coverage_id
       order by o.id, a.kicked_off_at desc
     ), met as (
       update exchange.deadline k set state = case when c.at <= k.due_at then 'met' else 'met-late' end, closed_at = c.at, stop_event = 'pull/' || c.pull_id, reason = null
       from covered c
       where k.member_id = c.member_id and k.kind in ('C4', 'C5-runoff') and k.state in ('open', 'attempted') and k.starts_at < c.at
         and k.subject like c.id || '/%'
       returning 1
     )
     insert into exchange.deadline (id, kind, subject, member_id, peer_id, starts_at, due_at, state, lob, rule_ref, rule_version, calendar_version, zone, start_event)
     select gen_random_uuid()::text, n.kind, c.id || '/' || c.pull_id, c.member_id, c.peer_id, c.at,
       (((c.day + n.span)::date + 1)::timestamp at time zone $1) - interval '1 millisecond', 'open', l.lob,
       case n.kind when 'C4' then ${refSql('C4', 'l.lob')} else ${refSql('C5-runoff', 'l.lob')} end, $2, $3, $1, 'export-accepted'
     from covered c
     cross join lateral (
       select case when c.ends is null or c.ends >= c.day then 'C4' else 'C5-runoff' end as kind,
         case when c.ends is null or c.ends >= c.day then interval '3 months' else interval '1 month' end as span
     ) n
     left join lateral (select lob from exchange.enrolment where member_id = c.member_id order by starts desc limit 1) l on true
     where (n.kind = 'C4' or c.ends + ${RUN_OFF_DAYS} >= c.day) and ((select count(*) from met) >= 0)
     on conflict (kind, subject) do nothing returning member_id as "memberId"`,
    [calendar.zone, RULE_VERSION, calendar.version, one?.pullId ?? null, one?.at ?? null],
  );
  const memberIds = [...new Set(opened.map((o) => o.memberId))];
  await settleWithdrawn(tx, now, memberIds);
  // who has died while the payer was asked: the next tick ends it
  if (memberIds.length > 0)
    await tx`
      update exchange.member m set deceased_recorded = true
      from exchange.member_profile p where p.member_id = m.id and m.id = any(${memberIds}::text[]) and p.died is not null`;
}

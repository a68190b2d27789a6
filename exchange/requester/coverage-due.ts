// Which payers are to be asked for which members. A tick looks at other coverage for which that may have become so
// (`request_at`: a time that came, or what was written, which triggers tell), not at all there is.
import type { Queryable } from '../../src/db/database.ts';
import { EARLY_DAYS } from '../members/deadlines/rules.ts';
import { enrolledSql, namesSql } from '../members/enrolment/enrolled.ts';
import { HELD_STATES, OPEN_STATES, REFUSED } from './pull.ts';

export type Candidate = {
  memberId: string;
  otherCoverageId: string;
  consentId: string;
  policy: string;
  peerId: string | null;
  /** everything is asked for, to compare: only changes were since that was done last */
  isComparison: boolean;
  /** the payer has returned records of the member, under this card and no narrower choice: what changed since may be asked for */
  isKnown: boolean;
};

/**
 * `compares`: is everything asked for once in `months`, beside what changed? `months` after which what goes on is asked
 * for again, `runOffDays` for which what has ended is, each month; `earlyDays` before the time is out.
 */
export type Refresh = { months: number; runOffDays: number; earlyDays: number; compares: boolean };
export type When = { now: Date /** YYYY-MM-DD of the plan's calendar, by which coverages end */; today: string };

/**
 * Whether the payer knows the member was not answered, or in contradiction: nothing is asked by that of the member,
 * whatever became of others in the pull.
 */
const UNCLEAR = `coalesce(m.outcome in ('missing', 'conflict', 'contradictory'), false)`;

/**
 * `l`: how coverage `o` was asked for: `open` pulls that still go, when it was `asked` last, and in vain (`failed`, the
 * newest first; `unclear` where the answer left open whether the payer knows the member), whether under a choice that
 * takes everything (`sensitive`), and when it was answered last with what `changed` and with everything (`whole`: of
 * whom it does not know, or gives nothing, there is nothing to compare). What is asked to compare (`compared`, the
 * newest of them that waits for a person `held`) is none of the others: it moves no time of what is owed. `reported`:
 * under which choices the payer has returned records of the member. `f`: how often in vain since; `t`: how often
 * everything was asked for to compare since what changed was; `again`: when it is asked for again. pull_member_member.
 */
const asked = (sql: Queryable, refresh: Refresh) => sql`
  cross join lateral (
    select count(*) filter (where p.state = any(${[...OPEN_STATES]}::text[]))::int as open,
      max(p.created_at) filter (where p.cause <> 'comparison' and p.state not in ('failed', 'withdrawn')
        and not ${sql.unsafe(REFUSED)} and not ${sql.unsafe(UNCLEAR)}) as asked,
      coalesce(bool_or(m.policy = 'sensitive') filter (where p.state not in ('failed', 'withdrawn')
        and not ${sql.unsafe(REFUSED)} and not ${sql.unsafe(UNCLEAR)}), false) as sensitive,
      array_agg(p.created_at order by p.created_at desc) filter (where p.cause <> 'comparison' and (p.state = 'failed'
        or ${sql.unsafe(REFUSED)} or (${sql.unsafe(UNCLEAR)} and p.state <> 'withdrawn'))) as failed,
      max(p.created_at) filter (where p.state = 'done' and m.outcome = 'matched' and not m.left_out and p.since is not null) as changed,
      max(p.created_at) filter (where p.state = 'done' and p.since is null and ((m.outcome = 'matched' and not m.left_out)
        or m.outcome in ('not-matched', 'constrained'))) as whole,
      array_agg(distinct m.policy) filter (where p.state = 'done' and m.outcome = 'matched' and not m.left_out
        and p.transaction_time is not null) as reported,
      array_agg(p.created_at) filter (where p.cause = 'comparison') as compared,
      max(p.created_at) filter (where p.cause = 'comparison' and p.state = any(${[...HELD_STATES]}::text[])
        and not ${sql.unsafe(REFUSED)}) as held,
      max(p.created_at) filter (where p.cause <> 'comparison' and ${sql.unsafe(UNCLEAR)} and p.state <> 'withdrawn') as unclear
    from exchange.pull_member m join exchange.pull p on p.id = m.pull_id where m.member_id = o.member_id and m.other_coverage_id = o.id
  ) l
  cross join lateral (
    select count(*)::int as n, max(at) as last from unnest(l.failed) at where l.asked is null or at > l.asked
  ) f
  cross join lateral (
    select count(*)::int as n, max(at) as last from unnest(l.compared) at where at > l.changed
  ) t
  cross join lateral (
    select least(interval '1 hour' * power(2, least(f.n, 10) - 1), case when f.last = l.unclear then interval '7 days'
      else interval '1 day' end) as span
  ) pause
  cross join lateral (
    select l.asked + make_interval(months => ${refresh.months}) - make_interval(days => ${refresh.earlyDays}) as going,
      l.asked + interval '1 month' - make_interval(days => ${refresh.earlyDays}) as ended,
      case when ${refresh.compares}::boolean and l.changed > l.whole and t.n < 2 and (l.held > l.changed) is not true
        then greatest(l.whole + make_interval(months => ${refresh.months}) - make_interval(days => ${refresh.earlyDays}), t.last +
          interval '7 days') end as compared
  ) again`;

/**
 * Members who are enrolled, have opted in (their newest choice holds) and named another payer, with what is to be asked
 * for: what no pull has asked for yet; what a member has chosen to have asked for since, where only a part was; what
 * the member asks for since; what goes on, after `months`; what ended at most `runOffDays` ago, each month. What goes
 * on is asked for as a whole once in `months` too, after what changed was: an answer for changes does not tell that a
 * record is missing, and one with everything not what was deleted (reconciliation.md, 15); once more a week later when
 * that was in vain, and not while it waits for a person. After a pull that failed or was refused, or whose answer did
 * not mention the member, an hour later, then two, four and so on up to a day (a week when the newest answer left open
 * whether it knows the member: some payers leave out whom they do not know), or when the member asks for it.
 * @param of `claimed`: what {@link claimAsks} took; `again`: whether it was asked for before or not
 */
export async function dueToAsk(
  sql: Queryable,
  of: { peerId?: string | undefined; memberIds?: readonly string[] | undefined; claimed?: Date; again?: boolean },
  { now, today }: When,
  refresh: Refresh,
): Promise<Candidate[]> {
  const isDue = sql`
    l.open = 0
      and case when due.is_asked
        then f.n = 0 or f.last <= ${now}::timestamptz - pause.span
          or exists (select from exchange.member_request r where r.other_coverage_id = o.id and r.at > f.last)
        else due.is_compared end`;
  const rows = await sql<Candidate[]>`
    select o.member_id as "memberId", o.id as "otherCoverageId", c.id as "consentId", c.policy, o.peer_id as "peerId",
      ${of.again !== true} and not due.is_asked as "isComparison", coalesce(l.reported && array[c.policy, 'sensitive'], false) as "isKnown"
    from (select ${today}::date as today) d cross join exchange.other_coverage o
    join lateral (
      select id, choice, policy, payers from exchange.consent where member_id = o.member_id
        order by recorded_on desc, created_at desc limit 1
    ) c on c.choice = 'opt-in' and ${sql.unsafe(namesSql('c', 'o', 'd.today'))}
    ${asked(sql, refresh)}
    cross join lateral (
      select coalesce((o.ends is null or o.ends >= d.today) and again.compared <= ${now}::timestamptz, false) as is_compared, coalesce(
        l.asked is null
        or (c.policy = 'sensitive' and not l.sensitive)
        or exists (select from exchange.member_request r where r.other_coverage_id = o.id and r.at > l.asked)
        or ((o.ends is null or o.ends >= d.today) and again.going <= ${now}::timestamptz)
        or (o.ends < d.today and o.ends >= d.today - ${refresh.runOffDays}::int and again.ended <= ${now}::timestamptz), false) as is_asked
    ) due
    where ${of.claimed === undefined ? sql`true` : sql`o.request_at = ${of.claimed}::timestamptz`}
      and (${of.peerId ?? null}::text is null or o.peer_id = ${of.peerId ?? null})
      and ${of.memberIds === undefined ? sql`true` : sql`o.member_id = any(${[...of.memberIds]}::text[])`}
      and ${sql.unsafe(enrolledSql('o.member_id', 'd.today'))} and (${of.again === true} or (${isDue}))
    order by o.member_id`;
  return [...rows];
}

/** For so long what is looked at is no one else's, in milliseconds: members with many payers are looked at in seconds. */
const claimMs = (leaseSeconds: number): number => 10_000 * leaseSeconds;
/** Who asks in the same moment claims until another time. */
const APART_MS = 1000;

/** The end of a claim that begins now: it stands for who has it. */
export const claimEnd = (now: Date, leaseSeconds: number): Date =>
  new Date(now.getTime() + claimMs(leaseSeconds) + Math.floor(Math.random() * APART_MS));

/**
 * What processes that died had claimed is looked at again: only for a process that knows itself to be the only one that
 * plans. What falls due within that time anyway is looked at once more.
 */
export async function freeAsks(sql: Queryable, now: Date, leaseSeconds: number): Promise<void> {
  const until = new Date(now.getTime() + claimMs(leaseSeconds) + APART_MS);
  await sql`update exchange.other_coverage set request_at = '-infinity' where request_at > ${now} and request_at <= ${until}`;
}

/**
 * Takes what is to be looked at, until a time that stands for who took it: when that one dies, another takes it then.
 * What is being changed is left for the next tick: who waited for some of it with the rest in hand would stop an
 * import. other_coverage_ask.
 * @returns whether there was any
 */
export async function claimAsks(sql: Queryable, now: Date, until: Date): Promise<boolean> {
  const taken = await sql`
    with due as materialized (select id from exchange.other_coverage where request_at <= ${now} for no key update skip locked)
    update exchange.other_coverage o set request_at = ${until} from due where o.id = due.id`;
  return taken.count > 0;
}

/**
 * Notes when a time alone can make a difference for what was taken; what was changed meanwhile, or is being changed, is
 * looked at again. Where a pull goes on, its end is reported.
 * other_coverage_ask, pull_member_member, enrolment_pkey.
 */
export async function settleAsks(
  sql: Queryable,
  claimed: Date,
  { now, today }: When,
  zone: string,
  refresh: Refresh,
): Promise<void> {
  // few are thought to have this time, when it may be all: by their ids, not each beside each (no index serves `is not distinct from`)
  await sql`
    with mine as materialized (select id from exchange.other_coverage where request_at = ${claimed}::timestamptz for no key update skip locked)
    update exchange.other_coverage k set request_at = n.at
    from mine join exchange.other_coverage o on o.id = mine.id cross join (select ${today}::date as today) d ${asked(sql, refresh)}
    cross join lateral (
      select case when l.open = 0 then min(v.at) filter (where v.at > ${now}) end as at from (values
        (f.last + pause.span), (again.going), (again.ended), (again.compared),
        ((select min(e.starts) - ${EARLY_DAYS}::int from exchange.enrolment e where e.member_id = o.member_id
          and e.starts - ${EARLY_DAYS}::int > d.today)::timestamp at time zone ${zone}),
        (case when o.ends >= d.today then (o.ends + 1)::timestamp at time zone ${zone} end)) v(at)
    ) n
    where k.id = o.id`;
}

// Pulls that lack something and wait for a person. Where no one is asked again by itself: their answer was not complete,
// or they failed, and the other coverage of someone in them ended so long ago that its late claims are no longer asked for; a person pulls
// once more, or takes the pull as it is. And where that is so each time, so that the same is asked for each time: once a person takes
// what came, only what changed since is asked for. And where the payer gives no records of some types, as long as no
// one has taken that as it is.

import type { Queryable } from '../../src/db/database.ts';
import { parseInstant } from '../../src/fhir/instant.ts';
import { isObject, type Json, text } from '../../src/fhir/resource.ts';
import { RUN_OFF_DAYS } from '../members/deadlines/rules.ts';
import { lastsSql, livesSql, namesSql } from '../members/enrolment/enrolled.ts';

export type Left = 'incomplete' | 'repeats' | 'failed' | 'types';

/** Incomplete answers in a row after which a person looks. */
const REPEATS = 3;

/**
 * Is there anyone to ask, and about whom: the payer is active, and member `m` of pull `p` lives, is still enrolled, or
 * never was known to be, and has opted in to asking payers such as this. peer_pkey, consent_member,
 * other_coverage_pkey, enrolment_pkey.
 */
const isAsked = (sql: Queryable, today: string) => sql`
  ((select r.state from exchange.peer r where r.id = p.peer_id) = 'active'
  and (select c.choice = 'opt-in' and ${sql.unsafe(namesSql('c', 'o', 'd.today'))}
    from (select ${today}::date as today) d join exchange.other_coverage o on o.id = m.other_coverage_id
    join exchange.consent c on c.member_id = m.member_id order by c.recorded_on desc, c.created_at desc limit 1)
  and coalesce((select bool_or(${sql.unsafe(lastsSql('e', 'd.today'))}) from exchange.enrolment e, (select ${today}::date as today) d
    where e.member_id = m.member_id), true)
  and ${sql.unsafe(livesSql('m.member_id'))})`;

/** The late claims of the coverage of `m` are asked for no more. other_coverage_pkey. */
const isOver = (sql: Queryable, today: string) => sql`
  ((select o.ends from exchange.other_coverage o where o.id = m.other_coverage_id) < ${today}::date - ${RUN_OFF_DAYS}::int
  and ${isAsked(sql, today)})`;

/** When a pull in none of these states that has the coverage of `m`, too, was made, if it fits. pull_member_member. */
const others = (sql: Queryable, not: readonly string[], fits: ReturnType<Queryable>) => sql`
  (select 1 from exchange.pull_member x
    where x.member_id = m.member_id and x.other_coverage_id = m.other_coverage_id
      and (select l.created_at from exchange.pull l where l.id = x.pull_id and l.state <> all(${[...not]}::text[])) ${fits}
    limit 1)`;

/**
 * Holds for a type that payer `r` refused, by finding `f`, unless a person has taken an answer without it as it is, and no answer since
 * was without that refusal: then it is known. Few payers refuse any. finding_pull, pull_member_pkey.
 */
export const isUntaken = (sql: Queryable) => sql`
  (f.kind = 'peer-type-refused' and f.line is null and not exists (
    select from (
      select max(a.created_at) as at from exchange.pull a join exchange.finding g on g.pull_id = a.id and g.kind = f.kind
        and g.line is null and g.type = f.type
      where a.peer_id = r.id and a.state = 'done' and a.accepted_by is not null) t
    where t.at is not null and not exists (
      select from exchange.pull b where b.peer_id = r.id and b.state = 'done' and b.created_at > t.at
        and exists (select from exchange.pull_member m where m.pull_id = b.id and m.outcome = 'matched')
        and not exists (select from exchange.finding h where h.pull_id = b.id and h.kind = f.kind and h.line is null
          and h.type = f.type))))`;

/**
 * Does the answer of a pull lack something, other than types of which a person has taken it that payer of pull `p`
 * gives none? finding_pull; of the types of an answer that lacks some, what {@link isUntaken} reads.
 */
const lacks = (sql: Queryable, pull: 'p' | 'l') => sql`
  ((select 1 from exchange.finding f where f.pull_id = ${sql.unsafe(pull)}.id and f.kind = 'peer-incomplete' and f.line is null
    and f.type is null limit 1) = 1
    or (select 1 from exchange.finding f join exchange.peer r on r.id = p.peer_id where f.pull_id = ${sql.unsafe(pull)}.id
      and ${isUntaken(sql)} limit 1) = 1)`;

/**
 * Holds for a pull `p` whose answer is not complete and not yet accepted, while no later one has asked for the same coverage.
 * finding_pull, primary keys of pull_member and other_coverage, pull_member_member: written so that nothing else is read, for findings of
 * lines are many.
 */
export const leftIncomplete = (sql: Queryable, today: string) => sql`
  (p.state = 'done' and p.accepted_by is null and p.transaction_time is null
    and ${lacks(sql, 'p')}
    and (select 1 from exchange.pull_member m
      where m.pull_id = p.id and m.outcome = 'matched' and ${isOver(sql, today)}
        and ${others(sql, ['failed', 'refused', 'withdrawn'], sql`> p.created_at`)} is null
      limit 1) = 1)`;

/**
 * Holds for a pull `p` whose answer is not complete, as those before it were: the last {@link REPEATS} of a coverage
 * whose payer goes on being asked. pull_member_member, pull_pkey, finding_pull.
 */
export const leftRepeating = (sql: Queryable, today: string) => sql`
  (p.state = 'done' and p.accepted_by is null and p.transaction_time is null
    and ${lacks(sql, 'p')}
    and (select 1 from exchange.pull_member m
      where m.pull_id = p.id and m.outcome = 'matched' and (${isOver(sql, today)}) is not true and ${isAsked(sql, today)}
        and ${others(sql, ['failed', 'refused', 'withdrawn'], sql`> p.created_at`)} is null
        and (select count(*) = ${REPEATS} and bool_and(l.accepted_by is null and l.transaction_time is null
            and ${lacks(sql, 'l')})
          from (select b.id, b.accepted_by, b.transaction_time from exchange.pull_member x join exchange.pull b on b.id = x.pull_id
            where x.member_id = m.member_id and x.other_coverage_id = m.other_coverage_id and x.outcome = 'matched' and b.state = 'done'
            order by b.created_at desc limit ${REPEATS}) l)
      limit 1) = 1)`;

/**
 * Holds for a pull `p` that failed or was refused and not yet accepted: the last one of a coverage. One that was never asked for
 * otherwise, or that the member wishes to be asked for since, is asked for again by itself (dueToAsk of
 * requester/coverage-due.ts). pull_member_member.
 */
export const leftFailed = (sql: Queryable, today: string) => sql`
  (p.state in ('failed', 'refused') and p.accepted_by is null
    and (select 1 from exchange.pull_member m
      where m.pull_id = p.id and (m.outcome is null or m.outcome = 'matched') and ${isOver(sql, today)}
        and ${others(sql, ['withdrawn'], sql`> p.created_at`)} is null
        and ${others(
          sql,
          ['failed', 'refused', 'withdrawn'],
          sql`>= coalesce((select max(r.at) from exchange.member_request r
          where r.other_coverage_id = m.other_coverage_id), '-infinity')`,
        )} = 1
      limit 1) = 1)`;

/** The newest answer of payer `r` about anyone: the pull's id. pull_peer, pull_member_pkey. */
export const newestAnswer = (sql: Queryable) => sql`
  (select n.id from exchange.pull n where n.peer_id = r.id and n.state = 'done'
      and exists (select from exchange.pull_member m where m.pull_id = n.id and m.outcome = 'matched')
    order by n.created_at desc, n.finished_at desc limit 1)`;

/** Holds for a pull `p` that is the newest answer of its payer, lacks types that it refused, and was taken by no one. */
const leftTypes = (sql: Queryable) => sql`
  (p.state = 'done' and p.accepted_by is null and exists (
    select from exchange.finding f join exchange.peer r on r.id = p.peer_id
    where f.pull_id = p.id and ${isUntaken(sql)} and r.state = 'active' and p.id = ${newestAnswer(sql)}))`;

/**
 * Holds for a pull `p` that rests while it waits for a person, unless later answers brought everything of all whom it
 * is about: then there is nothing to decide. pull_member_pkey, pull_member_member.
 */
export const stillWaits = (sql: Queryable) => sql`
  (p.state in ('review', 'unbalanced', 'partial') and (
    not exists (select from exchange.pull_member m where m.pull_id = p.id and (m.outcome is null or m.outcome = 'matched'))
    or exists (select from exchange.pull_member m where m.pull_id = p.id and (m.outcome is null or m.outcome = 'matched')
      and not exists (select from exchange.pull_member x join exchange.pull l on l.id = x.pull_id
        where x.member_id = m.member_id and x.other_coverage_id = m.other_coverage_id and x.outcome = 'matched'
          and l.state = 'done' and l.since is null and l.accepted_by is null and l.created_at > p.created_at
          and not exists (select from exchange.finding f where f.pull_id = l.id and f.kind = 'peer-incomplete' and f.line is null)))))`;

/** Does a person have to look at it, and why? `today`: YYYY-MM-DD of the plan's calendar. */
export async function leftOf(sql: Queryable, pullId: string, today: string): Promise<Left | undefined> {
  const [row] = await sql<Record<Left, boolean>[]>`
    select ${leftIncomplete(sql, today)} as incomplete, ${leftRepeating(sql, today)} as repeats, ${leftFailed(sql, today)} as failed,
      ${leftTypes(sql)} as types
    from exchange.pull p where p.id = ${pullId}`;
  return (['incomplete', 'repeats', 'failed', 'types'] as const).find((left) => row?.[left] === true);
}

/**
 * When the payer's data were as its answer has them, as its manifest says it and no later than the request; undefined
 * when it does not. Pure.
 */
function answeredAsOf(manifest: string | null, kickedOffAt: Date | null): Date | undefined {
  const body = JSON.parse(manifest ?? 'null') as Json;
  const said = isObject(body) ? parseInstant(text(body['transactionTime']) ?? '') : undefined;
  return said !== undefined && kickedOffAt !== null && said > kickedOffAt ? kickedOffAt : said;
}

/**
 * A person takes it as it is: of an answer that lacks something each time the next request begins where this one was
 * answered, if it says when that was. By our clock, or a time that was not believed when it came, what changed there
 * meanwhile would never be asked for. Undefined when it no longer waits for anyone, or is not in the state that was
 * seen. `note`: the reason, kept in the timeline.
 */
export async function acceptLeft(
  tx: Queryable,
  pullId: string,
  seen: string,
  by: { subject: string; name: string },
  note: string,
  at: Date,
  today: string,
): Promise<Left | undefined> {
  const left = await leftOf(tx, pullId, today);
  if (left === undefined) return undefined;
  const taken = await tx`
    update exchange.pull set accepted_by = ${by.subject}, accepted_at = ${at}
    where id = ${pullId} and state = ${seen} and accepted_by is null returning 1`;
  if (taken.length === 0) return undefined;
  const [pull] = await tx<
    { manifest: string | null; kickedOffAt: Date | null; isAtOnce: boolean; isTimeless: boolean }[]
  >`
    select manifest, kicked_off_at as "kickedOffAt", export_status_url is null as "isAtOnce",
      exists (select from exchange.finding f where f.pull_id = p.id and f.kind = 'peer-transaction-time' and f.line is null) as "isTimeless"
    from exchange.pull p where p.id = ${pullId}`;
  const asOf =
    left === 'repeats' && pull?.isAtOnce === false && !pull.isTimeless && answeredAsOf(pull.manifest, pull.kickedOffAt);
  if (asOf) await tx`update exchange.pull set transaction_time = ${asOf} where id = ${pullId}`;
  await tx`
    insert into exchange.pull_event (pull_id, at, state, detail) values (${pullId}, ${at}, ${seen}, ${`accepted by ${by.name}: ${note}`})`;
  return left;
}

// Pulls that lack something where nobody is asked again by itself: their payer said that its answer is not complete, or they failed, and the
// other coverage of somebody in them ended so long ago that its late claims are no longer asked for. A person pulls once more, or takes the
// pull as it is.
import type { Queryable } from '../../src/store/database.ts';
import { RUN_OFF_DAYS } from '../clocks/rules.ts';

export type Left = 'incomplete' | 'failed';

/** Member `m` of a pull wants to be asked about, and the late claims of the coverage are asked for no more. consent_member, other_coverage_pkey. */
const isOver = (sql: Queryable, now: Date) => sql`
  (select o.ends from exchange.other_coverage o where o.id = m.other_coverage_id) < ${now}::timestamptz::date - ${RUN_OFF_DAYS}::int
  and (select c.choice from exchange.consent c where c.member_id = m.member_id order by c.recorded_on desc, c.created_at desc limit 1) = 'opt-in'`;

/** When a pull in none of these states that has the coverage of `m`, too, was made, if it fits. pull_member_member. */
const others = (sql: Queryable, not: readonly string[], fits: ReturnType<Queryable>) => sql`
  (select 1 from exchange.pull_member x
    where x.member_id = m.member_id and x.other_coverage_id = m.other_coverage_id
      and (select l.created_at from exchange.pull l where l.id = x.pull_id and l.state <> all(${[...not]}::text[])) ${fits}
    limit 1)`;

/**
 * Holds for a pull `p` whose answer is not complete and that nobody has accepted, while no later one has asked for the same coverage.
 * finding_pull, primary keys of pull_member and other_coverage, pull_member_member: written so that nothing else is read, for findings of
 * lines are many.
 */
export const leftIncomplete = (sql: Queryable, now: Date) => sql`
  (p.state = 'done' and p.accepted_by is null and p.transaction_time is null
    and (select 1 from exchange.finding f where f.pull_id = p.id and f.kind = 'peer-incomplete' and f.line is null limit 1) = 1
    and (select 1 from exchange.pull_member m
      where m.pull_id = p.id and m.outcome = 'matched' and ${isOver(sql, now)}
        and ${others(sql, ['failed', 'refused', 'withdrawn'], sql`> p.created_at`)} is null
      limit 1) = 1)`;

/**
 * Holds for a pull `p` that failed or was refused and that nobody has accepted: the last one of a coverage. One that was never asked for
 * otherwise, or that the member wishes to be asked for since, is asked for again by itself (unasked of store/pull.ts). pull_member_member.
 */
export const leftFailed = (sql: Queryable, now: Date) => sql`
  (p.state in ('failed', 'refused') and p.accepted_by is null
    and (select 1 from exchange.pull_member m
      where m.pull_id = p.id and (m.outcome is null or m.outcome = 'matched') and ${isOver(sql, now)}
        and ${others(sql, ['withdrawn'], sql`> p.created_at`)} is null
        and ${others(sql, ['failed', 'withdrawn'], sql`>= coalesce((select max(r.at) from exchange.member_request r where r.other_coverage_id = m.other_coverage_id), '-infinity')`)} = 1
      limit 1) = 1)`;

/** Does a person have to look at it, and why? */
export async function leftOf(sql: Queryable, pullId: string, now: Date): Promise<Left | undefined> {
  const [row] = await sql<{ incomplete: boolean; failed: boolean }[]>`
    select ${leftIncomplete(sql, now)} as incomplete, ${leftFailed(sql, now)} as failed from exchange.pull p where p.id = ${pullId}`;
  return row?.incomplete === true ? 'incomplete' : row?.failed === true ? 'failed' : undefined;
}

/**
 * A person takes it as it is. Undefined when it no longer waits for anybody, or is not in the state that was seen. `note`: the reason, kept
 * in the timeline.
 */
export async function acceptLeft(
  tx: Queryable,
  pullId: string,
  seen: string,
  by: { subject: string; name: string },
  note: string,
  at: Date,
): Promise<Left | undefined> {
  const left = await leftOf(tx, pullId, at);
  if (left === undefined) return undefined;
  const taken = await tx`
    update exchange.pull set accepted_by = ${by.subject}, accepted_at = ${at}
    where id = ${pullId} and state = ${seen} and accepted_by is null returning 1`;
  if (taken.length === 0) return undefined;
  await tx`
    insert into exchange.pull_event (pull_id, at, state, detail) values (${pullId}, ${at}, ${seen}, ${`accepted by ${by.name}: ${note}`})`;
  return left;
}

// What an earlier pull of the same members leaves to be asked: its Group, and from when on things may have changed.
import type { Queryable } from '../../src/db/database.ts';
import type { FetchForm } from './client/abilities.ts';

/**
 * Days for which what was said when members were matched holds: the consents that are sent then end after a year
 * (requester/match-step.ts), and an export takes its time.
 */
const TOLD_DAYS = 350;

/**
 * The payer was informed of this choice of the member, for the Group of pull `q`; or is one that is never informed of
 * any. pull_member_member, pull_pkey.
 */
const isReported = (member: string, consent: string, q: string, more = 'true') => `(
  exists (
    select from exchange.pull_member t join exchange.pull u on u.id = t.pull_id
    where t.member_id = ${member} and t.consent_id = ${consent} and t.statement is not null and u.peer_id = ${q}.peer_id
      and u.group_id is not distinct from ${q}.group_id and ${more})
  or not exists (
    select from exchange.pull_member t join exchange.pull u on u.id = t.pull_id where t.member_id = ${member} and t.statement is not null
      and u.peer_id = ${q}.peer_id))`;

/** Who was asked for, under which cards: someone who has another one there is to be matched by it. */
const ASKED_OF = (pull: string) =>
  `(select array_agg(distinct array[member_id, other_coverage_id]) from exchange.pull_member where pull_id = ${pull})`;

export type Earlier = { pullId: string; groupId: string | null; fetchForm: FetchForm | null };

/**
 * The newest balanced pull from a peer of exactly the members of another one, under the same cards, all of whom it
 * knew, if what the payer was informed of them then is what is to be reported now: its Group is asked again, without
 * matching again. Where a member has chosen something else since, or the consent that was sent ends soon, there is
 * none; nor where one was not known: that may have changed, here or there.
 */
export async function earlierMatch(
  sql: Queryable,
  pull: { id: string; peerId: string },
  now: Date,
): Promise<Earlier | undefined> {
  const [row] = await sql.unsafe<Earlier[]>(
    `select p.id as "pullId", p.group_id as "groupId", p.fetch_form as "fetchForm"
     from exchange.pull p
     where p.peer_id = $2 and p.state = 'done' and (p.group_id is not null or p.fetch_form in ('patient', 'all'))
       and p.transaction_time is not null
       and ${ASKED_OF('p.id')} = ${ASKED_OF('$1')}
       and not exists (select from exchange.pull_member e where e.pull_id = p.id and e.outcome is distinct from 'matched')
       and not exists (
         select from exchange.pull_member m where m.pull_id = $1
           and not ${isReported('m.member_id', 'm.consent_id', 'p', `u.created_at > $3::timestamptz - interval '${TOLD_DAYS} days'`)})
     order by p.transaction_time desc, p.created_at desc limit 1`,
    [pull.id, pull.peerId, now],
  );
  return row;
}

/**
 * Since when the matched members of a pull may have changed at the peer: the oldest of the times up to which each is
 * known. Undefined when one of them is not known as they are matched now or was asked for under a narrower choice; an
 * answer that left one out tells nothing of that one, neither what there is nor what is gone. A Group of others than
 * before is no reason to ask for everything: what is gone is reported only to who asks for changes, so that an answer
 * with everything, but for the first, says nothing of what went before it. pull_member_pkey, pull_member_member,
 * pull_pkey.
 */
export async function knownSince(sql: Queryable, pull: { id: string; peerId: string }): Promise<Date | undefined> {
  const [row] = await sql.unsafe<{ since: Date | null }[]>(
    `select case when bool_and(k.had is not null) then min(least(k.had, k.reported)) end as since
     from exchange.pull_member m cross join lateral (
       select max(q.transaction_time) filter (where e.peer_patient_id is not distinct from m.peer_patient_id
         and e.further_patients is not distinct from m.further_patients
           and not e.left_out
           and (e.policy = m.policy or e.policy = 'sensitive') and ${isReported('e.member_id', 'e.consent_id', 'q')}) as had,
         coalesce(max(q.transaction_time) filter (where q.since is not null and not e.left_out), min(q.transaction_time)) as reported
       from exchange.pull_member e join exchange.pull q on q.id = e.pull_id
       where e.member_id = m.member_id and q.peer_id = $2 and q.id <> $1 and q.state = 'done' and q.transaction_time is not null
         and e.outcome = 'matched'
     ) k
     where m.pull_id = $1 and m.outcome = 'matched'`,
    [pull.id, pull.peerId],
  );
  return row?.since ?? undefined;
}

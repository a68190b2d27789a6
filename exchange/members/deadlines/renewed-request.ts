// Duties to ask a payer that begin again. The clock before is kept under another subject, and the duty counts as a
// request of the member, so that the payer is asked again.

import type { Queryable } from '../../../src/db/database.ts';
import { REFUSED } from '../../requester/pull.ts';
import { identitySql } from '../../requester/pull-member.ts';
import { enrolledSql, lastsSql, livesSql, namesSql } from '../enrolment/enrolled.ts';
import type { Calendar } from './business-day.ts';
import { COVERED_ANEW, IDENTIFIED, RENEWED, THERE_ANEW } from './member-request.ts';
import { EARLY_DAYS } from './rules.ts';

/** Ticks may be missed for so long. */
const MISSED_DAYS = 100;

const TODAY = '($2::timestamptz at time zone $3)::date';

/** Other coverage `o` has its last clock `k`, and the newest choice `c` is to take part. */
const FROM = `exchange.other_coverage o
     join lateral (
       select id, choice, payers, coalesce(given_at, created_at) as at from exchange.consent where member_id = o.member_id
         order by recorded_on desc, created_at desc limit 1
     ) c on c.choice = 'opt-in'`;

const renewedSql = (from: string, where: string): string => `
    with renewed as (
     update exchange.deadline k set subject = k.subject || '/' || k.id from ${from}
     where k.member_id = o.member_id and k.kind = 'C2' and k.subject = o.id and ${where}
     returning o.id, o.member_id)
    insert into exchange.member_request (id, member_id, other_coverage_id, at, reported_by)
    select gen_random_uuid()::text, member_id, id, $2, $4 from renewed`;

/** Has clock `k` ended with a choice or a coverage? What a death had ended runs again itself when that is taken back (clock-end.ts). */
const ENDED = `k.state in ('withdrawn', 'not-applicable') and k.reason is distinct from 'member-deceased'`;

/** No one asked for it since an instant, or in vain. pull_member_member. */
const notAsked = (since: string): string => `not exists (
         select from exchange.pull_member m join exchange.pull p on p.id = m.pull_id
         where m.member_id = o.member_id and m.other_coverage_id = o.id
           and p.created_at > ${since} and p.state not in ('failed', 'withdrawn') and not ${REFUSED})`;

/**
 * The coverage with us that a member came back to after a gap: `at` is when its payers may be asked for it, the day
 * after the one before had ended, and no earlier than {@link EARLY_DAYS} before it begins. enrolment_pkey.
 */
const BACK = `join lateral (
       select greatest(g.ends + 1, e.starts - ${EARLY_DAYS})::timestamp at time zone $3 as at
       from exchange.enrolment e cross join lateral (
         select max(f.ends) as ends from exchange.enrolment f where f.member_id = e.member_id and f.ends < e.starts - 1) g
       where e.member_id = o.member_id and ${lastsSql('e', TODAY)} and g.ends is not null
         and not exists (
           select from exchange.enrolment f where f.member_id = e.member_id and f.starts < e.starts
             and coalesce(f.ends, 'infinity'::date) >= e.starts - 1)
       order by e.starts desc limit 1) b on b.at <= $2::timestamptz`;

const NAMED = `${namesSql('c', 'o', TODAY)} and ${enrolledSql('o.member_id', TODAY)}`;

/**
 * The payer answered last that it does not take the choice, and was not asked under the newest one, which may have been
 * made while it was asked. pull_member_member.
 */
const NOT_TAKEN = `(
       select m.outcome from exchange.pull_member m join exchange.pull p on p.id = m.pull_id
       where m.member_id = o.member_id and m.other_coverage_id = o.id and m.outcome is not null
         order by p.created_at desc limit 1) = 'constrained'
     and not exists (
       select from exchange.pull_member m join exchange.pull p on p.id = m.pull_id
       where m.member_id = o.member_id and m.other_coverage_id = o.id and m.consent_id = c.id and p.state not in ('failed', 'withdrawn')
         and not ${REFUSED})`;

/**
 * No one asked for it in vain under what the member is known by now (two feeds that tell different names would have it
 * asked for each day), nor since it was corrected, unless by something else: who asks while it is being written does
 * not know it yet. member_profile_pkey, pull_member_member.
 */
const NOT_ASKED_AS = `not exists (
         select from exchange.member_profile f join exchange.pull_member m on m.member_id = f.member_id join exchange.pull p
           on p.id = m.pull_id
         where f.member_id = o.member_id and m.other_coverage_id = o.id and (
           (m.identity = ${identitySql('f')} and m.outcome in ('not-matched', 'constrained'))
           or (coalesce(m.identity, ${identitySql('f')}) = ${identitySql('f')} and p.created_at > d.identity_corrected_at and p.state not in ('failed',
             'withdrawn') and not ${REFUSED})))`;

/** What makes a duty that was met begin again, beside a new choice: who is looked at stands in `from`, as `where` says. */
type Renewal = { saidBy: string; from: string; where: string };

const RENEWALS: readonly Renewal[] = [
  // a payer that did not take a choice was not asked under the newest one
  { saidBy: RENEWED, from: FROM, where: `${NAMED} and ${NOT_TAKEN}` },
  // coverage with us begins after a gap: as for any enrolment, by the choice that holds (docs/decisions/020)
  {
    saidBy: COVERED_ANEW,
    from: `${FROM} ${BACK}`,
    where: `k.closed_at < b.at and ${namesSql('c', 'o', TODAY)} and ${livesSql('o.member_id')} and ${notAsked('b.at')}`,
  },
  // coverage there had ended, so that its last duty is over, and goes on again: the payer covers the member as one that is named now
  {
    saidBy: THERE_ANEW,
    from: `${FROM} cross join lateral (
         select x.kind, x.state, x.reason from exchange.deadline x
         where x.member_id = o.member_id and x.kind in ('C2', 'C4', 'C5-runoff') and (x.subject = o.id or x.subject like o.id || '/%')
         order by x.closed_at desc nulls first limit 1) last`,
    where: `${NAMED} and coalesce(o.ends, 'infinity'::date) >= ${TODAY} and last.kind <> 'C2'
        and ((last.state = 'not-applicable' and last.reason = 'coverage-ended') or (last.kind = 'C5-runoff' and last.state in ('met', 'met-late') and last.reason is null))`,
  },
  // a payer did not know the member under a name or birth date that was corrected since: it is what the week begins
  // with, and no one else would ask before the next quarter
  {
    saidBy: IDENTIFIED,
    from: `${FROM} join exchange.member d on d.id = o.member_id and d.identity_corrected_at is not null`,
    where: `k.reason = 'no-unique-match' and ${NAMED} and ${NOT_ASKED_AS}`,
  },
];

/** The {@link RENEWALS} of some members, or of some other coverage. deadline_member, pull_member_member, member_pkey. */
async function renewMet(
  tx: Queryable,
  calendar: Calendar,
  now: Date,
  which: 'o.member_id' | 'o.id',
  ids: readonly string[],
): Promise<void> {
  for (const { saidBy, from, where } of RENEWALS)
    await tx.unsafe(renewedSql(from, `${which} = any($1::text[]) and k.state in ('met', 'met-late') and ${where}`), [
      [...ids],
      now,
      calendar.zone,
      saidBy,
    ]);
}

/**
 * Begins again, of some members: the duty that had ended (with a choice that left the payer out, or with the coverage)
 * when the newest choice names the payer and coverage with us lasts; after an opt-in that follows a withdrawal, when
 * the payer had been asked before, and was not since; of a payer that was taken back as named by mistake and is named
 * again; of one that did not take the choice, when the member has chosen since; for a coverage with us after a gap; for
 * one there that goes on again; and where the payer did not know a member under what was corrected since. deadline_member,
 * consent_member.
 */
export async function renewRequests(
  tx: Queryable,
  calendar: Calendar,
  now: Date,
  memberIds: readonly string[],
): Promise<void> {
  const afterWithdrawal = `(k.state in ('met', 'met-late') and exists (
         select from exchange.consent w where w.member_id = o.member_id and w.choice <> 'opt-in'
           and coalesce(w.given_at, w.created_at) > k.closed_at and coalesce(w.given_at, w.created_at) < c.at)
         and ${notAsked('c.at')})`;
  const namedAgain = `(k.state in ('met', 'met-late') and ${NAMED} and exists (
         select from exchange.payer_link_event g where g.other_coverage_id = o.id and g.act = 'again' and g.at > k.closed_at
           and ${notAsked('g.at')}))`;
  await tx.unsafe(
    renewedSql(
      FROM,
      `o.member_id = any($1::text[]) and ((${ENDED} and ${NAMED}) or ${afterWithdrawal} or ${namedAgain})`,
    ),
    [[...memberIds], now, calendar.zone, RENEWED],
  );
  await renewMet(tx, calendar, now, 'o.member_id', memberIds);
}

/**
 * The same of all for whom days that pass may have changed it: duties that had ended, of all members. They are few;
 * what is being changed is left for the next time. Each is a request of the member, so that its other coverage is
 * looked at. deadline_ended.
 */
export async function renewEnded(tx: Queryable, calendar: Calendar, now: Date): Promise<void> {
  // a coverage elsewhere has ended, one here begins soon enough
  const byDay = `(o.ends between ${TODAY} - ${MISSED_DAYS} and ${TODAY} or o.member_id in (
         select member_id from exchange.enrolment where starts between ${TODAY} - ${MISSED_DAYS} and ${TODAY} + ${EARLY_DAYS}))`;
  const ended = await tx.unsafe<{ id: string }[]>(
    `select o.id from ${FROM} join exchange.deadline k on k.member_id = o.member_id and k.kind = 'C2' and k.subject = o.id
     where $1::text[] is null and ${byDay} and ${ENDED} and ${NAMED} for no key update of o skip locked`,
    [null, now, calendar.zone],
  );
  if (ended.length > 0)
    await tx.unsafe(renewedSql(FROM, `o.id = any($1::text[]) and ${ENDED} and ${NAMED}`), [
      ended.map((e) => e.id),
      now,
      calendar.zone,
      RENEWED,
    ]);
}

/** What was met of the other coverage that is looked at begins again as for members (members/enrolment/coverage-check.ts). */
export function renewLookedAt(
  tx: Queryable,
  calendar: Calendar,
  now: Date,
  coverageIds: readonly string[],
): Promise<void> {
  return renewMet(tx, calendar, now, 'o.id', coverageIds);
}

// What a match request needs of our own members.
import type { Patient } from 'fhir/r4.js';
import type { Queryable } from '../../src/db/database.ts';
import { standsSql } from '../members/enrolment/enrolled.ts';
import type { Submission } from './client/write-member-bundle.ts';

type Row = {
  submittedId: string;
  body: string | null;
  memberNumber: string | null;
  subscriberId: string | null;
  coverageStart: string | null;
  theirNumber: string | null;
  theirStart: string | null;
  theirEnd: string | null;
  consentId: string;
  recordedOn: string;
  policy: 'regular' | 'sensitive';
  givenBy: string;
  representative: string | null;
  authority: string | null;
};

/** Who chose for the member. What is not known of one, as of a choice that was taken over, is reported as that. */
const chosenBy = (r: Row): Submission['consent']['representative'] =>
  r.givenBy === 'representative'
    ? { name: r.representative ?? 'not known', authority: r.authority ?? 'not known' }
    : null;

/**
 * Members of a pull with person, cards and consent. Those without a Patient or coverage of ours are left out, and those whose
 * choice no longer holds, or whose payer was named by mistake, and cards of another one.
 * @param today YYYY-MM-DD of the plan's calendar
 */
export async function submissions(sql: Queryable, pullId: string, today: string): Promise<Submission[]> {
  const rows = await sql<Row[]>`
    select m.submitted_id as "submittedId", r.body, e.member_number as "memberNumber", e.subscriber_id as "subscriberId",
      e.starts::text as "coverageStart",
      o.member_number as "theirNumber", o.starts::text as "theirStart", o.ends::text as "theirEnd",
      c.id as "consentId", c.recorded_on::text as "recordedOn", m.policy, c.given_by as "givenBy", c.representative, c.authority
    from exchange.pull_member m
    join exchange.consent c on c.id = m.consent_id
    left join exchange.resource r on r.member_id = m.member_id and r.type = 'Patient' and r.id = m.member_id and not r.deleted
    left join exchange.other_coverage o on o.id = m.other_coverage_id
    left join lateral (
      -- the one that covers today, else the one that begins soonest, else the last
      select x.member_number, x.subscriber_id, x.starts from exchange.enrolment x cross join (select ${today}::date as today) d
        where x.member_id = m.member_id
      order by ${sql.unsafe(standsSql('x', 'd.today'))} desc, x.starts <= d.today desc, abs(x.starts - d.today) limit 1
    ) e on true
    where m.pull_id = ${pullId}
      and (select choice from exchange.consent n where n.member_id = m.member_id
        order by recorded_on desc, created_at desc limit 1) = 'opt-in'
      and o.in_error_at is null and coalesce(o.member_id, m.member_id) = m.member_id
    order by m.submitted_id`;
  return rows.flatMap((r) =>
    r.body === null || r.memberNumber === null || r.coverageStart === null
      ? []
      : [
          {
            submittedId: r.submittedId,
            patient: JSON.parse(r.body) as Patient,
            memberNumber: r.memberNumber,
            subscriberId: r.subscriberId,
            coverageStart: r.coverageStart,
            theirNumber: r.theirNumber ?? '',
            theirPeriod: {
              ...(r.theirStart === null ? {} : { start: r.theirStart }),
              ...(r.theirEnd === null ? {} : { end: r.theirEnd }),
            },
            consent: { id: r.consentId, recordedOn: r.recordedOn, policy: r.policy, representative: chosenBy(r) },
          },
        ],
  );
}

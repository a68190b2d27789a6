// What exports hold of whom: written while an export runs, counted once it is finished.

import { and, asc, eq, gt } from 'drizzle-orm';
import { arrayLiteral, type Queryable, type Sql } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { isOrWasSql } from '../../members/merge/member-merge.ts';
import type { ServiceDays } from '../../records/facts/service-days.ts';
import { delivered } from '../schema.ts';

export type DeliveredMember = {
  memberId: string;
  policy: string;
  consentId: string;
  /** number of records by type */
  types: Record<string, number>;
  /** first and last day of service by type */
  days: ServiceDays;
  /** `Type/id` of each, with a blank between them */
  keys: string;
};

/** Of who has lost the job meanwhile, nothing: it would stand in the way of who has it now. */
export async function writeDelivered(
  sql: Queryable,
  job: { id: string; peerId: string },
  owner: string,
  members: readonly DeliveredMember[],
): Promise<void> {
  if (members.length === 0) return;
  await sql`
    insert into exchange.delivered (peer_id, member_id, job_id, policy, consent_id, types, days, keys)
    select ${job.peerId}, m."memberId", ${job.id}, m.policy, m."consentId", m.types, m.days,
      array(select hashtextextended(k, 0) from unnest(string_to_array(m.keys, ' ')) k)
    from (select from exchange.bulk_job where id = ${job.id} and state = 'running' and lease_owner = ${owner} for share) ours
    cross join jsonb_to_recordset(${JSON.stringify(members)}::text::jsonb) m("memberId" text, policy text, "consentId" text, types jsonb,
      days jsonb, keys text)`;
}

/**
 * What an attempt left that did not end. Of who took the job over, or has finished it, nothing goes: what a finished
 * one held stays known when the peer has deleted it since.
 * @returns is the job the owner's?
 */
export async function clearDelivered(sql: Sql, jobId: string, owner: string): Promise<boolean> {
  return sql.begin(async (tx) => {
    // held, or someone takes it between the look and the removal
    const [job] = await tx<{ state: string; owner: string | null; isFinished: boolean }[]>`
      select state, lease_owner as owner, transaction_time is not null as "isFinished" from exchange.bulk_job
        where id = ${jobId} for update`;
    const isOurs = job?.state === 'running' && job.owner === owner;
    if (!isOurs && (job?.isFinished === true || job?.state === 'running')) return false;
    await tx`delete from exchange.delivered where job_id = ${jobId}`;
    await tx`delete from exchange.delivered_entries where job_id = ${jobId}`;
    return isOurs;
  });
}

/** Who is in an export, in pages. delivered_job. */
export async function deliveredMembers(
  sql: Queryable,
  jobId: string,
  after: string,
  limit: number,
): Promise<(Omit<DeliveredMember, 'keys' | 'days'> & { days: ServiceDays | null })[]> {
  const { memberId, policy, consentId, types, days } = delivered;
  return orm(sql)
    .select({ memberId, policy, consentId, types, days })
    .from(delivered)
    .where(and(eq(delivered.jobId, jobId), gt(memberId, after)))
    .orderBy(asc(memberId))
    .limit(limit);
}

/**
 * Of some members the one who had a record that was deleted after an export to this peer held it, also as that of
 * someone who goes on as this member. Others are not reported that there was one. resource_pkey, delivered_pkey.
 */
export async function hadRecord(
  sql: Queryable,
  peerId: string,
  memberIds: readonly string[],
  type: string,
  id: string,
): Promise<string | undefined> {
  const [row] = await sql<{ memberId: string }[]>`
    select r.member_id as "memberId" from exchange.resource r
    where r.member_id = any(${arrayLiteral(memberIds)}::text::text[]) and r.type = ${type} and r.id = ${id} and r.deleted
      and exists (
        select from exchange.delivered d join exchange.bulk_job j on j.id = d.job_id
        where d.peer_id = ${peerId} and d.member_id = any(${sql.unsafe(isOrWasSql('r.member_id'))}) and j.transaction_time is not null
          and d.keys @> array[hashtextextended(r.type || '/' || r.id, 0)])`;
  return row?.memberId;
}

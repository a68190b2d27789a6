// What exports hold of whom: written while an export runs, counted once it is finished.
import type { Queryable } from '../../src/store/database.ts';

export type DeliveredMember = {
  memberId: string;
  policy: string;
  consentId: string;
  /** number of records by type */
  types: Record<string, number>;
  /** `Type/id` of each, with a blank between them */
  keys: string;
};

export async function writeDelivered(
  sql: Queryable,
  job: { id: string; peerId: string },
  members: readonly DeliveredMember[],
): Promise<void> {
  if (members.length === 0) return;
  await sql`
    insert into exchange.delivered (peer_id, member_id, job_id, policy, consent_id, types, keys)
    select ${job.peerId}, m."memberId", ${job.id}, m.policy, m."consentId", m.types,
      array(select hashtextextended(k, 0) from unnest(string_to_array(m.keys, ' ')) k)
    from jsonb_to_recordset(${JSON.stringify(members)}::text::jsonb) m("memberId" text, policy text, "consentId" text, types jsonb, keys text)`;
}

/** What an attempt left that did not end. */
export async function clearDelivered(sql: Queryable, jobId: string): Promise<void> {
  await sql`delete from exchange.delivered where job_id = ${jobId}`;
}

/** Who is in an export, in pages. delivered_job. */
export async function deliveredMembers(
  sql: Queryable,
  jobId: string,
  after: string,
  limit: number,
): Promise<Omit<DeliveredMember, 'keys'>[]> {
  const rows = await sql<Omit<DeliveredMember, 'keys'>[]>`
    select member_id as "memberId", policy, consent_id as "consentId", types from exchange.delivered
    where job_id = ${jobId} and member_id > ${after} order by member_id limit ${limit}`;
  return [...rows];
}

// What a bulk match decided: one row per submitted member, and the Groups that were handed out.
import type { Queryable } from '../../src/store/database.ts';

export type MatchMember = {
  position: number;
  submittedId: string;
  outcome: 'match' | 'nomatch' | 'consentconstraint';
  reason: string;
  rule: number | null;
  memberId: string | null;
  groupId: string;
  consent: unknown;
  policy: string | null;
  from: string | null;
  to: string | null;
};
export type MatchGroup = { id: string; code: MatchMember['outcome']; resource: string };

/** Replaces what an earlier attempt of the job wrote. */
export async function writeMatches(
  tx: Queryable,
  jobId: string,
  peerId: string,
  at: Date,
  groups: readonly MatchGroup[],
  members: readonly MatchMember[],
): Promise<void> {
  await tx`delete from exchange.match_member where job_id = ${jobId}`;
  await tx`delete from exchange.match_group where job_id = ${jobId}`;
  for (const g of groups)
    await tx`insert into exchange.match_group (id, job_id, peer_id, code, created_at, resource) values (${g.id}, ${jobId}, ${peerId}, ${g.code}, ${at}, ${g.resource})`;
  const json = JSON.stringify(members);
  await tx`
    insert into exchange.match_member (job_id, position, submitted_id, outcome, reason, rule, member_id, group_id, consent, consent_policy, consent_from, consent_to)
    select ${jobId}, position, "submittedId", outcome, reason, rule, "memberId", "groupId", consent, policy, "from", "to"
    from jsonb_to_recordset(${json}::text::jsonb)
      as m(position integer, "submittedId" text, outcome text, reason text, rule smallint, "memberId" text, "groupId" text, consent jsonb, policy text, "from" date, "to" date)`;
}

export async function findGroup(
  sql: Queryable,
  id: string,
  peerId: string,
): Promise<{ id: string; code: string; createdAt: Date; resource: string } | undefined> {
  const [row] = await sql<{ id: string; code: string; createdAt: Date; resource: string }[]>`
    select id, code, created_at as "createdAt", resource from exchange.match_group where id = ${id} and peer_id = ${peerId}`;
  return row;
}

export async function listGroups(
  sql: Queryable,
  peerId: string,
  filter: { code?: string; identifier?: string },
): Promise<{ id: string; resource: string }[]> {
  const rows = await sql<{ id: string; resource: string }[]>`
    select id, resource from exchange.match_group
    where peer_id = ${peerId} and (${filter.code ?? null}::text is null or code = ${filter.code ?? null})
      and (${filter.identifier ?? null}::text is null or job_id = ${filter.identifier ?? null})
    order by created_at desc, id limit 500`;
  return [...rows];
}

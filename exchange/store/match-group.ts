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

/** Members of a match Group whose consent holds today and who have not blocked sharing. One row per member. */
export async function grantedMembers(
  sql: Queryable,
  groupId: string,
  today: string,
): Promise<{ memberId: string; policy: string }[]> {
  const rows = await sql<{ memberId: string; policy: string }[]>`
    select m.member_id as "memberId", min(m.consent_policy) as policy
    from exchange.match_member m
    where m.group_id = ${groupId} and m.outcome = 'match' and m.member_id is not null
      and ${today}::date between m.consent_from and m.consent_to
    group by m.member_id order by m.member_id`;
  return [...rows];
}

/** All members of a match Group, whether or not consent still holds. */
export async function groupSize(sql: Queryable, groupId: string): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(distinct member_id)::int as n from exchange.match_member where group_id = ${groupId} and outcome = 'match'`;
  return row?.n ?? 0;
}

// What a bulk match decided: one row per submitted member, and the Groups that were handed out.

import { eq } from 'drizzle-orm';
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { matchGroup, matchMember } from '../schema.ts';

export type MatchMember = {
  position: number;
  submittedId: string;
  outcome: 'match' | 'nomatch' | 'consentconstraint';
  reason: string;
  rule: number | null;
  /** the name that agreed but for one letter; how many members fitted, null when no one was looked for; by what the asker attests */
  fuzzy: string | null;
  persons: number | null;
  attestation: string | null;
  /** as JSON, like the consent */
  coverageToLink: string | null;
  memberId: string | null;
  /** by what the member stood for another person too as it was found: ids of those merges */
  asOne: readonly string[];
  groupId: string;
  consent: string | null;
  policy: string | null;
  from: string | null;
  to: string | null;
};
export type MatchGroup = {
  id: string;
  code: MatchMember['outcome'];
  resource: string;
  /** last day of the consents in it, YYYY-MM-DD; undefined when there is none */
  lastConsent: string | undefined;
};

/** Days that a Group stays after the last consent in it has ended, and months after its match when there is none. */
const DAYS_AFTER_CONSENT = 30;
const MONTHS_WITHOUT = 24;

/** Removes what an earlier attempt of the job wrote. */
export async function clearMatches(tx: Queryable, jobId: string): Promise<void> {
  await orm(tx).delete(matchMember).where(eq(matchMember.jobId, jobId));
  await orm(tx).delete(matchGroup).where(eq(matchGroup.jobId, jobId));
}

export async function writeMatchMembers(tx: Queryable, jobId: string, members: readonly MatchMember[]): Promise<void> {
  await tx`
    insert into exchange.match_member (job_id, position, submitted_id, outcome, reason, rule, fuzzy, persons, attestation, member_id,
      as_one, group_id,
      consent, consent_policy, consent_from, consent_to, coverage_to_link)
    select ${jobId}, position, "submittedId", outcome, reason, rule, fuzzy, persons, attestation, "memberId", "asOne", "groupId",
      consent::jsonb, policy, "from",
      "to", "coverageToLink"::jsonb
    from jsonb_to_recordset(${JSON.stringify(members)}::text::jsonb)
      as m(position integer, "submittedId" text, outcome text, reason text, rule smallint, fuzzy text, persons integer, attestation text,
        "memberId" text,
        "asOne" text[], "groupId" text, consent text, policy text, "from" date, "to" date, "coverageToLink" text)`;
}

/** After its members. One in which someone was found as one with who is another member by now is over already. */
export async function writeMatchGroup(
  tx: Queryable,
  job: { id: string; peerId: string; at: Date },
  g: MatchGroup,
): Promise<void> {
  const last = g.lastConsent ?? null;
  const { id: jobId, peerId, at } = job;
  await tx`
    insert into exchange.match_group (id, job_id, peer_id, code, created_at, resource, is_over, expires_on)
    values (${g.id}, ${jobId}, ${peerId}, ${g.code}, ${at}, ${g.resource}, exists (
        select from exchange.member_merge o where o.undone_at is not null and o.id in (
          select unnest(m.as_one) from exchange.match_member m where m.job_id = ${jobId} and m.group_id = ${g.id} and m.outcome = 'match')),
      coalesce(${last}::text::date + ${DAYS_AFTER_CONSENT}::int, (${at}::timestamptz + ${MONTHS_WITHOUT} * interval '1 month')::date))`;
}

/**
 * Groups in which a member was found as one with someone who is another member again are over, so that anyone who asks
 * matches again; what goes on of them is looked at again, and the others in them go on to be read. Of those that older
 * programs wrote the time tells. Served by match_member_member.
 */
export async function endGroupsOf(tx: Queryable, merge: { id: string; memberId: string; at: Date }): Promise<void> {
  await tx`
    update exchange.match_group t set is_over = true
    from exchange.match_member m where m.member_id = ${merge.memberId} and m.outcome = 'match' and t.id = m.group_id
      and (${merge.id} = any(m.as_one) or m.as_one is null and t.created_at >= ${merge.at})`;
  await tx`insert into exchange.grant_change default values`;
}

/** Empties the texts of Groups past their time: they hold who was asked for. match_group_expiry. */
export async function forgetGroups(sql: Queryable, today: string): Promise<void> {
  await sql`update exchange.match_group set resource = '' where expires_on < ${today}::text::date and resource <> ''`;
}

/** `isOver`: it is past its time, and its text may be gone. */
export type FoundGroup = { id: string; code: string; createdAt: Date; resource: string; isOver: boolean };

export async function findGroup(
  sql: Queryable,
  id: string,
  peerId: string,
  today: string,
): Promise<FoundGroup | undefined> {
  const [row] = await sql<FoundGroup[]>`
    select id, code, created_at as "createdAt", resource, is_over or coalesce(expires_on < ${today}::text::date, false) as "isOver"
    from exchange.match_group where id = ${id} and peer_id = ${peerId}`;
  return row;
}

/** What a Group of this peer is of; its members, who may be many, are not read. match_group_pkey. */
export async function groupCode(
  sql: Queryable,
  id: string,
  peerId: string,
  today: string,
): Promise<MatchMember['outcome'] | 'over' | undefined> {
  const [row] = await sql<{ code: MatchMember['outcome'] | 'over' }[]>`
    select case when is_over or expires_on < ${today}::text::date then 'over' else code end as code
    from exchange.match_group where id = ${id} and peer_id = ${peerId}`;
  return row?.code;
}

/** What a search narrows; undefined narrows nothing, an empty list leaves nothing. `after`: id of the last one before. */
export type GroupFilter = {
  ids?: readonly string[] | undefined;
  codes?: readonly string[] | undefined;
  batches?: readonly string[] | undefined;
  count: number;
  after?: string | undefined;
  /** Groups that ended before are left out; YYYY-MM-DD */
  today: string;
};

/** Groups of one peer, the newest first. match_group_peer. */
export async function listGroups(
  sql: Queryable,
  peerId: string,
  filter: GroupFilter,
): Promise<{ total: number; groups: { id: string; resource: string }[]; more: boolean }> {
  const list = (values: readonly string[] | undefined) => (values === undefined ? null : arrayLiteral(values));
  const rows = await sql<{ id: string | null; resource: string | null; total: number }[]>`
    with found as materialized (
      select id, created_at from exchange.match_group
      where peer_id = ${peerId} and not is_over and (expires_on is null or expires_on >= ${filter.today}::text::date)
        and (${list(filter.codes)}::text::text[] is null or code = any(${list(filter.codes)}::text::text[]))
        and (${list(filter.batches)}::text::text[] is null or job_id = any(${list(filter.batches)}::text::text[]))
        and (${list(filter.ids)}::text::text[] is null or id = any(${list(filter.ids)}::text::text[]))
    ), page as (
      select id, created_at from found
      where ${filter.after ?? null}::text is null
        or (created_at, id) < (select created_at, id from exchange.match_group where id = ${filter.after ?? null} and peer_id = ${peerId})
      order by created_at desc, id desc limit ${filter.count + 1}
    )
    select g.id, g.resource, t.total from (select count(*)::int as total from found) t
    left join page p on true left join exchange.match_group g on g.id = p.id order by p.created_at desc, p.id desc`;
  const groups = rows.flatMap((r) =>
    r.id === null || r.resource === null ? [] : [{ id: r.id, resource: r.resource }],
  );
  return { total: rows[0]?.total ?? 0, groups: groups.slice(0, filter.count), more: groups.length > filter.count };
}

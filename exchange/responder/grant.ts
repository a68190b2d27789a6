// Whose records a peer may have today: members matched for it, within their consent, who have not said no since.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { LOOK, type Look } from './grant-check.ts';

export type Grant = {
  memberId: string;
  policy: 'regular' | 'sensitive';
  /** what decided it: `match/job/position` or `member-match/id` */
  consentId: string;
  grantedAt: Date;
  /** the narrowest policy that held at the times asked about; null when none did at one of them */
  policyThen: 'regular' | 'sensitive' | null;
};

/** A Group that a bulk match made, or all members that were ever matched for the peer. */
export type GrantScope = { peerId: string; groupId: string | null };

/** A member who said no on or after the first day of a consent has withdrawn it; a later consent is the later word. */
export const SAID_NO = (
  m: string,
) => `coalesce((select c.choice <> 'opt-in' and c.recorded_on >= ${m}.consent_from from exchange.consent c
    where c.member_id = ${m}.member_id order by c.recorded_on desc, c.created_at desc limit 1), false)`;
/**
 * Was the member found while it stood for another person too, who is another member again? Whom the question meant no
 * one knows. Of rows of older programs the time of the question, an expression, tells.
 */
export const WAS_ANOTHER = (m: string, at: string, since = 'true') =>
  `exists (select from exchange.member_merge o where o.member_id = ${m}.member_id and o.undone_at is not null and ${since}
    and (o.id = any(${m}.as_one) or ${m}.as_one is null and ${at} between o.at and o.undone_at))`;
const HOLDS = (m: string, day: string, at: string) => `
  ${m}.outcome = 'match' and ${m}.member_id is not null and ${day} between ${m}.consent_from and ${m}.consent_to
  and not ${SAID_NO(m)} and not ${WAS_ANOTHER(m, at)}`;

/** `$1` peer, `$2` Group; by match_member_group and match_single_grant. */
export const grants = (scope: GrantScope, day: string, group = '$2::text') => {
  const ofGroup = `
    select m.member_id, m.consent_policy as policy, 'match/' || m.job_id || '/' || m.position as consent_id, t.created_at as at
    from exchange.match_group t join exchange.match_member m on m.group_id = t.id
    where t.peer_id = $1 and ${scope.groupId === null ? `${group} is null` : `t.id = ${group}`} and ${HOLDS('m', day, 't.created_at')}`;
  return scope.groupId === null
    ? `${ofGroup} union all
    select m.member_id, m.consent_policy, 'member-match/' || m.id, m.at
    from exchange.match_single m where m.peer_id = $1 and ${HOLDS('m', day, 'm.at')}`
    : ofGroup;
};

/**
 * Did the consent of `m` hold at a time, an expression: by its days, and by what the member had said until then? `day`:
 * of that time, an expression too.
 */
export const HELD = (
  at: string,
  day = `(${at})::date`,
) => `m.outcome = 'match' and ${day} between m.consent_from and m.consent_to
  and not coalesce((select c.choice <> 'opt-in' and c.recorded_on >= m.consent_from from exchange.consent c
    where c.member_id = m.member_id and c.created_at <= ${at} order by c.recorded_on desc, c.created_at desc limit 1), false)`;

/**
 * What held for a member at the time `s.at`: by the Group that is asked about, as it counts alone today too, else, as
 * for who was matched again since, by any match of the peer; match_member_group, match_member_member,
 * match_single_grant.
 */
const THEN = `
  select coalesce((
    select min(m.consent_policy) from exchange.match_group t join exchange.match_member m on m.group_id = t.id
    where t.id = $2::text and t.peer_id = $1 and m.member_id = g.member_id and t.created_at <= s.at and ${HELD('s.at')}
  ), (select min(p) from (
    select m.consent_policy as p from exchange.match_member m join exchange.match_group t on t.id = m.group_id
    where m.member_id = g.member_id and t.peer_id = $1 and t.created_at <= s.at and ${HELD('s.at')}
    union all
    select m.consent_policy from exchange.match_single m
    where m.peer_id = $1 and m.member_id = g.member_id and m.at <= s.at and ${HELD('s.at')}) x)) as p`;

/**
 * Members whose consent holds today, one row each, in order of their ids. Where several consents hold, the narrowest policy
 * counts.
 * @param since times for `policyThen`: since when an export looks, and since when it was asked; who was out of view at
 * one of them has lost what it had
 * @param only these of them
 */
export async function grantedMembers(
  sql: Queryable,
  scope: GrantScope,
  today: string,
  since: readonly string[] = [],
  only?: readonly string[],
): Promise<Grant[]> {
  const rows = await sql.unsafe<Grant[]>(
    `select g.member_id as "memberId", g.policy, g.consent_id as "consentId", g.at as "grantedAt",
       (select case when count(p) = count(*) then min(p) end
         from unnest($4::text::timestamptz[]) s(at) cross join lateral (${THEN}) t(p)) as "policyThen"
     from (select distinct on (member_id) * from (${grants(scope, '$3::date')}) a
       ${only === undefined ? '' : 'where member_id = any($5::text::text[])'} order by member_id, policy, at desc) g
     order by g.member_id`,
    [scope.peerId, scope.groupId, today, arrayLiteral(since), ...(only === undefined ? [] : [arrayLiteral(only)])],
  );
  return [...rows];
}

/**
 * The same for all members of a peer, in windows in the order of their ids: of each match no more than `limit` members are read, however
 * many it has. match_group_peer, match_member_group, match_single_grant.
 * @param from id of the first one that may come
 */
export async function grantedWindow(
  sql: Queryable,
  peerId: string,
  today: string,
  from: string,
  limit: number,
): Promise<Pick<Grant, 'memberId' | 'policy'>[]> {
  const rows = await sql.unsafe<Pick<Grant, 'memberId' | 'policy'>[]>(
    `select distinct on (member_id) member_id as "memberId", policy from (
       select g.member_id, g.policy from exchange.match_group t cross join lateral (
         select distinct on (m.member_id) m.member_id, m.consent_policy as policy from exchange.match_member m
         where m.group_id = t.id and m.member_id >= $2
           and ${HOLDS('m', '$3::date', 't.created_at')} order by m.member_id, m.consent_policy limit $4) g
       where t.peer_id = $1 and (t.expires_on is null or t.expires_on >= $3::date)
       union all
       (select distinct on (m.member_id) m.member_id, m.consent_policy from exchange.match_single m
        where m.peer_id = $1 and m.member_id >= $2 and ${HOLDS('m', '$3::date', 'm.at')} order by m.member_id, m.consent_policy limit $4)) a
     order by member_id, policy limit $4`,
    [peerId, from, today, limit],
  );
  return [...rows];
}

/** Those of some members whose consent holds now, with the policy. */
export async function stillGranted(
  sql: Queryable,
  scope: GrantScope,
  today: string,
  memberIds: readonly string[],
): Promise<Map<string, Grant['policy']>> {
  const rows = await sql.unsafe<{ memberId: string; policy: Grant['policy'] }[]>(
    `select member_id as "memberId", min(policy) as policy from (${grants(scope, '$3::date')}) g where member_id = any($4::text::text[])
      group by 1`,
    [scope.peerId, scope.groupId, today, arrayLiteral(memberIds)],
  );
  return new Map(rows.map((r) => [r.memberId, r.policy]));
}

/** Members of an export that are looked at by one statement: a payer waits for it, and it may not take long. */
const LOOKED_AT = 20_000;

/** `ended`: members who are no longer granted as they were. `sensitive`: members whose labelled records are in it. */
export type GrantsHeld = { ended: number; sensitive: number; look: Look };

/** Looks at all members whose records an export holds. delivered_job, match_member_group. */
export async function grantsHeld(sql: Queryable, jobId: string, scope: GrantScope, today: string): Promise<GrantsHeld> {
  const held = { ended: 0, sensitive: 0 };
  let look: Look | undefined;
  for (let after = ''; ; ) {
    const [row] = await sql.unsafe<
      (Look & { ended: number; sensitive: number; looked: number; last: string | null })[]
    >(
      `with held as materialized (
         select member_id, policy from exchange.delivered where job_id = $4 and member_id > $5 order by member_id limit ${LOOKED_AT}
       ), granted as materialized (
         select member_id, min(policy) as policy from (${grants(scope, '$3::date')}) a
         where member_id > $5 and member_id <= (select max(member_id) from held) group by 1
       )
       select count(*) filter (where had is not null and (got is null
         or got < had))::int as ended, count(*) filter (where had = 'sensitive')::int as sensitive,
         count(had)::int as looked, max(member_id) filter (where had is not null) as last, ${LOOK}
       from (
         select member_id, min(had) as had, min(got) as got
         from (select member_id, policy as had, null as got from held union all select member_id, null, policy from granted) b group by 1
       ) o`,
      [scope.peerId, scope.groupId, today, jobId, after],
    );
    if (row === undefined) throw new Error('an aggregate without a row');
    held.ended += row.ended;
    held.sensitive += row.sensitive;
    // what changed after the first page was read may be missing in it
    look ??= { snapshot: row.snapshot, at: row.at, era: row.era };
    if (row.last === null || row.looked < LOOKED_AT) return { ...held, look };
    after = row.last;
  }
}

/**
 * Is any member granted to the peer today? The first one found is enough.
 * @param policy of those whose narrowest consent has it
 */
export async function anyGranted(
  sql: Queryable,
  peerId: string,
  today: string,
  policy?: 'sensitive',
): Promise<boolean> {
  const scope = { peerId, groupId: null };
  const [row] = await sql.unsafe<{ any: boolean }[]>(
    `select exists (select from (${grants(scope, '$3::date')}) g ${
      policy === undefined
        ? ''
        : `group by member_id having
      min(policy) = '${policy}'`
    }) as any`,
    [peerId, null, today],
  );
  return row?.any === true;
}

/** Members of whom any match of the peer, of whatever Group, lets labelled records leave today. */
export async function sensitiveMembers(sql: Queryable, peerId: string, today: string): Promise<string[]> {
  const rows = await sql.unsafe<{ memberId: string }[]>(
    `select distinct member_id as "memberId" from (${grants({ peerId, groupId: null }, '$3::date')}) g where policy = 'sensitive'`,
    [peerId, null, today],
  );
  return rows.map((r) => r.memberId);
}

/** All members of a match Group, whether or not consent still holds. */
export async function groupSize(sql: Queryable, groupId: string): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(distinct member_id)::int as n from exchange.match_member where group_id = ${groupId} and outcome = 'match'`;
  return row?.n ?? 0;
}

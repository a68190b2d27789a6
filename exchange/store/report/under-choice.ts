// What was asked and what left of members, each time with when it was, and whether the choice was in force then. $1 first instant, $2 the
// instant after the last, $4 a peer or null, $6 the plan's zone. `lob` limits to members of a line of business.
import { CHOICE_AT, GIVEN_AT, LEARNED_LATER, MATCHED_THEN } from './choice-then.ts';
import { KEPT, LEFT } from './report-disclosures.ts';

type Limit = (member: string) => string;

/** Of whom something left: who goes on as another is that one's, while the trail stays as it is. */
const OF = 'coalesce(f.member_id, a.member_id)';

/**
 * Rows that say whose records left, with when: an export leaves when the first of its files that has something of the member is fetched (`at`, null: never),
 * everything else when it was answered. What was asked for in vain is no disclosure. audit_disclosed, audit_file, member_merge_former.
 */
export const GIVEN_AWAY = (lob: Limit) => `
    with made as materialized (
      select a.seq, a.at, a.action, a.object, a.member_id, a.peer_id, a.consent_id, a.detail->'types' as types, ${OF} as person, r.name as payer
      from exchange.audit a left join exchange.member_merge f on f.former_id = a.member_id and f.undone_at is null
      join exchange.peer r on r.id = a.peer_id
      where a.action in ('export-member', 'read', 'search', 'everything') and a.member_id is not null and a.outcome = 'ok' and ${LEFT}
        and a.at >= $1::timestamptz - ${KEPT} and a.at < $2 and ($4::text is null or a.peer_id = $4) and ${lob(OF)}
    ), fetched as materialized (
      select o.object, x.type, min(x.at) as at
      from (select distinct object from made where action = 'export-member') o
      cross join lateral (select x.detail->>'type' as type, x.at from exchange.audit x
        where x.action = 'file' and x.object ~>=~ (o.object || '/') and x.object ~<~ (o.object || '0')) x group by 1, 2
    ), first as materialized (
      select m.seq, min(x.at) as at from made m join fetched x on x.object = m.object and (x.type = '' or m.types ? x.type) group by 1
    )
    select m.payer, m.action, m.object, m.member_id, m.peer_id, m.consent_id, m.person, m.at as made, case when m.action = 'export-member' then x.at else m.at end as at
    from made m left join first x on x.seq = m.seq`;

/** Instants at which a pull `p` sent something of a member `m` of it: the question whether it is known there, and the order for its records. */
const SENDING = `('authorized', 'matching', 'matched', 'exporting', 'downloading')`;

/** When something was sent to another payer about a member; the same that UNDER_CHOICE tells of all. pull_member_member, pull_event by pull. */
export const SENT = (member: string) => `(
      select t.at from exchange.pull_member m join exchange.pull p on p.id = m.pull_id
      cross join lateral (select min(e.at) filter (where e.state <> 'authorized') as first, max(e.at) as last from exchange.pull_event e where e.pull_id = p.id and e.state in ${SENDING}) e
      cross join lateral (values (coalesce(e.first, p.kicked_off_at, case when m.statement is not null then e.last end)), (case when m.outcome = 'matched' then p.kicked_off_at end)) t(at)
      where m.member_id = ${member} and (m.outcome is not null or m.statement is not null))`;

/**
 * Each request about a member, and each disclosure: was the choice in force? A request that was signed and refused was one as well. What left is
 * held by a match of its payer whose consent held when it left. When a pull asked is found once for it, and who said one thing alone is not
 * looked up again. `learned`: when a no that was given before became known after it.
 */
export const UNDER_CHOICE = (lob: Limit) => `
    with asked as materialized (
      select p.id, r.name, p.kicked_off_at, coalesce(min(e.at) filter (where e.state <> 'authorized'), p.kicked_off_at) as at, max(e.at) as last
      from exchange.pull p join exchange.peer r on r.id = p.peer_id
      left join exchange.pull_event e on e.pull_id = p.id and e.state in ${SENDING}
      where ($4::text is null or p.peer_id = $4) group by p.id, r.name
    ), said as materialized (
      select c.member_id, count(*) as choices, min(c.choice) as choice, min(${GIVEN_AT('c', '$6')}) as since from exchange.consent c group by c.member_id
    ), given as materialized (${GIVEN_AWAY(lob)}), all_of as (
    select 'request' as direction, u.name as payer, u.member_id as "memberId", 'pull/' || u.id as object, u.at,
      case when s.choices = 1 then s.choice = 'opt-in' and s.since <= u.at and (not u.again or s.since <= u.kicked_off_at)
        else ${CHOICE_AT('u.member_id', 'u.at', '$6')} and (not u.again or ${CHOICE_AT('u.member_id', 'u.kicked_off_at', '$6')}) end as held,
      case when u.again then u.kicked_off_at else u.at end as last
    from (
      select a.id, a.name, a.kicked_off_at, m.member_id, coalesce(a.at, case when m.statement is not null then a.last end) as at,
        coalesce(m.outcome = 'matched', false) and a.kicked_off_at is not null as again
      from asked a join exchange.pull_member m on m.pull_id = a.id
      where (m.outcome is not null or m.statement is not null) and coalesce(a.at, a.last) >= $1 and coalesce(a.at, a.last) < $2 and ${lob('m.member_id')}
    ) u left join said s on s.member_id = u.member_id
    where u.at is not null
    union all
    select 'disclosure', g.payer, g.person, g.object, g.at, ${MATCHED_THEN('g.member_id', 'g.peer_id', 'g.at', '$6')}, g.at
    from given g where g.at >= $1 and g.at < $2)
    select u.*, case when not u.held then ${LEARNED_LATER('u."memberId"', 'u.last', '$6')} end as learned from all_of u`;

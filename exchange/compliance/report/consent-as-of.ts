// What was asked and what left of members, each time with when it was, and whether the choice was in force then. $1 first instant, $2 the
// instant after the last, $4 a peer or null, $6 the plan's zone. `lob` limits to members of a line of business.
import { CHOICE_AT, GIVEN_AT, IS_SAID_AGAIN, LEARNED_LATER, NO_SINCE } from '../../members/consent/choice-as-of.ts';
import { KEPT, LEFT } from '../disclosures/disclosure-rows.ts';

type Limit = (member: string) => string;

/** Of whom something left: who goes on as another is that one's, while the trail stays as it is. */
const OF = 'coalesce(f.member_id, a.member_id)';

/** Audit rows `a` that say whose records left. audit_disclosed. */
const OF_MEMBER = `a.action in ('export-member', 'read', 'search', 'everything') and a.member_id is not null and a.outcome = 'ok'
  and ($4::text is null or a.peer_id = $4)`;

/**
 * Common tables that say whose records left, with when (`given`): an export leaves when the first of its files that has
 * something of the member is fetched (`at`, null: never), everything else when it was answered. What was asked for in
 * vain is no disclosure. It holds what was made ready in the period and what was fetched in it: of exports of before it
 * only those of which a kind of file was first fetched in it. Files are read once for each export; most often what was
 * fetched first has something of everybody, so that the others need not be looked through. audit_disclosed, audit_file,
 * member_merge_former.
 */
export const GIVEN_AWAY = (lob: Limit) => `
    exports as materialized (
      select distinct a.object from exchange.audit a
      where ${OF_MEMBER} and a.action = 'export-member' and a.at >= $1::timestamptz - ${KEPT} and a.at < $2
    ), fetched as (
      select o.object, x.type, min(x.at) as at
      from exports o cross join lateral (select x.detail->>'type' as type, x.at from exchange.audit x
        where x.action = 'file' and x.object ~>=~ (o.object || '/') and x.object ~<~ (o.object || '0')) x group by 1, 2
    ), files as materialized (
      select object, array_agg(type order by at) as types, array_agg(at order by at) as ats, bool_or(at >= $1 and at < $2) as here
        from fetched group by object
    ), dated as (
      select a.seq, a.action, a.object, a.member_id, a.peer_id, ${OF} as person, a.at as made,
        case when a.action <> 'export-member' then a.at when x.types[1] = '' or a.detail->'types' ? x.types[1] then x.ats[1]
          else (select min(u.at) from unnest(x.types, x.ats) u(type, at) where u.type = '' or a.detail->'types' ? u.type) end as at
      from exchange.audit a left join exchange.member_merge f on f.former_id = a.member_id and f.undone_at is null
      left join files x on x.object = a.object and a.action = 'export-member'
      where ${OF_MEMBER} and ${LEFT} and ${lob(OF)} and a.at >= $1::timestamptz - ${KEPT} and a.at < $2
        and (a.at >= $1 or a.action = 'export-member' and a.object in (select f.object from files f where f.here))
      offset 0 -- each is dated once
    ), given as materialized (
      select d.*, case when d.here then (d.at at time zone $6)::date end as day,
        case when d.here and d.member_id in (select c.member_id from exchange.consent c where c.choice <> 'opt-in')
          then ${NO_SINCE('d.member_id', 'd.at', '$6')} end as no_since
      from (select d.*, coalesce(d.at >= $1 and d.at < $2, false) as here from dated d) d
    )`;

/**
 * Instants at which a pull `p` sent something of a member `m` of it: the question whether it is known there, and the
 * order for its records.
 */
const SENDING = `('authorized', 'matching', 'matched', 'exporting', 'downloading')`;

/** Was the payer asked for member `m` of a pull? It answered, or our statement about the member was made for it. */
export const ASKED_FOR = (m: string) => `(${m}.outcome is not null or ${m}.statement is not null)`;

/** Was choice `c` said again as two members were merged, and by whom was it made? Null when it was not. consent_pkey. */
const SAID_BY = (
  c: string,
) => `(select o.member_id from exchange.member_merge g join exchange.consent o on o.member_id = g.former_id
      where g.member_id = ${c}.member_id and g.undone_at is null and md5(g.id || o.id) = ${c}.id)`;
/** Who made choice `c`. */
const MADE_BY = (c: string) =>
  `case when ${IS_SAID_AGAIN(c)} then coalesce(${SAID_BY(c)}, ${c}.member_id) else ${c}.member_id end`;
/** As whom a member went on at an instant. member_merge_former. */
const STOOD_AS = (member: string, at: string) =>
  `coalesce((select g.member_id from exchange.member_merge g where g.former_id = ${member} and g.at <= ${at} and (g.undone_at is null
    or g.undone_at > ${at})), ${member})`;
/**
 * Was choice `c` made by the member under whom it stands, or by one who goes on as that one? What was said again and
 * taken back since is that of the other one.
 */
export const IS_OWN = (c: string) => `(not ${IS_SAID_AGAIN(c)} or ${SAID_BY(c)} is not null)`;
/** Are choice `c` and another one `o`, given at an instant, of one person at that time? */
export const OF_SAME = (c: string, o: string, at: string) =>
  `${STOOD_AS(`(${MADE_BY(c)})`, at)} = ${STOOD_AS(`(${MADE_BY(o)})`, at)}`;

/**
 * When something was sent to another payer about the member of choice `c`, and by which pull; the same that
 * UNDER_CHOICE tells of all. What was asked by the choice of another member, who was not one with that member then, is
 * none of it. pull_member_member, pull_event by pull.
 */
export const SENT = (c: string) => `(
      select t.at, p.id as pull from exchange.pull_member m join exchange.pull p on p.id = m.pull_id left join exchange.consent k
        on k.id = m.consent_id
      cross join lateral (select min(e.at) filter (where e.state <> 'authorized') as first, max(e.at) as last from exchange.pull_event e
        where e.pull_id = p.id and e.state in ${SENDING}) e
      cross join lateral (values (coalesce(e.first, p.kicked_off_at, case when m.statement is not null
        then e.last end)), (case when m.outcome = 'matched' then p.kicked_off_at end)) t(at)
      where m.member_id in (select ${c}.member_id union all select g.member_id from exchange.member_merge g
        where g.former_id = ${c}.member_id) and ${ASKED_FOR('m')}
        and case when k.id is null then m.member_id = ${c}.member_id else ${OF_SAME(c, 'k', 't.at')} end)`;

/** Could the consent of match `m` hold on a day of the period? */
const LASTED =
  'm.consent_to >= ($1::timestamptz at time zone $6)::date and m.consent_from <= ($2::timestamptz at time zone $6)::date';

/**
 * Of what left in the period (`given`): what no match of its payer held whose consent held when it left (`unheld`). By
 * the days of the consent, and by what the member had said until then (`no_since`), which is looked up of those alone
 * who ever said no. All matches of these members are read once. match_member_member, match_single_grant,
 * consent_member.
 */
const UNHELD = `
    known as materialized (
      select m.member_id, t.peer_id, t.created_at as at, m.consent_from, m.consent_to from exchange.match_member m
        join exchange.match_group t on t.id = m.group_id
      where m.outcome = 'match' and t.created_at < $2 and ${LASTED} and m.member_id in (select g.member_id from given g where g.here)
      union all
      select m.member_id, m.peer_id, m.at, m.consent_from, m.consent_to from exchange.match_single m
      where m.outcome = 'match' and m.at < $2 and ${LASTED} and (m.peer_id, m.member_id) in (select g.peer_id, g.member_id from given g
        where g.here)
    ), unheld as materialized (
      select g.peer_id, g.person, g.object, g.at from given g where g.here and not exists (select from known m
        where m.member_id = g.member_id and m.peer_id = g.peer_id
        and m.at <= g.at and g.day between m.consent_from and m.consent_to and (g.no_since is null or m.consent_from > g.no_since))
    )`;

/**
 * What left in the period (`given`), what of it no choice held (`unheld`), and each request about a member
 * (`requests`): was the choice in force? A request that was signed and refused was one as well. It was by the choice of
 * whom its consent is of: two members may be, or have been, one since, and what one of them had said is nothing about
 * what was asked for the other. When a pull asked is found once for it, and who said one thing alone is not looked up
 * again.
 */
export const UNDER_CHOICE = (lob: Limit) => `${GIVEN_AWAY(lob)}, ${UNHELD}, asked as materialized (
      select p.id, p.peer_id, p.kicked_off_at, coalesce(min(e.at) filter (where e.state <> 'authorized'), p.kicked_off_at) as at,
        max(e.at) as last
      from exchange.pull p left join exchange.pull_event e on e.pull_id = p.id and e.state in ${SENDING}
      where ($4::text is null or p.peer_id = $4) group by p.id
    ), asked_of as materialized (
      select a.id, a.peer_id, a.kicked_off_at, m.member_id, coalesce(k.member_id, m.member_id) as of_id, coalesce(a.at,
        case when m.statement is not null then a.last end) as at,
        coalesce(m.outcome = 'matched', false) and a.kicked_off_at is not null as again
      from asked a join exchange.pull_member m on m.pull_id = a.id left join exchange.consent k on k.id = m.consent_id
        and k.member_id <> m.member_id
        and exists (select from exchange.member_merge g
          where (g.member_id, g.former_id) in ((m.member_id, k.member_id), (k.member_id, m.member_id)))
      where ${ASKED_FOR('m')} and coalesce(a.at, a.last) >= $1 and coalesce(a.at, a.last) < $2 and ${lob('m.member_id')}
    ), said as materialized (
      select c.member_id, count(*) as choices, min(c.choice) as choice, min(${GIVEN_AT('c', '$6')}) as since
      from (select * from exchange.consent offset 0) c -- read once, not looked up member by member
      where c.member_id in (select of_id from asked_of) group by c.member_id
    ), requests as materialized (
      select u.peer_id, u.member_id, u.id, u.at,
        case when s.choices = 1 then s.choice = 'opt-in' and s.since <= u.at and (not u.again or s.since <= u.kicked_off_at)
          else ${CHOICE_AT('u.of_id', 'u.at', '$6')} and (not u.again or ${CHOICE_AT('u.of_id', 'u.kicked_off_at', '$6')}) end as held,
        case when u.again then u.kicked_off_at else u.at end as last
      from asked_of u left join said s on s.member_id = u.of_id
      where u.at is not null
    )`;

/** When a no that was given before became known after it, of a row `u` of what was asked or left without a choice in force. */
export const LEARNED = LEARNED_LATER('u."memberId"', 'u.last', '$6');

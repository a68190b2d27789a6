// What a member had chosen at an instant, for all that is stated about the past: by when the choice was given, not by when it reached us
// (docs/decisions/024). What the node does follows what it knows (answer/grant.ts).

/** The first instant of a choice's day; a bare day begins in the plan's zone. `c`: a row of consent, `zone`: an expression. */
const DAY_BEGINS = (c: string, zone: string) => `(${c}.recorded_on::timestamp at time zone ${zone})`;

/**
 * When a choice was given. Of one that is known by its day alone: when it was recorded, if that was on the same day,
 * else at the end of the day; so it always lies within its day.
 */
export const GIVEN_AT = (c: string, zone: string) =>
  `coalesce(${c}.given_at, greatest(${DAY_BEGINS(c, zone)}, least(${c}.created_at, ((${c}.recorded_on + 1)::timestamp at time zone ${zone})
    - interval '1 millisecond')))`;

/** Was a choice given between two instants? By its day first, where it has no more: so the hour within the day is made up of few. */
export const GIVEN_IN = (c: string, zone: string, from: string, to: string) => {
  const dayOf = (at: string) => `(${at}::timestamptz at time zone ${zone})::date`;
  return `case when ${c}.given_at is not null then ${c}.given_at >= ${from} and ${c}.given_at < ${to}
      else ${c}.recorded_on >= ${dayOf(from)} and ${c}.recorded_on <= ${dayOf(to)} and ${GIVEN_AT(c, zone)} >= ${from} and ${GIVEN_AT(c, zone)} < ${to} end`;
};

/** Was choice `c` said again as two members were merged? */
export const IS_SAID_AGAIN = (c: string) => `right(${c}.source, 19) = ', as another member'`;

/**
 * Was choice `c` one of its member at an instant? What was said again of another one is only while the two are one.
 * member_merge by member, consent_member.
 */
const WAS_OF_MEMBER = (c: string, at: string) =>
  `(not ${IS_SAID_AGAIN(c)} or exists (select from exchange.member_merge g join exchange.consent o on o.member_id = g.former_id
    where g.member_id = ${c}.member_id and md5(g.id || o.id) = ${c}.id and g.at <= ${at} and (g.undone_at is null
      or g.undone_at > ${at})))`;

/** Was the member's choice to take part at an instant? consent_member. */
export const CHOICE_AT = (member: string, at: string, zone: string) =>
  `coalesce((select c.choice from exchange.consent c
    where c.member_id = ${member} and ${GIVEN_AT('c', zone)} <= ${at} and ${WAS_OF_MEMBER('c', at)} order by c.recorded_on desc,
    c.created_at desc limit 1) = 'opt-in', false)`;

/** The day of the last thing that the member had said until an instant, when it was no: consents from after it hold. consent_member. */
export const NO_SINCE = (member: string, at: string, zone: string) =>
  `(select case when n.choice <> 'opt-in' then n.recorded_on end from (select c.choice, c.recorded_on from exchange.consent c
    where c.member_id = ${member} and ${GIVEN_AT('c', zone)} <= ${at} and ${WAS_OF_MEMBER('c', at)} order by c.recorded_on desc,
      c.created_at desc limit 1) n)`;

/** A no that was given by an instant and recorded after it: no one here could know of it. consent_member. */
export const LEARNED_LATER = (member: string, at: string, zone: string) =>
  `(select min(c.created_at) from exchange.consent c where c.member_id = ${member} and c.choice <> 'opt-in'
    and ${GIVEN_AT('c', zone)} <= ${at} and c.created_at > ${at} and ${WAS_OF_MEMBER('c', at)})`;

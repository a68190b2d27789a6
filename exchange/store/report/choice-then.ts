// What a member had chosen at an instant, for all that is told about the past: by when the choice was given, not by when it reached us
// (docs/decisions/024). What the node does follows what it knows (answer/grant.ts).

/** The first instant of a choice's day; a bare day begins in the plan's zone. `c`: a row of consent, `zone`: an expression. */
const DAY_BEGINS = (c: string, zone: string) => `(${c}.recorded_on::timestamp at time zone ${zone})`;

/**
 * When a choice was given. Of one that is known by its day alone: when it was recorded, if that was on the same day, else at the end of the day;
 * so it always lies within its day.
 */
export const GIVEN_AT = (c: string, zone: string) =>
  `coalesce(${c}.given_at, greatest(${DAY_BEGINS(c, zone)}, least(${c}.created_at, ((${c}.recorded_on + 1)::timestamp at time zone ${zone}) - interval '1 millisecond')))`;

/** Was the member's choice to take part at an instant? consent_member. */
export const CHOICE_AT = (member: string, at: string, zone: string) =>
  `coalesce((select c.choice from exchange.consent c where c.member_id = ${member} and ${GIVEN_AT('c', zone)} <= ${at} order by c.recorded_on desc, c.created_at desc limit 1) = 'opt-in', false)`;

/** Did the consent of a match `m` hold at a time: by its days, and by what the member had said until then? `day`: of that time. */
const HELD_THEN = (
  at: string,
  day: string,
  zone: string,
) => `m.outcome = 'match' and ${day} between m.consent_from and m.consent_to
  and not coalesce((select c.choice <> 'opt-in' and c.recorded_on >= m.consent_from from exchange.consent c
    where c.member_id = m.member_id and ${GIVEN_AT('c', zone)} <= ${at} order by c.recorded_on desc, c.created_at desc limit 1), false)`;

/** Was a member matched for a payer within a consent that held at the time? match_member_member, match_single_grant. */
export const MATCHED_THEN = (member: string, peer: string, at: string, zone: string) => {
  const held = HELD_THEN(at, `(${at} at time zone ${zone})::date`, zone);
  return `(
      exists (select from exchange.match_member m join exchange.match_group t on t.id = m.group_id
        where m.member_id = ${member} and t.peer_id = ${peer} and t.created_at <= ${at} and ${held})
      or exists (select from exchange.match_single m where m.peer_id = ${peer} and m.member_id = ${member} and m.at <= ${at} and ${held}))`;
};

/** A no that was given by an instant and recorded after it: nobody here could know of it. consent_member. */
export const LEARNED_LATER = (member: string, at: string, zone: string) =>
  `(select min(c.created_at) from exchange.consent c where c.member_id = ${member} and c.choice <> 'opt-in' and ${GIVEN_AT('c', zone)} <= ${at} and c.created_at > ${at})`;

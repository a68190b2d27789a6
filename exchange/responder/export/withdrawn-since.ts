// What a peer has of members who have withdrawn since it asked last: named to it as what has left its view.
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { DOUBTED_PEERS } from '../../records/doubt.ts';
import { type GrantScope, grants, HELD, SAID_NO, WAS_ANOTHER } from '../grant.ts';
import { allowed, type ExportConditions, MOVED } from './export-rows.ts';

/**
 * They are two again since. An export that began just before did not see it, and its time may be the later one: then it
 * is reported twice.
 */
const TWO_SINCE = `o.undone_at > $4::timestamptz - interval '1 hour' and ($5::timestamptz is null or o.undone_at < $5::timestamptz)`;

/**
 * Members of the scope whose consent held at a time, who have said no since and whom no other match of the peer grants
 * today; and those whom the peer, in whatever scope, found as one with who is another member again. A consent that has
 * only ended by its days takes nothing back. match_group_peer, match_member_group, match_single_grant, consent_member.
 * @param since the time that the peer asks from
 * @param before what was said from then on is for an export after this one
 */
export async function withdrawnMembers(
  sql: Queryable,
  scope: GrantScope,
  today: string,
  since: string,
  before?: string,
): Promise<string[]> {
  const ofGroup = `
    select m.member_id from exchange.match_group t join exchange.match_member m on m.group_id = t.id
    where t.peer_id = $1 and ${scope.groupId === null ? '$2::text is null' : 't.id = $2::text'} and t.created_at <= $4::timestamptz
      and ${SAID_NO('m')} and ${HELD('$4::timestamptz')}`;
  const matched =
    scope.groupId === null
      ? `${ofGroup} union select m.member_id from exchange.match_single m
         where m.peer_id = $1 and m.at <= $4::timestamptz and ${SAID_NO('m')} and ${HELD('$4::timestamptz')}`
      : ofGroup;
  // their Group is no more, so that any other of the peer tells it
  const two = `
    select m.member_id from exchange.match_group t join exchange.match_member m on m.group_id = t.id
    where t.peer_id = $1 and t.created_at <= $4::timestamptz and ${WAS_ANOTHER('m', 't.created_at', TWO_SINCE)} and ${HELD('$4::timestamptz')}
    union select m.member_id from exchange.match_single m
    where m.peer_id = $1 and m.at <= $4::timestamptz and ${WAS_ANOTHER('m', 'm.at', TWO_SINCE)} and ${HELD('$4::timestamptz')}`;
  const rows = await sql.unsafe<{ memberId: string }[]>(
    `with said as materialized (select distinct member_id from (${matched}) w)
     select member_id as "memberId" from (
       select member_id from said where $5::timestamptz is null or $5::timestamptz > (
         select c.created_at from exchange.consent c where c.member_id = said.member_id
           order by c.recorded_on desc, c.created_at desc limit 1)
       union ${two}) w
     where not exists (select from (${grants({ ...scope, groupId: null }, '$3::date', 'null::text')}) g where g.member_id = w.member_id)
     order by 1`,
    [scope.peerId, scope.groupId, today, since, before ?? null],
  );
  return rows.map((r) => r.memberId);
}

/** A member who went on as another one and is a member of its own again, by the merge that was taken back. */
export type Again = { mergeId: string; memberId: string; formerId: string };

/**
 * Who was one with a member as whom the peer got their records, is another member again since, and whom no match of the
 * peer grants today: whatever the peer may have of the one that stayed, the records of the other one are not for it.
 * Reported by any export for changes, once, or again within the hour ({@link TWO_SINCE}). member_merge is small;
 * delivered_pkey, match_group_peer, match_single_grant.
 * @param since the time that the peer asks from
 * @param before what was said from then on is for an export after this one
 */
export async function twoSince(
  sql: Queryable,
  peerId: string,
  today: string,
  since: string,
  before?: string,
): Promise<Again[]> {
  const rows = await sql.unsafe<Again[]>(
    `select o.id as "mergeId", o.member_id as "memberId", o.former_id as "formerId" from exchange.member_merge o
     where ${TWO_SINCE} and exists (select from exchange.delivered d where d.peer_id = $1 and d.member_id = o.member_id)
       and not exists (select from (${grants({ peerId, groupId: null }, '$3::date')}) g where g.member_id = o.former_id)
     order by o.id`,
    [peerId, null, today, since, before ?? null],
  );
  return [...rows];
}

/** Did a finished export to the peer `$9` hold the record `r` as one of a member's? */
const HAS = (memberId: string) => `coalesce(hashtextextended(r.type || '/' || r.id, 0) in (
         select unnest(d.keys) from exchange.delivered d join exchange.bulk_job j on j.id = d.job_id
         where d.peer_id = $9 and d.member_id = ${memberId} and j.transaction_time is not null), false)`;

/**
 * Everything of a member that an export to the peer held, but for what was deleted before `since`: that was reported
 * then. What is another member's now who is in this export, and may leave, is not reported: it comes with that one.
 * resource_pkey, resource_id, delivered_pkey.
 * @param c.members of this export
 * @param again of the records that went back to this one instead, those that the peer got as the member's and never as
 * this one's. member_merge_part_pkey
 */
export async function deliveredOf(
  sql: Queryable,
  peerId: string,
  memberId: string,
  c: Pick<ExportConditions, 'members' | 'types' | 'windowStart' | 'yearAgo' | 'today'> & { since: string },
  again?: Again,
): Promise<{ type: string; id: string }[]> {
  const rows = await sql.unsafe<{ type: string; id: string }[]>(
    `select r.type, r.id from exchange.resource r
     where r.member_id = coalesce($10::text, $1) and r.type = any($2::text::text[])
       and ($11::text is null or exists (
         select from exchange.member_merge_part n where n.merge_id = $11 and n.what = 'record' and n.key = r.type and n.part = r.id))
       and not (r.deleted and ${MOVED('r')} <= $6::timestamptz)
       and not exists (
         select from exchange.resource y
         cross join lateral (select policy from unnest($7::text::text[], $8::text::text[]) m(member_id, policy)
           where m.member_id = y.member_id limit 1) g
         where y.type = r.type and y.id = r.id and y.member_id <> r.member_id and not y.deleted and y.member_id = any($7::text::text[])
           and ${allowed('y', DOUBTED_PEERS('y.member_id'))})
       and ${HAS('$1')} and ($10::text is null or not ${HAS('$10')})
     order by 1, 2`,
    [
      memberId,
      arrayLiteral([...c.types]),
      c.windowStart,
      c.yearAgo,
      c.today,
      c.since,
      arrayLiteral(c.members.map((m) => m.memberId)),
      arrayLiteral(c.members.map((m) => m.policy)),
      peerId,
      again?.formerId ?? null,
      again?.mergeId ?? null,
    ] as never[],
  );
  return [...rows];
}

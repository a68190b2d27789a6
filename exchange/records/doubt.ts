// Whether a member is the person whom a payer means: while that is in doubt, and when a person has said no, nothing that the payer
// sent of the member is shown or leaves. Where that begins or ends, its records come into view of peers or leave it.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { STILL_DOUBTED } from '../review/kinds.ts';

const STANDS = (v: string) =>
  `${v}.kind = 'identity-doubt' and ${v}.state <> 'gone' and (${v}.decision is null or ${v}.decision in (${STILL_DOUBTED.map((d) => `'${d}'`).join(', ')}))`;

/** Payers that may mean another person than a member. review_item_doubt. */
export const DOUBTED_PEERS = (memberId: string): string =>
  `array(select v.peer_id from exchange.review_item v where v.member_id = ${memberId} and ${STANDS('v')})`;

export type Doubt = { memberId: string; peerId: string };

/**
 * Until the transaction ends nobody decides whether members are the persons whom payers mean: who does, and who writes records of them meanwhile, would each go by
 * what the other one has not written yet. review_item_doubt.
 */
export async function doubtsStay(tx: Queryable, memberIds: readonly string[]): Promise<void> {
  await tx`
    select from exchange.review_item where member_id = any(${arrayLiteral(memberIds)}::text::text[]) and kind = 'identity-doubt' and state <> 'gone' order by id for share`;
}

/** Doubts that stand about members of the open slice, who may be doubted by their Patients alone. review_item_doubt. */
export async function doubtsOfSlice(tx: Queryable): Promise<Doubt[]> {
  return [
    ...(await tx.unsafe<Doubt[]>(
      `select distinct v.member_id as "memberId", v.peer_id as "peerId" from pg_temp.slice s
       join exchange.review_item v on v.member_id = s.member_id and ${STANDS('v')} where s.type = 'Patient'`,
    )),
  ];
}

/** Doubts that stand about some members. review_item_doubt. */
export async function doubtsOf(tx: Queryable, memberIds: readonly string[]): Promise<Doubt[]> {
  return [
    ...(await tx.unsafe<Doubt[]>(
      `select distinct v.member_id as "memberId", v.peer_id as "peerId" from exchange.review_item v where v.member_id = any($1::text::text[]) and ${STANDS('v')}`,
      [arrayLiteral(memberIds)],
    )),
  ];
}

/**
 * Doubts about a member, whose records of payers have moved to another one, are doubts about that one, to be decided anew: they stand until the
 * records are compared there. That somebody else is meant stays said, as it does when the payer's Patient agrees later. review_item_doubt, review_decision_item,
 * primary keys.
 * @param move.id of the merge whose records have moved
 */
export async function takeDoubts(
  tx: Queryable,
  { id, from, to }: { id: string; from: string; to: string },
): Promise<void> {
  const taken = `(select i.*, p.a as a_now, p.b as b_now, md5(concat_ws('|', $3::text, i.kind, i.type, least(p.a, p.b), greatest(p.a, p.b))) as now
     from exchange.review_item i
     cross join lateral (select case i.a_id when $2 then $3::text else i.a_id end as a, case i.b_id when $2 then $3::text else i.b_id end as b) p
     where i.member_id = $2 and ${STANDS('i')} and exists (
       select from exchange.member_merge_part m where m.merge_id = $1 and m.what = 'record' and m.key = i.type and m.part in (i.a_id, i.b_id)))`;
  await tx.unsafe(
    `insert into exchange.review_item as v (id, member_id, kind, weight, type, a_type, a_id, a_hash, b_type, b_id, b_hash, peer_id, pull_id, file, line, entry, rule, detail, opened_at, state, decision)
     select i.now, $3, i.kind, i.weight, i.type, i.a_type, i.a_now, i.a_hash, i.b_type, i.b_now, i.b_hash,
       i.peer_id, i.pull_id, i.file, i.line, i.entry, i.rule, i.detail, i.opened_at, case i.decision when 'discard' then 'decided' else 'open' end, case i.decision when 'discard' then i.decision end
     from ${taken} i
     on conflict (id) do update set state = excluded.state, decision = excluded.decision, reopened = v.reopened + 1 where not (${STANDS('v')})`,
    [id, from, to],
  );
  await tx.unsafe(
    `insert into exchange.review_decision (item_id, decision, by_subject, by_name, role, at, reason, a_hash, b_hash, rules)
     select i.now, d.decision, d.by_subject, d.by_name, d.role, d.at, d.reason, d.a_hash, d.b_hash, d.rules
     from ${taken} i join exchange.review_decision d on d.item_id = i.id and d.decision = i.decision and d.undoes is null
     where i.decision = 'discard' and not exists (select from exchange.review_decision u where u.item_id = d.item_id and u.undoes = d.id)
       and not exists (select from exchange.review_decision t where t.item_id = i.now and t.undoes is null and t.decision = d.decision and t.at = d.at and t.by_subject = d.by_subject
         and not exists (select from exchange.review_decision u where u.item_id = t.item_id and u.undoes = t.id))
     order by d.id`,
    [id, from, to],
  );
}

/** Does the doubt of an item stand? Primary key. */
export async function isDoubtOf(tx: Queryable, itemId: string): Promise<boolean> {
  const rows = await tx.unsafe(`select from exchange.review_item v where v.id = $1 and ${STANDS('v')}`, [itemId]);
  return rows.length > 0;
}

/** What these payers sent of these members came into view, or left it. resource_pkey. */
export async function moveDoubted(tx: Queryable, doubts: readonly Doubt[], at: string): Promise<void> {
  if (doubts.length === 0) return;
  await tx.unsafe(
    `update exchange.resource r set moved_at = $3::text::timestamptz
     from unnest($1::text::text[], $2::text::text[]) d(member_id, peer_id)
     where r.member_id = d.member_id and r.origin = d.peer_id and not r.deleted`,
    [arrayLiteral(doubts.map((d) => d.memberId)), arrayLiteral(doubts.map((d) => d.peerId)), at],
  );
}

/** Those in one list and not in both. Pure. */
export function changedDoubts(before: readonly Doubt[], after: readonly Doubt[]): Doubt[] {
  const key = (d: Doubt) => `${d.memberId} ${d.peerId}`;
  const [was, is] = [new Set(before.map(key)), new Set(after.map(key))];
  return [...before.filter((d) => !is.has(key(d))), ...after.filter((d) => !was.has(key(d)))];
}

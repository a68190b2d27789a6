// Whether a member is the person whom a payer means: while that is in doubt, and when a person has said no, nothing that the payer
// sent of the member is shown or leaves. Where that begins or ends, its records come into view of peers or leave it.
import { arrayLiteral, type Queryable } from '../../src/store/database.ts';
import { STILL_DOUBTED } from '../review/kinds.ts';

const STANDS = (v: string) =>
  `${v}.kind = 'identity-doubt' and ${v}.state <> 'gone' and (${v}.decision is null or ${v}.decision in (${STILL_DOUBTED.map((d) => `'${d}'`).join(', ')}))`;

/** Payers that may mean another person than a member. review_item_doubt. */
export const DOUBTED_PEERS = (memberId: string): string =>
  `array(select v.peer_id from exchange.review_item v where v.member_id = ${memberId} and ${STANDS('v')})`;

export type Doubt = { memberId: string; peerId: string };

/** Doubts that stand about members of the open slice, who may be doubted by their Patients alone. review_item_doubt. */
export async function doubtsOfSlice(tx: Queryable): Promise<Doubt[]> {
  return [
    ...(await tx.unsafe<Doubt[]>(
      `select distinct v.member_id as "memberId", v.peer_id as "peerId" from pg_temp.slice s
       join exchange.review_item v on v.member_id = s.member_id and ${STANDS('v')} where s.type = 'Patient'`,
    )),
  ];
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

// Items for people about members of ours who are maybe one person: out of matching, and out of enrolment.
import { createHash } from 'node:crypto';
import { arrayLiteral, type Queryable } from '../../src/store/database.ts';
import { ITEM_KINDS } from '../review/kinds.ts';

const KIND = 'ambiguous-match';
const TWO_CARDS = 'two-cards';

/**
 * Opens one item for each set of members that a question fits, however often it is asked. The peer is told of none of it. What was
 * decided about a set stays decided. Primary key.
 * @param found `candidates`: ids of the members, in their order
 */
export async function openAmbiguous(
  sql: Queryable,
  found: readonly { peerId: string; candidates: readonly string[] }[],
  at: Date,
): Promise<void> {
  const items = new Map<string, object>();
  for (const { peerId, candidates } of found) {
    const [first, second] = candidates;
    if (first === undefined || second === undefined) continue;
    const id = createHash('md5')
      .update(`${KIND}|${candidates.join('|')}`)
      .digest('hex');
    items.set(id, { id, first, second, peerId, detail: `${candidates.length} members` });
  }
  if (items.size === 0) return;
  await sql`
    insert into exchange.review_item (id, member_id, kind, weight, type, a_type, a_id, b_type, b_id, peer_id, rule, detail, opened_at)
    select id, first, ${KIND}, ${ITEM_KINDS[KIND]?.weight ?? 1}, 'Patient', 'Patient', first, 'Patient', second, "peerId", 'ambiguous', detail, ${at}
    from jsonb_to_recordset(${JSON.stringify([...items.values()])}::text::jsonb) as i(id text, first text, second text, "peerId" text, detail text)
    on conflict do nothing`;
}

/**
 * Opens one item for two members of whom an enrolment row says that the card of the first takes the place of the second's, however often it
 * says so. Of no payer. Primary key.
 */
export async function openTwoCards(
  tx: Queryable,
  pairs: readonly { memberId: string; formerId: string }[],
  at: Date,
): Promise<void> {
  if (pairs.length === 0) return;
  await tx`
    insert into exchange.review_item (id, member_id, kind, weight, type, a_type, a_id, b_type, b_id, peer_id, rule, opened_at)
    select distinct on (1) md5(concat_ws('|', ${TWO_CARDS}::text, m, f)), m, ${TWO_CARDS}, ${ITEM_KINDS[TWO_CARDS]?.weight ?? 1}::smallint, 'Patient', 'Patient', m, 'Patient', f, '', 'cards', ${at}::timestamptz
    from unnest(${arrayLiteral(pairs.map((p) => p.memberId))}::text::text[], ${arrayLiteral(pairs.map((p) => p.formerId))}::text::text[]) as t(m, f)
    on conflict do nothing`;
}

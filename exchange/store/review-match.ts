// Items for people out of matching: members of ours who cannot be told apart, maybe because they are one person.
import { createHash } from 'node:crypto';
import type { Queryable } from '../../src/store/database.ts';
import { ITEM_KINDS } from '../review/kinds.ts';

const KIND = 'ambiguous-match';

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

// Coverage that is over by a next card: what stands of the members at hand, and their ends written again by the one
// rule (members/enrolment/next-member-id.ts).
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { type CardCoverage, recomputeEnds, type Stated, statedKey } from './next-member-id.ts';

export type Card = { memberId: string; memberNumber: string; starts: string };
export type StatedCard = Card & { nextStarts?: string | undefined };

/** All coverage of those of the members who have a card that took the place of another one. enrolment_pkey. */
async function cardsOf(tx: Queryable, memberIds: readonly string[]): Promise<Map<string, CardCoverage[]>> {
  const rows = await tx<(CardCoverage & { id: string })[]>`
    select m.id, e.member_number as number, e.former_number as former, e.lob, e.starts::text as starts, e.ends::text as ends,
      nullif(coalesce(e.said_ends, e.ends), 'infinity')::text as said
    from unnest(${arrayLiteral(memberIds)}::text::text[]) m(id)
    cross join lateral (select from exchange.enrolment f where f.member_id = m.id and f.former_number is not null limit 1) next
    join exchange.enrolment e on e.member_id = m.id
    order by m.id, e.member_number, e.starts`;
  const all = new Map<string, CardCoverage[]>();
  for (const { id, ...coverage } of rows) {
    const known = all.get(id);
    if (known === undefined) all.set(id, [coverage]);
    else known.push(coverage);
  }
  return all;
}

/**
 * Ends coverage where a next card took its place, and gives back the end that was said where that one was cancelled.
 * Within the transaction that wrote the rows.
 * @param stated rows that were written @param others members of whom something else changed
 * @returns what is over on another day than before
 */
export async function settleCards(
  tx: Queryable,
  stated: readonly StatedCard[],
  others: readonly string[],
  today: string,
): Promise<Card[]> {
  const statedOf = new Map<string, Map<string, { next: string | undefined }>>(others.map((id) => [id, new Map()]));
  for (const { memberId, memberNumber, starts, nextStarts } of stated) {
    const rows = statedOf.get(memberId) ?? new Map<string, { next: string | undefined }>();
    statedOf.set(memberId, rows.set(statedKey({ number: memberNumber, starts }), { next: nextStarts }));
  }
  if (statedOf.size === 0) return [];
  const none: Stated = new Map();
  const changed = [...(await cardsOf(tx, [...statedOf.keys()]))].flatMap(([memberId, coverage]) =>
    recomputeEnds(coverage, statedOf.get(memberId) ?? none, today).map((c) => ({ memberId, ...c })),
  );
  if (changed.length === 0) return [];
  await tx`
    update exchange.enrolment e set ends = t.e::date, said_ends = t.said::date
    from unnest(${changed.map((c) => c.memberId)}::text[], ${changed.map((c) => c.number)}::text[],
      ${changed.map((c) => c.starts)}::text[], ${changed.map((c) => c.ends)}::text[],
      ${changed.map((c) => (c.ends === c.said ? null : (c.said ?? 'infinity')))}::text[]) t(m, n, s, e, said)
    where e.member_id = t.m and e.member_number = t.n and e.starts = t.s::date`;
  return changed.map((c) => ({ memberId: c.memberId, memberNumber: c.number, starts: c.starts }));
}

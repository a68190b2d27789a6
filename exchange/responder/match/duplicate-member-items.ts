// Items for people about members of ours who are maybe one person: out of matching, and out of enrolment.
import { createHash } from 'node:crypto';
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { RULES_VERSION } from '../../reconcile/judge/verdict.ts';
import { ITEM_KINDS, ONE_PERSON } from '../../review/kinds.ts';

const KIND = 'ambiguous-match';
const TWO_CARDS = 'two-cards';

/**
 * Opens one item for each set of members that a question fits, however often it is asked. The peer is informed of none of it. What was
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
    select id, first, ${KIND}, ${ITEM_KINDS[KIND]?.weight ?? 1}, 'Patient', 'Patient', first, 'Patient', second, "peerId", 'ambiguous',
      detail, ${at}
    from jsonb_to_recordset(${JSON.stringify([...items.values()])}::text::jsonb) as i(id text, first text, second text, "peerId" text,
      detail text)
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
    select distinct on (1) md5(concat_ws('|', ${TWO_CARDS}::text, m, f)), m, ${TWO_CARDS}, ${ITEM_KINDS[TWO_CARDS]?.weight ?? 1}::smallint,
      'Patient', 'Patient', m, 'Patient', f, '', 'cards', ${at}::timestamptz
    from unnest(${arrayLiteral(pairs.map((p) => p.memberId))}::text::text[],
      ${arrayLiteral(pairs.map((p) => p.formerId))}::text::text[]) as t(m, f)
    on conflict do nothing`;
}

/**
 * Items of two members are decided, as they were merged; or open again. By the primary key of review_decision's item;
 * review_item_member.
 */
export async function decideTogether(
  tx: Queryable,
  a: string,
  b: string,
  d: { by: string; at: Date; reason: string; isUndo?: boolean },
): Promise<void> {
  const items = await tx<{ id: string; undoes: string | null }[]>`
    select i.id, (select max(x.id)::text from exchange.review_decision x where x.item_id = i.id
      and x.decision = ${ONE_PERSON} and x.undoes is null) as undoes
    from exchange.review_item i
    where i.member_id in (${a}, ${b}) and i.kind in (${KIND}, ${TWO_CARDS}) and ((i.a_id = ${a} and i.b_id = ${b})
      or (i.a_id = ${b} and i.b_id = ${a}))
      and case when ${d.isUndo === true} then i.state = 'decided' and i.decision = ${ONE_PERSON} else i.state = 'open' end for update`;
  for (const { id, undoes } of items)
    await tx`
      insert into exchange.review_decision (item_id, decision, undoes, by_subject, by_name, role, at, reason, rules)
      values (${id}, ${ONE_PERSON}, ${d.isUndo === true ? undoes : null}::bigint, ${d.by}, ${d.by}, 'reviewer', ${d.at}, ${d.reason},
        ${RULES_VERSION})`;
  await tx`
    update exchange.review_item set state = ${d.isUndo === true ? 'open' : 'decided'}, decision = ${d.isUndo === true ? null : ONE_PERSON}
    where id = any(${arrayLiteral(items.map((i) => i.id))}::text::text[])`;
}

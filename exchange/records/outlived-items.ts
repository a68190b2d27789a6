// Items about copies that are not shown, as their record was taken back (outlived.ts): what such a copy says contradicts nobody, and nobody is asked which of two events
// it is. They are open again when the copy is shown again.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { ENDED_ITEMS } from './link-items.ts';
import { OUTLIVED, type Shown } from './outlived.ts';

/** An item of two records, of which neither has another place in it. */
const PAIR = 'x.a_id is not null and x.b_id is not null';

/** Members of the open slice. */
export const OF_SLICE = 'select distinct member_id from pg_temp.slice where member_id is not null and not is_shared';

/**
 * After all items of the slice are written. resource_outlived, review_item_member, finding_pull; primary keys.
 * @param about a statement of `member_id`; $3 in it is `of`
 * @param shown copies that are shown again
 * @param f.pull null for records of our own
 */
export async function followOutlived(
  tx: Queryable,
  about: string,
  shown: readonly Shown[],
  f: { pull: string | null; at: string; of?: readonly string[] },
): Promise<void> {
  await tx.unsafe(
    `with about as materialized (${about}), copy as materialized (
       select r.member_id, r.type, r.id from about cross join lateral (
         select * from exchange.resource x where x.member_id = about.member_id and x.withheld = '${OUTLIVED}' offset 0) r
     ), item as materialized (
       select i.id, i.kind, i.member_id, i.type, i.a_id, i.b_id, i.opened_at = $2::text::timestamptz and i.reopened = 0 as is_new
       from (select distinct member_id, type from copy) m cross join lateral (
         select * from exchange.review_item x where x.member_id = m.member_id and x.type = m.type and x.state = 'open' and ${PAIR} offset 0) i
       where ((i.member_id, i.type, i.a_id) in (select member_id, type, id from copy) or (i.member_id, i.type, i.b_id) in (select member_id, type, id from copy)) is true
     ), ${ENDED_ITEMS}`,
    [f.pull, f.at, ...(f.of === undefined ? [] : [arrayLiteral(f.of)])],
  );
  if (shown.length > 0) await askAgain(tx, shown, f);
}

/** Those whose link says what it said, about records that are shown now. */
async function askAgain(
  tx: Queryable,
  shown: readonly Shown[],
  { pull, at }: { pull: string | null; at: string },
): Promise<void> {
  const isShown = (
    side: 'a_id' | 'b_id',
  ) => `exists (select from exchange.resource r where r.member_id = i.member_id and r.type = i.type and r.id = i.${side}
    and not r.deleted and r.withheld is distinct from '${OUTLIVED}')`;
  await tx.unsafe(
    `with shown as materialized (
       select * from unnest($3::text::text[], $4::text::text[], $5::text::text[]) s(member_id, type, id)
     ), item as materialized (
       select i.* from (select distinct member_id, type from shown) m cross join lateral (
         select * from exchange.review_item x where x.member_id = m.member_id and x.type = m.type and x.state = 'gone' and x.decision is null and ${PAIR} offset 0) i
       where ((i.member_id, i.type, i.a_id) in (select member_id, type, id from shown) or (i.member_id, i.type, i.b_id) in (select member_id, type, id from shown)) is true
     ), opened as (
       update exchange.review_item v set state = 'open', opened_at = $2::text::timestamptz, reopened = v.reopened + 1 from item i
       where v.id = i.id and ${isShown('a_id')} and ${isShown('b_id')} and exists (
         select from exchange.link l where l.member_id = i.member_id and l.type = i.type and l.a_id = least(i.a_id, i.b_id) and l.b_id = greatest(i.a_id, i.b_id)
           and (l.state = 'proposed' or (l.state = 'confirmed' and i.kind = 'echo-modified')) and (l.kind = 'conflict') = (i.kind not in ('possible-duplicate', 'echo-modified')))
       returning v.kind, v.type, v.member_id, v.a_id, v.b_id
     )
     insert into exchange.finding (pull_id, kind, type, source_id, member_id, local_id, detail)
     select $1, o.kind, o.type, r.source_id, o.member_id, o.b_id, o.a_id from opened o
     join exchange.resource r on r.member_id = o.member_id and r.type = o.type and r.id = o.b_id where $1::text is not null`,
    [pull, at, ...(['memberId', 'type', 'id'] as const).map((of) => arrayLiteral(shown.map((s) => s[of])))],
  );
}

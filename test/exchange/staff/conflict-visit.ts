// What a visit to the pages of conflicts finds and does.
import { fieldOf, type StaffNode, type Visitor } from './support.ts';

/** An open item of a kind: its id. */
export const openItem = async ({ ours }: StaffNode, kind: string): Promise<string> => {
  const { sql } = ours.deps.database;
  const [row] =
    await sql`select id from exchange.review_item where kind = ${kind} and state = 'open' order by id limit 1`;
  return String(row?.['id']);
};

/** Links between the two records of an item. */
export const linksOf = async ({ ours }: StaffNode, id: string) => {
  const { sql } = ours.deps.database;
  return [
    ...(await sql`
      select l.kind, l.state, l.rule from exchange.review_item i join exchange.link l on l.member_id = i.member_id and l.type = i.type
        and l.a_id = least(i.a_id, i.b_id) and l.b_id = greatest(i.a_id, i.b_id) where i.id = ${id} order by l.kind`),
  ];
};

/** A decision by the form of the item's page. */
export async function decideBy(
  by: Visitor,
  id: string,
  decision: string,
  more: Record<string, string> = {},
): Promise<Response> {
  const page = await (await by.get(`/staff/conflicts/${id}`)).text();
  return by.post(`/staff/conflicts/${id}`, {
    csrf: fieldOf(page, 'csrf'),
    mark: fieldOf(page, 'mark'),
    decision,
    reason: 'looked at both',
    ...more,
  });
}

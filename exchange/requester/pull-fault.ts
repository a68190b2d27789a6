// What a peer did wrong in a pull: findings of the pull as a whole, counted.
import type { Queryable } from '../../src/db/database.ts';

/** Adds to the counts. The pull's lease keeps others away. Served by finding_pull. */
export async function noteFaults(sql: Queryable, pullId: string, faults: ReadonlyMap<string, number>): Promise<void> {
  if (faults.size === 0) return;
  const kinds = [...faults.keys()];
  const amounts = [...faults.values()];
  await sql`
    with noted as (select * from unnest(${kinds}::text[], ${amounts}::int[]) as n(kind, amount)),
    known as (
      update exchange.finding f set amount = f.amount + n.amount from noted n
      where f.pull_id = ${pullId} and f.kind = n.kind and f.line is null and f.type is null returning f.kind
    )
    insert into exchange.finding (pull_id, kind, amount) select ${pullId}, kind, amount from noted where kind not in (select kind
      from known)`;
}

/** Notes types of records, each once a pull. Served by finding_pull. */
export async function noteTypes(sql: Queryable, pullId: string, kind: string, types: readonly string[]): Promise<void> {
  if (types.length === 0) return;
  await sql`
    insert into exchange.finding (pull_id, kind, type, amount) select ${pullId}, ${kind}, t, 1 from unnest(${[...types]}::text[]) t
    where not exists (select from exchange.finding f where f.pull_id = ${pullId} and f.kind = ${kind} and f.line is null and f.type = t)`;
}

/** Types that were noted of a pull as a whole. Served by finding_pull. */
export async function notedTypes(sql: Queryable, pullId: string, kind: string): Promise<string[]> {
  const rows = await sql<{ type: string }[]>`
    select distinct type from exchange.finding where pull_id = ${pullId} and kind = ${kind} and line is null and type is not null
      order by 1`;
  return rows.map((r) => r.type);
}

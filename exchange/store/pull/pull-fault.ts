// What a peer did wrong in a pull: findings of the pull as a whole, counted.
import type { Queryable } from '../../../src/store/database.ts';

/** Adds to the counts. The pull's lease keeps others away. Served by finding_pull. */
export async function noteFaults(sql: Queryable, pullId: string, faults: ReadonlyMap<string, number>): Promise<void> {
  if (faults.size === 0) return;
  const kinds = [...faults.keys()];
  const amounts = [...faults.values()];
  await sql`
    with noted as (select * from unnest(${kinds}::text[], ${amounts}::int[]) as n(kind, amount)),
    known as (
      update exchange.finding f set amount = f.amount + n.amount from noted n
      where f.pull_id = ${pullId} and f.kind = n.kind and f.line is null returning f.kind
    )
    insert into exchange.finding (pull_id, kind, amount) select ${pullId}, kind, amount from noted where kind not in (select kind from known)`;
}

// Records of ours that an older program let a payer write over, or hide: it took its copy of one back and told it again.
import type { Queryable } from '../../src/db/database.ts';

/**
 * Those that are still as that payer told them: an import since has put them right. Reads the ledger whole, and by resource_pkey what a payer is said to have changed.
 * @returns how many, and the first ones as `Type/id`
 */
export async function overwrittenRecords(sql: Queryable, most: number): Promise<{ n: number; first: string[] }> {
  const [row] = await sql<{ n: number; first: string[] }[]>`
    with found as materialized (
      select distinct l.type || '/' || l.local_id as key
      from exchange.ledger_unit l
      cross join lateral (
        select x.deleted, x.last_updated from exchange.resource x where x.member_id = l.member_id and x.type = l.type and x.id = l.local_id and x.origin = 'own' offset 0) r
      join exchange.pull p on p.id = l.pull_id
      where l.outcome in ('updated', 'retracted') and r.deleted = (l.outcome = 'retracted') and r.last_updated between p.created_at and coalesce(p.finished_at, 'infinity')
    )
    select count(*)::int as n, coalesce((array_agg(key order by key))[:${most}::int], '{}') as first from found`;
  return row ?? { n: 0, first: [] };
}

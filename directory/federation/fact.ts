// Fact sheets: what was measured of a peer, when, and by which evidence.

import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { fact } from './schema.ts';

/** `type` is empty for facts about the whole server. */
export type Fact = { type: string; name: string; value: string; evidence: string };
export type DatedFact = Fact & { at: Date };

export async function insertFacts(sql: Queryable, peer: string, facts: readonly Fact[], at: Date): Promise<void> {
  if (facts.length === 0) return;
  await orm(sql)
    .insert(fact)
    .values(facts.map(({ type, name, value, evidence }) => ({ peer, at, type, name, value, evidence })));
}

/** The newest fact of each name and type. fact_peer. */
export async function currentFacts(sql: Queryable, peer: string): Promise<DatedFact[]> {
  return sql<DatedFact[]>`select distinct on (type, name) type, name, value, evidence, at from federation.fact
    where peer = ${peer} order by type, name, id desc`;
}

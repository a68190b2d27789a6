// Fact sheets: what was measured of a peer, when, and by which evidence.
import type { Queryable } from '../../src/db/database.ts';

/** `type` is empty for facts about the whole server. */
export type Fact = { type: string; name: string; value: string; evidence: string };
export type DatedFact = Fact & { at: Date };

export async function insertFacts(sql: Queryable, peer: string, facts: readonly Fact[], at: Date): Promise<void> {
  if (facts.length === 0) return;
  await sql`insert into federation.fact (peer, at, type, name, value, evidence)
    select ${peer}, ${at}, f.type, f.name, f.value, f.evidence
    from jsonb_to_recordset(${JSON.stringify(facts)}::text::jsonb) f(type text, name text, value text, evidence text)`;
}

/** The newest fact of each name and type. fact_peer. */
export async function currentFacts(sql: Queryable, peer: string): Promise<DatedFact[]> {
  return sql<DatedFact[]>`select distinct on (type, name) type, name, value, evidence, at from federation.fact
    where peer = ${peer} order by type, name, id desc`;
}

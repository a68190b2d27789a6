// Lines known by their hash, staged as `unchanged` from the identity map.
import type { Queryable } from '../../src/store/database.ts';

/**
 * Members of a pull of whom earlier pulls of the peer knew the same person under the same choice; none when no line of the
 * peer is known. pull_member_pkey, pull_peer.
 */
export async function steadyMembers(sql: Queryable, pullId: string, peerId: string): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    with now as (select member_id, peer_patient_id, policy from exchange.pull_member where pull_id = ${pullId} and outcome = 'matched'),
    past as materialized (
      select distinct m.member_id, m.peer_patient_id, m.policy from exchange.pull p join exchange.pull_member m on m.pull_id = p.id
      where p.peer_id = ${peerId} and p.state = 'done' and m.outcome = 'matched' and p.id <> ${pullId}
    )
    select distinct n.member_id as id from now n join past p using (member_id, peer_patient_id, policy)
    where not exists (select from past o where o.member_id = n.member_id and (o.policy <> n.policy or o.peer_patient_id <> n.peer_patient_id))
      and not exists (select from past o where o.peer_patient_id = n.peer_patient_id and o.member_id <> n.member_id)`;
  return rows.map((r) => r.id);
}

export type KnownLine = { number: number; type: string; sourceId: string; hash: string };

/** Stages lines that are as they were. Returns their numbers. Served by the primary key of the identity map. */
export async function stageKnown(
  sql: Queryable,
  pull: { id: string; peerId: string },
  file: number,
  lines: readonly KnownLine[],
  members: readonly string[],
  sharedTypes: readonly string[],
): Promise<number[]> {
  const rows = await sql<{ line: number }[]>`
    insert into exchange.staging (pull_id, file, line, entry, outcome, type, source_id, member_id, local_id, is_shared, hash, last_updated, findings)
    select ${pull.id}, ${file}, k.line, 0, 'unchanged', i.type, i.source_id, i.member_id, i.local_id, i.member_id is null, i.hash, i.last_updated, i.line_findings
    from unnest(${lines.map((l) => l.number)}::int[], ${lines.map((l) => l.type)}::text[], ${lines.map((l) => l.sourceId)}::text[], ${lines.map((l) => l.hash)}::text[]) as k(line, type, source_id, hash)
    join exchange.identity i on i.peer_id = ${pull.peerId} and i.type = k.type and i.source_id = k.source_id
    where i.state = 'visible' and i.line_hash = decode(k.hash, 'hex')
      and (i.member_id = any(${[...members]}::text[]) or (i.member_id is null and i.type = any(${[...sharedTypes]}::text[])))
    returning line`;
  return rows.map((r) => r.line);
}

/** What came unchanged in the open slice and was read in full is known the next time. Served by the primary keys. */
export async function keepLineHashes(tx: Queryable, peerId: string): Promise<void> {
  await tx`
    with s as materialized (
      select type, source_id, hash, line_hash, findings from pg_temp.slice
      where outcome = 'unchanged' and reason is null and line_hash is not null
    )
    update exchange.identity i set line_hash = s.line_hash, line_findings = array_remove(array_remove(s.findings, 'duplicate-id'), 'peer-rekey') from s
    where i.peer_id = ${peerId} and i.type = s.type and i.source_id = s.source_id and i.state = 'visible' and i.hash = s.hash
      and i.line_hash is distinct from s.line_hash`;
}

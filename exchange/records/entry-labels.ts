// How sensitive a payer says that a directory entry is which is here as an entry of somebody else. A payer never changes ours: what others say that
// names it stays as it is. What this payer says is as sensitive as its own copy.
import type { Queryable } from '../../src/db/database.ts';

const LABEL = (s: string) => `case when ${s}.outcome = 'shared' then coalesce(${s}.label, 0) else 0 end`;

/**
 * Of staged directory entries those whose copy is more or less sensitive than it was, where the payer may have named them before: `key` and
 * `was`, the entries of ours. identity_pkey, entry_label_pkey.
 * @param of table of staged units, as `s`
 * @param peer expression of the peer's id
 */
export const RELABELLED_COPIES = (of: string, where: string, peer: string): string => `
  select s.type || '/' || s.local_id as key, e.type || '/' || e.local_id as was
  from ${of} s left join lateral (select * from exchange.entry_label e where e.peer_id = ${peer} and e.type = s.type and e.source_id = s.source_id offset 0) e on true
  where ${where} and s.is_shared and s.has_body and s.type <> 'Provenance' and (${LABEL('s')} <> coalesce(e.label, 0) or e.local_id <> s.local_id)
    and exists (select from exchange.identity i where i.peer_id = ${peer} and i.type = s.type and i.source_id = s.source_id)`;

/**
 * Notes it of the open slice of a peer.
 * @returns entries of ours, `Type/id`, of which it is another than before, for what this peer named before
 */
export async function writeEntryLabels(tx: Queryable, peerId: string): Promise<string[]> {
  const DECIDED = `s.outcome in ('shared', 'created', 'updated')`;
  const changed = await tx.unsafe<{ key: string; was: string | null }[]>(
    RELABELLED_COPIES('pg_temp.slice', DECIDED, '$1'),
    [peerId],
  );
  await tx.unsafe(
    `delete from exchange.entry_label e using pg_temp.slice s
     where e.peer_id = $1 and e.type = s.type and e.source_id = s.source_id and s.is_shared and s.has_body and ${DECIDED} and ${LABEL('s')} = 0`,
    [peerId],
  );
  await tx.unsafe(
    `insert into exchange.entry_label (peer_id, type, source_id, local_id, label)
     select $1, s.type, s.source_id, s.local_id, s.label from pg_temp.slice s
     where s.is_shared and s.has_body and s.type <> 'Provenance' and s.outcome = 'shared' and s.label > 0
     on conflict (peer_id, type, source_id) do update set local_id = excluded.local_id, label = excluded.label`,
    [peerId],
  );
  return [...new Set(changed.flatMap((c) => (c.was === null ? [c.key] : [c.key, c.was])))];
}

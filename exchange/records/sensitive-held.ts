// Records that were held, by whichever check, and are sensitive beyond what the member chose: what refers to one would reveal
// it, and is as sensitive as it (inherit-labels.ts), though it is not here.
import type { Queryable } from '../../src/db/database.ts';
import { isBeyond } from './withdrawn.ts';

/**
 * Notes those of the open slice, and forgets those that came in after all. Before the records of the slice are written. One that was taken back where it
 * comes from stays noted, as one that is here and hidden stays sensitive. sensitive_quarantine_pkey.
 * @returns members of whom something was forgotten
 */
export async function writeSensitiveHeld(tx: Queryable, peerId: string): Promise<string[]> {
  const IS_IN = `outcome in ('created', 'updated', 'linked-duplicate', 'echo')`;
  const forgotten = await tx.unsafe<{ id: string }[]>(
    `delete from exchange.sensitive_quarantine h using pg_temp.slice s
     where s.${IS_IN} and not s.is_shared and h.member_id = s.member_id and h.peer_id = $1 and h.type = s.type and h.source_id = s.source_id
     returning h.member_id as id`,
    [peerId],
  );
  await tx.unsafe(
    `insert into exchange.sensitive_quarantine (member_id, peer_id, type, source_id, label)
     select s.member_id, $1, s.type, s.source_id, greatest(max(s.label), 1) from pg_temp.slice s
     where ${isBeyond('s')} and s.member_id is not null and s.source_id is not null
       and not exists (select from pg_temp.slice n where n.type = s.type and n.source_id = s.source_id and n.${IS_IN})
     group by s.member_id, s.type, s.source_id
     on conflict (member_id, peer_id, type, source_id) do update set label = excluded.label where exchange.sensitive_quarantine.label <> excluded.label`,
    [peerId],
  );
  return [...new Set(forgotten.map((f) => f.id))];
}

/** Members of the open slice of whom anything is held so, and of whom something came. sensitive_quarantine_pkey. */
export async function membersWithHeld(tx: Queryable): Promise<string[]> {
  const rows = await tx<{ id: string }[]>`
    select m.id from (
      select distinct member_id as id from pg_temp.slice
      where not is_shared and member_id is not null and outcome in ('created', 'updated', 'linked-duplicate', 'quarantined')) m
    where exists (select from exchange.sensitive_quarantine h where h.member_id = m.id)`;
  return rows.map((r) => r.id);
}

/** Those of a member go along when it goes on as another one. */
export const moveSensitiveHeld = (tx: Queryable, from: string, to: string): Promise<unknown> => tx`
  insert into exchange.sensitive_quarantine (member_id, peer_id, type, source_id, label)
  select ${to}, peer_id, type, source_id, label from exchange.sensitive_quarantine where member_id = ${from} on conflict do nothing`;

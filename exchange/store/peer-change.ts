// The history of a peer's record: who changed what, when, and what it was before.
import type { Queryable } from '../../src/store/database.ts';

export type PeerChange = {
  id: string;
  peerId: string;
  what: string;
  before: Record<string, unknown>;
  after: Record<string, unknown>;
  byKind: 'staff' | 'command' | 'system';
  by: string;
  at: Date;
  state: 'applied' | 'proposed' | 'rejected';
  decidedBy: string | null;
  decidedAt: Date | null;
};

export async function addPeerChange(
  tx: Queryable,
  c: Omit<PeerChange, 'id' | 'decidedBy' | 'decidedAt'>,
): Promise<void> {
  await tx`
    insert into exchange.peer_change (peer_id, what, before, after, by_kind, by, at, state)
    values (${c.peerId}, ${c.what}, ${JSON.stringify(c.before)}::text::jsonb, ${JSON.stringify(c.after)}::text::jsonb, ${c.byKind}, ${c.by}, ${c.at}, ${c.state})`;
}

/** Newest first. peer_change_peer. */
export async function peerChanges(sql: Queryable, peerId: string, limit: number): Promise<PeerChange[]> {
  return [
    ...(await sql<PeerChange[]>`
      select id::text, peer_id as "peerId", what, before, after, by_kind as "byKind", by, at, state, decided_by as "decidedBy", decided_at as "decidedAt"
      from exchange.peer_change where peer_id = ${peerId} order by peer_change.id desc limit ${limit}`),
  ];
}

/**
 * Keeps what a peer's key set holds now.
 * @returns the thumbprints before, when they were others; undefined when nothing changed or nothing was known
 */
export async function recordKeysSeen(
  tx: Queryable,
  peerId: string,
  thumbprints: readonly string[],
  now: Date,
): Promise<string[] | undefined> {
  const [row] = await tx<{ before: string[] | null }[]>`
    with old as (select id, keys_seen from exchange.peer where id = ${peerId} for update)
    update exchange.peer p set keys_seen = ${[...thumbprints]}::text[], keys_seen_at = ${now}
    from old where p.id = old.id and old.keys_seen is distinct from ${[...thumbprints]}::text[]
    returning to_jsonb(old.keys_seen) as before`;
  return row?.before ?? undefined;
}

// The history of a peer's record: who changed what, when, and what it was before.

import { and, asc, desc, eq, sql as expression } from 'drizzle-orm';
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { OPENS_NOTHING, opensNothing } from './registration.ts';
import { peer, peerChange } from './schema.ts';

export type PeerChange = Omit<typeof peerChange.$inferSelect, 'id'> & { id: string };
const written = (rows: readonly (typeof peerChange.$inferSelect)[]): PeerChange[] =>
  rows.map((row) => ({ ...row, id: String(row.id) }));
const changeOf = (peerId: string, id: string) => and(eq(peerChange.id, Number(id)), eq(peerChange.peerId, peerId));

export async function addPeerChange(
  tx: Queryable,
  c: Omit<PeerChange, 'id' | 'decidedBy' | 'decidedAt'>,
): Promise<void> {
  await orm(tx).insert(peerChange).values(c);
}

/** Newest first. peer_change_peer. */
export async function peerChanges(sql: Queryable, peerId: string, limit: number): Promise<PeerChange[]> {
  const rows = orm(sql).select().from(peerChange).where(eq(peerChange.peerId, peerId));
  return written(await rows.orderBy(desc(peerChange.id)).limit(limit));
}

/** Those that wait for a second person, the oldest first. peer_change_peer. */
export async function waitingChanges(sql: Queryable, peerId: string): Promise<PeerChange[]> {
  const isWaiting = and(eq(peerChange.peerId, peerId), eq(peerChange.state, 'proposed'));
  return written(await orm(sql).select().from(peerChange).where(isWaiting).orderBy(asc(peerChange.id)));
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

export async function findChange(tx: Queryable, peerId: string, id: string): Promise<PeerChange | undefined> {
  if (!/^\d{1,15}$/.test(id)) return undefined;
  return written(await orm(tx).select().from(peerChange).where(changeOf(peerId, id)).for('update'))[0];
}

export async function decideChange(
  tx: Queryable,
  id: string,
  state: 'applied' | 'rejected',
  by: string,
  at: Date,
): Promise<void> {
  await orm(tx)
    .update(peerChange)
    .set({ state, decidedBy: by, decidedAt: at })
    .where(eq(peerChange.id, Number(id)));
}

/**
 * Who registered, changed, suspended or otherwise moved the peer since it was last made active, or noted a standing attestation of
 * it, without another person deciding. peer_change_peer.
 */
export async function changedBy(tx: Queryable, peerId: string): Promise<string[]> {
  const rows = await tx<{ by: string }[]>`
    select distinct by from exchange.peer_change
    where peer_id = ${peerId} and state = 'applied' and decided_by is null
      and (what in ('registration', 'state') or (what = 'record' and after - ${[...OPENS_NOTHING]}::text[] <> '{}')
        or (what = 'document' and after->>'kind' = 'attestation'))
      and id > coalesce((select max(id) from exchange.peer_change where peer_id = ${peerId} and what = 'state'
        and after->>'state' = 'active'), 0)`;
  return rows.map((r) => r.by);
}

type Fields = {
  name?: string;
  npi?: string | null;
  postalAddress?: string | null;
  fhirBase?: string | null;
  clientIdThere?: string | null;
  clientIdHere?: string | null;
  jwksUrl?: string | null;
  jwks?: { keys: JsonWebKey[] } | null;
  scopes?: string[];
  fileOrigins?: string[];
  groupThere?: string | null;
  sendsAll?: boolean;
  audience?: 'token-url' | 'issuer';
  discoveryUrl?: string | null;
};
const COLUMN: Readonly<Record<keyof Fields, string>> = {
  name: 'name',
  npi: 'npi',
  postalAddress: 'postal_address',
  fhirBase: 'fhir_base',
  clientIdThere: 'client_id_there',
  clientIdHere: 'client_id_here',
  jwksUrl: 'jwks_url',
  jwks: 'jwks',
  scopes: 'scopes',
  fileOrigins: 'file_origins',
  groupThere: 'group_there',
  sendsAll: 'sends_all',
  audience: 'audience',
  discoveryUrl: 'discovery_url',
};
const CAST: Readonly<Partial<Record<keyof Fields, string>>> = {
  jwks: '::text::jsonb',
  scopes: '::text::text[]',
  fileOrigins: '::text::text[]',
  sendsAll: '::text::boolean',
};

/**
 * Writes fields of a peer's record and, unless they open nothing, raises its epoch: tokens given before are void, key sets are read again.
 * With another FHIR address what discovery had pinned is forgotten.
 * @returns false when the client id belongs to another peer
 */
export async function writePeerFields(tx: Queryable, id: string, fields: Fields): Promise<boolean> {
  const [taken] = await tx`
    select 1 from exchange.peer where client_id_here = ${fields.clientIdHere ?? null} and id <> ${id}`;
  if (taken) return false;
  const names = Object.keys(fields) as (keyof Fields)[];
  const sets = names.map((name, i) => {
    return `${COLUMN[name]} = $${i + 2}${CAST[name] ?? '::text'}`;
  });
  if (names.includes('fhirBase')) sets.push(`token_endpoint = null, issuer = null, origins = '{}'`);
  // how it is asked is found out again
  if (names.some((n) => n === 'fhirBase' || n === 'groupThere' || n === 'sendsAll'))
    sets.push(
      'abilities = null, abilities_at = null, takes = null, refuses_alone = 0, takes_at = null, failures = 0, paused_until = null',
    );
  if (names.includes('jwks') || names.includes('jwksUrl')) sets.push('keys_seen = null, keys_seen_at = null');
  const values = names.map((name) => {
    const value = fields[name];
    if (value === null || value === undefined) return null;
    return Array.isArray(value) ? arrayLiteral(value) : typeof value === 'string' ? value : JSON.stringify(value);
  });
  if (!opensNothing(fields)) sets.push('epoch = epoch + 1');
  await tx.unsafe(`update exchange.peer set ${sets.join(', ')} where id = $1`, [id, ...values]);
  return true;
}

export async function writeBlocked(tx: Queryable, id: string, kids: readonly string[]): Promise<void> {
  await orm(tx)
    .update(peer)
    .set({ blockedKids: [...kids], epoch: expression`${peer.epoch} + 1` })
    .where(eq(peer.id, id));
}

// The registry of peers: both halves of each, with who added and who approved it.

import { eq, lt } from 'drizzle-orm';
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { rawRows } from '../../src/db/raw-rows.ts';
import type { Abilities } from '../requester/client/abilities.ts';
import { usedAssertion } from '../responder/schema.ts';
import { peerCheck, peer as peers } from './schema.ts';

export type PeerState = 'pending' | 'active' | 'suspended' | 'closed';
export type Peer = {
  id: string;
  name: string;
  npi: string | null;
  state: PeerState;
  postalAddress: string | null;
  /** FHIR base of their exchange, pinned when approved */
  fhirBase: string | null;
  tokenEndpoint: string | null;
  issuer: string | null;
  /** our client id at their authorization server */
  clientIdThere: string | null;
  /** their client id at ours */
  clientIdHere: string | null;
  jwksUrl: string | null;
  jwks: { keys: JsonWebKey[] } | null;
  scopes: string[];
  /** origins that may receive our token */
  origins: string[];
  epoch: number;
  /** keys of theirs that staff have blocked */
  blockedKids: string[];
  /** thumbprints of their key set as it was last fetched */
  keysSeen: string[] | null;
  keysSeenAt: Date | null;
  /** further origins whose files may be fetched, never with our token */
  fileOrigins: string[];
  /** the Group that was agreed on with a peer that matches no one itself */
  groupThere: string | null;
  /** it may be asked for everybody our client may see, when it cannot be asked for some */
  sendsAll: boolean;
  /** what our assertions name as their audience */
  audience: 'token-url' | 'issuer';
  /** where it publishes its endpoints: base of davinci-configuration or payer-index */
  discoveryUrl: string | null;
  /** what it was found to speak */
  abilities: Abilities | null;
  abilitiesAt: Date | null;
  /** members in one request that it took since it first said that there were too many; null of one that never said so (peer-takes.ts) */
  takes: number | null;
  /** single members to which it has said so since it took any */
  refusesAlone: number;
  takesAt: Date | null;
  /** limits that differ from the usual ones (requester/client/limits.ts) */
  limits: Record<string, number>;
  /** failures in a row; since when, and the last one */
  failures: number;
  failingSince: Date | null;
  failure: string | null;
  /** not asked before this time */
  pausedUntil: Date | null;
  answeredAt: Date | null;
  addedBy: string;
  addedAt: Date;
  approvedBy: string | null;
  approvedAt: Date | null;
};

const COLUMNS = `id, name, npi, postal_address as "postalAddress", state, fhir_base as "fhirBase", token_endpoint as "tokenEndpoint", issuer, client_id_there as "clientIdThere",
  client_id_here as "clientIdHere", jwks_url as "jwksUrl", jwks, to_jsonb(scopes) as scopes, to_jsonb(origins) as origins, epoch, to_jsonb(blocked_kids) as "blockedKids", to_jsonb(keys_seen) as "keysSeen", keys_seen_at as "keysSeenAt",
  to_jsonb(file_origins) as "fileOrigins", group_there as "groupThere", sends_all as "sendsAll", audience, discovery_url as "discoveryUrl", abilities, abilities_at as "abilitiesAt", takes, refuses_alone as "refusesAlone", takes_at as "takesAt", limits,
  failures, failing_since as "failingSince", failure, paused_until as "pausedUntil", answered_at as "answeredAt", added_by as "addedBy", added_at as "addedAt",
  approved_by as "approvedBy", approved_at as "approvedAt"`;

export async function findPeer(sql: Queryable, id: string): Promise<Peer | undefined> {
  const [row] = await sql.unsafe<Peer[]>(`select ${COLUMNS} from exchange.peer where id = $1`, [id], { prepare: true });
  return row;
}

/** The same for a transaction that decides by it what it may change: others wait until this one has ended. */
export async function holdPeer(tx: Queryable, id: string): Promise<Peer | undefined> {
  const [row] = await tx.unsafe<Peer[]>(`select ${COLUMNS} from exchange.peer where id = $1 for no key update`, [id]);
  return row;
}

export async function findPeerByClient(sql: Queryable, clientId: string): Promise<Peer | undefined> {
  const [row] = await sql.unsafe<Peer[]>(`select ${COLUMNS} from exchange.peer where client_id_here = $1`, [clientId], {
    prepare: true,
  });
  return row;
}

/** Moves with every change of a peer's row. */
const VERSION = `xmin::text || ' ' || ctid::text as version`;

/**
 * Peers by their client ids, as they are now: of those that were read before, only whether they have changed is asked. One for
 * each service; it forgets no one, as there are few.
 */
export class KnownPeers {
  readonly #known = new Map<string, Versioned>();

  /** As it was when it was last read, which may be over. */
  remembered(clientId: string): Peer | undefined {
    return this.#known.get(clientId);
  }

  /** In the order of the ids. What is returned is what this question saw, whatever others remember meanwhile. */
  async find(sql: Queryable, clientIds: readonly string[]): Promise<(Peer | undefined)[]> {
    const seen = new Map<string, Versioned | undefined>(clientIds.map((id) => [id, this.#known.get(id)]));
    const known = [...seen].flatMap(([id, entry]) => (entry === undefined ? [] : [id]));
    if (known.length > 0) {
      // asked for one, as nearly always, the server keeps its plan; for a list it makes a new one each time
      const [only = ''] = known;
      const rows = await rawRows(
        sql,
        `select client_id_here as id, ${VERSION} from exchange.peer
          where client_id_here ${known.length === 1 ? '= $1' : '= any($1::text::text[])'}`,
        [known.length === 1 ? only : arrayLiteral(known)],
        { prepare: true, short: true },
      );
      const now = new Map(Array.from({ length: rows.length }, (_, row) => [rows.text(row, 0), rows.text(row, 1)]));
      for (const id of known) if (seen.get(id)?.version !== now.get(id)) seen.set(id, undefined);
    }
    const others = [...seen].flatMap(([id, entry]) => (entry === undefined ? [id] : []));
    if (others.length > 0) {
      const rows = await sql.unsafe<Versioned[]>(
        `select ${COLUMNS}, ${VERSION} from exchange.peer where client_id_here = any($1::text::text[])`,
        [arrayLiteral(others)],
        { prepare: true },
      );
      for (const row of rows) {
        if (row.clientIdHere === null) continue;
        seen.set(row.clientIdHere, row);
        this.#known.set(row.clientIdHere, row);
      }
    }
    return clientIds.map((id) => seen.get(id));
  }
}

type Versioned = Peer & { version: string };

export async function listPeers(sql: Queryable): Promise<Peer[]> {
  return [...(await sql.unsafe<Peer[]>(`select ${COLUMNS} from exchange.peer order by name, id`))];
}

export type NewPeer = Pick<Peer, 'id' | 'name'> &
  Partial<
    Pick<
      Peer,
      | 'npi'
      | 'postalAddress'
      | 'fhirBase'
      | 'clientIdThere'
      | 'clientIdHere'
      | 'jwksUrl'
      | 'jwks'
      | 'scopes'
      | 'fileOrigins'
      | 'groupThere'
      | 'sendsAll'
      | 'audience'
      | 'discoveryUrl'
    >
  >;

/** Adds a peer as pending. Returns false when the id or its client id is taken. */
export async function addPeer(sql: Queryable, peer: NewPeer, by: string, now: Date): Promise<boolean> {
  const { id, name, npi, postalAddress, fhirBase, clientIdThere, clientIdHere, jwksUrl, jwks, discoveryUrl } = peer;
  const { scopes = [], fileOrigins = [], groupThere, sendsAll = false, audience = 'token-url' } = peer;
  const identity = { id, name, npi, postalAddress, fhirBase, clientIdThere, clientIdHere, jwksUrl, jwks, discoveryUrl };
  const use = { scopes, fileOrigins, groupThere, sendsAll, audience };
  const added = await orm(sql)
    .insert(peers)
    .values({ ...identity, ...use, state: 'pending', addedBy: by, addedAt: now })
    .onConflictDoNothing()
    .returning({ id: peers.id });
  return added.length === 1;
}

/** Pins what discovery found. */
export async function pinPeer(
  sql: Queryable,
  id: string,
  found: { tokenEndpoint: string; issuer: string | undefined; origins: string[] },
): Promise<void> {
  const { tokenEndpoint, issuer = null, origins } = found;
  await orm(sql).update(peers).set({ tokenEndpoint, issuer, origins }).where(eq(peers.id, id));
}

/** Changes the state; every change raises the epoch, so tokens given before are void. */
export async function setPeerState(
  sql: Queryable,
  id: string,
  state: PeerState,
  by: string,
  now: Date,
): Promise<boolean> {
  const changed = await sql`
    update exchange.peer
    set state = ${state}, epoch = epoch + 1,
      approved_by = case when ${state} = 'active' and approved_by is null then ${by} else approved_by end,
      approved_at = case when ${state} = 'active' and approved_at is null then ${now} else approved_at end
    where id = ${id} and state <> ${state} returning id`;
  return changed.length === 1;
}

export async function recordCheck(
  sql: Queryable,
  peerId: string,
  at: Date,
  ok: boolean,
  facts: Record<string, unknown>,
): Promise<void> {
  await orm(sql).insert(peerCheck).values({ peerId, at, ok, facts });
}

/**
 * Marks an assertion as used. One statement, so it holds across processes.
 * @returns when it was used before, a replay; undefined when it is fresh
 */
export async function useAssertion(
  sql: Queryable,
  hashHex: string,
  expiresAt: Date,
  now: Date,
): Promise<Date | undefined> {
  const hash = Buffer.from(hashHex, 'hex');
  const fresh = await orm(sql)
    .insert(usedAssertion)
    .values({ hash, expiresAt, usedAt: now })
    .onConflictDoNothing()
    .returning({ usedAt: usedAssertion.usedAt });
  if (fresh.length === 1) return undefined;
  const [row] = await orm(sql)
    .select({ at: usedAssertion.usedAt })
    .from(usedAssertion)
    .where(eq(usedAssertion.hash, hash));
  return row?.at ?? now;
}

/** Forgets assertions that can no longer be valid. */
export async function forgetAssertions(sql: Queryable, now: Date): Promise<void> {
  await orm(sql)
    .delete(usedAssertion)
    .where(lt(usedAssertion.expiresAt, new Date(now.getTime() - 60_000)));
}

/**
 * Holds a peer's row until the transaction ends: what it starts is counted one after the other, and none of it begins after the peer was
 * suspended. peer_pkey.
 * @returns whether it is still active, under the epoch that it was let in by
 */
export async function lockPeer(tx: Queryable, peer: Pick<Peer, 'id' | 'epoch'>): Promise<boolean> {
  const [row] = await tx<{ isCurrent: boolean }[]>`
    select state = 'active' and epoch = ${peer.epoch} as "isCurrent" from exchange.peer where id = ${peer.id} for no key update`;
  return row?.isCurrent === true;
}

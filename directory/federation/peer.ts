// The registry of directories: peers, their history, and the lease of the process that harvests one.

import { and, asc, desc, eq, sql as expression, getColumns } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { enqueue } from './outbox.ts';
import type { Owner } from './payer-index-file.ts';
import { type Cursor, type PeerUrl, peer, peerEvent } from './schema.ts';

export type { Cursor, PeerUrl };

export type PeerState = 'on' | 'paused' | 'blocked';
export type Seed = 'manual' | 'payer-index' | 'medicaid-list' | 'endpoint';
export type Trust = 'authority' | 'payer' | 'aggregator' | 'unknown';
export type Publish = 'link' | 'search' | 'republish';

export type Peer = Omit<typeof peer.$inferSelect, 'leaseOwner' | 'leaseUntil'>;

const { leaseOwner, leaseUntil, ...columns } = getColumns(peer);

/** All peers by slug. peer_pkey. */
export async function listPeers(sql: Queryable): Promise<Peer[]> {
  return orm(sql).select(columns).from(peer).orderBy(asc(peer.slug));
}

/** Peers whose records may be handed on, and those whose records stay here. */
export async function among(sql: Queryable): Promise<{ republished: string[]; kept: string[] }> {
  const { slug, publish } = peer;
  const rows = await orm(sql).select({ slug, publish }).from(peer).orderBy(expression`${slug} collate "C"`);
  const of = (isRepublished: boolean) =>
    rows.filter((r) => (r.publish === 'republish') === isRepublished).map((r) => r.slug);
  return { republished: of(true), kept: of(false) };
}

/** peer_pkey. */
export async function findPeer(sql: Queryable, slug: string): Promise<Peer | undefined> {
  const [row] = await orm(sql).select(columns).from(peer).where(eq(peer.slug, slug));
  return row;
}

export type NewPeer = Pick<
  Peer,
  | 'slug'
  | 'name'
  | 'owners'
  | 'seed'
  | 'base'
  | 'urls'
  | 'trust'
  | 'publish'
  | 'perSecond'
  | 'ports'
  | 'unmarkedNpi'
  | 'contact'
  | 'state'
  | 'stateReason'
  | 'stateBy'
>;

/** @returns false when the slug or the base is taken. peer_pkey, peer_base_key. */
export async function insertPeer(sql: Queryable, p: NewPeer, at: Date): Promise<boolean> {
  const rows = await orm(sql)
    .insert(peer)
    .values({ ...p, stateAt: at, addedAt: at, nextDue: at })
    .onConflictDoNothing()
    .returning({ slug: peer.slug });
  return rows.length > 0;
}

/** Adds owners and addresses to a peer that is shared by several legal entities. peer_pkey. */
export async function addToPeer(
  sql: Queryable,
  slug: string,
  owners: readonly Owner[],
  urls: readonly PeerUrl[],
): Promise<void> {
  await orm(sql)
    .update(peer)
    .set({ owners: [...owners], urls: [...urls] })
    .where(eq(peer.slug, slug));
}

/** Writes what a person may change. `movedAt`: it is somewhere else, and everything about how it is read starts over. peer_pkey. */
export async function updatePeer(sql: Queryable, p: Peer, movedAt: Date | undefined): Promise<void> {
  const { name, trust, publish, terms, perSecond, windowFrom, windowTo, timeZone, contact, unmarkedNpi, ports, base } =
    p;
  const reading = { perSecond, windowFrom, windowTo, timeZone, unmarkedNpi, ports };
  const fields = { name, trust, publish, terms, contact, base, urls: p.urls, ...reading };
  const anew = movedAt === undefined ? {} : { cursor: {}, probedAt: null, failures: 0, nextDue: movedAt };
  await orm(sql)
    .update(peer)
    .set({ ...fields, ...anew })
    .where(eq(peer.slug, p.slug));
}

/** All its records go through the next merge once more. source_line */
export async function mergePeerAnew(sql: Queryable, slug: string): Promise<void> {
  await enqueue(sql, 'select rk from federation.source where peer = $1', [slug]);
}

/** Switches a peer on or off. peer_pkey. */
export async function setPeerState(
  sql: Queryable,
  slug: string,
  to: { state: PeerState; reason: string; by: string; at: Date },
): Promise<void> {
  await sql`update federation.peer set state = ${to.state}, state_reason = ${to.reason}, state_by = ${to.by}, state_at = ${to.at},
    failures = case when ${to.state} = 'on' then 0 else failures end where slug = ${slug}`;
}

/** What follows from a run: the cursor, the next time, how often it failed. peer_pkey. */
export async function setPeerRun(
  sql: Queryable,
  slug: string,
  to: { cursor: Cursor; nextDue: Date; failures: number },
): Promise<void> {
  await orm(sql).update(peer).set(to).where(eq(peer.slug, slug));
}

/** peer_pkey. */
export async function setNextDue(sql: Queryable, slug: string, at: Date): Promise<void> {
  await orm(sql).update(peer).set({ nextDue: at }).where(eq(peer.slug, slug));
}

/** peer_pkey. */
export async function setProbed(sql: Queryable, slug: string, at: Date): Promise<void> {
  await orm(sql).update(peer).set({ probedAt: at }).where(eq(peer.slug, slug));
}

export async function recordEvent(
  sql: Queryable,
  e: { peer: string; what: string; detail: string; by: string; at: Date },
): Promise<void> {
  await orm(sql).insert(peerEvent).values(e);
}

export type PeerEvent = Omit<typeof peerEvent.$inferSelect, 'id' | 'peer'>;

/** The newest first. peer_event_peer. */
export async function listEvents(sql: Queryable, slug: string, count = 100): Promise<PeerEvent[]> {
  const { what, detail, by, at } = peerEvent;
  const events = orm(sql).select({ what, detail, by, at }).from(peerEvent).where(eq(peerEvent.peer, slug));
  return events.orderBy(desc(peerEvent.id)).limit(count);
}

/** Takes or renews the lease of a peer. @returns false when another process has it */
export async function takePeerLease(
  sql: Queryable,
  slug: string,
  owner: string,
  now: Date,
  seconds: number,
): Promise<boolean> {
  const rows =
    await sql`update federation.peer set lease_owner = ${owner}, lease_until = ${new Date(now.getTime() + seconds * 1000)}
    where slug = ${slug} and (lease_owner is null or lease_owner = ${owner} or lease_until < ${now}) returning 1`;
  return rows.length > 0;
}

export async function leavePeerLease(sql: Queryable, slug: string, owner: string): Promise<void> {
  await orm(sql)
    .update(peer)
    .set({ leaseOwner: null, leaseUntil: null })
    .where(and(eq(peer.slug, slug), eq(leaseOwner, owner)));
}

/** A peer of these that is due and free, claimed by its lease in the same statement. */
export async function claimDuePeer(
  sql: Queryable,
  owner: string,
  now: Date,
  seconds: number,
  slugs: readonly string[],
): Promise<string | undefined> {
  const [row] = await sql<{ slug: string }[]>`
    update federation.peer set lease_owner = ${owner}, lease_until = ${new Date(now.getTime() + seconds * 1000)}
    where slug = (select slug from federation.peer where state = 'on' and next_due <= ${now} and slug = any(${[...slugs]}::text[])
      and (lease_owner is null or lease_until < ${now}) order by next_due limit 1 for update skip locked)
    returning slug`;
  return row?.slug;
}

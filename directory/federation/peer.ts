// The registry of directories: peers, their history, and the lease of the process that harvests one.
import type { Queryable } from '../../src/db/database.ts';
import type { UrlKind } from './classify-url.ts';
import { enqueue } from './outbox.ts';
import type { Owner } from './payer-index-file.ts';

export type PeerUrl = { kind: UrlKind | 'payer-to-payer'; url: string; found: string; note?: string };
export type PeerState = 'on' | 'paused' | 'blocked';
export type Seed = 'manual' | 'payer-index' | 'medicaid-list' | 'endpoint';
export type Trust = 'authority' | 'payer' | 'aggregator' | 'unknown';
export type Publish = 'link' | 'search' | 'republish';

export type Peer = {
  slug: string;
  name: string;
  owners: Owner[];
  seed: Seed;
  base: string | null;
  urls: PeerUrl[];
  trust: Trust;
  publish: Publish;
  terms: string;
  perSecond: number;
  windowFrom: string | null;
  windowTo: string | null;
  timeZone: string;
  contact: string;
  ports: number[];
  unmarkedNpi: boolean;
  state: PeerState;
  stateReason: string;
  stateBy: string;
  stateAt: Date;
  addedAt: Date;
  probedAt: Date | null;
  nextDue: Date | null;
  failures: number;
  cursor: Cursor;
};

/** Where increments go on. `types`: by type, the server's time up to which all is known, and when it was last whole. */
export type Cursor = {
  bulk?: { page: string; etag?: string | undefined; start: string } | undefined;
  /** of an index: validators of its files, by address */
  files?: Record<string, { etag?: string | undefined; modified?: string | undefined }> | undefined;
  index?: { hash?: string | undefined; polls?: number } | undefined;
  exported?: string | undefined;
  types?: Record<string, { since: string; wholeAt?: string | undefined }> | undefined;
};

const COLUMNS = `slug, name, owners, seed, base, urls, trust, publish, terms, per_second as "perSecond", window_from::text as "windowFrom",
  window_to::text as "windowTo", time_zone as "timeZone", contact, ports, unmarked_npi as "unmarkedNpi", state, state_reason as "stateReason",
  state_by as "stateBy", state_at as "stateAt", added_at as "addedAt", probed_at as "probedAt", next_due as "nextDue", failures, cursor`;

/** All peers by slug. peer_pkey. */
export async function listPeers(sql: Queryable): Promise<Peer[]> {
  return sql.unsafe<Peer[]>(`select ${COLUMNS} from federation.peer order by slug`);
}

/** Peers whose records may be handed on, and those whose records stay here. */
export async function among(sql: Queryable): Promise<{ republished: string[]; kept: string[] }> {
  const rows = await sql<
    { slug: string; publish: Publish }[]
  >`select slug, publish from federation.peer order by slug collate "C"`;
  const of = (isRepublished: boolean) =>
    rows.filter((r) => (r.publish === 'republish') === isRepublished).map((r) => r.slug);
  return { republished: of(true), kept: of(false) };
}

/** peer_pkey. */
export async function findPeer(sql: Queryable, slug: string): Promise<Peer | undefined> {
  const [row] = await sql.unsafe<Peer[]>(`select ${COLUMNS} from federation.peer where slug = $1`, [slug]);
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
  const rows = await sql`
    insert into federation.peer (slug, name, owners, seed, base, urls, trust, publish, per_second, ports, unmarked_npi, contact, state,
      state_reason, state_by, state_at, added_at, next_due)
    values (${p.slug}, ${p.name}, ${JSON.stringify(p.owners)}::text::jsonb, ${p.seed}, ${p.base}, ${JSON.stringify(p.urls)}::text::jsonb,
      ${p.trust}, ${p.publish}, ${p.perSecond}, ${p.ports}, ${p.unmarkedNpi}, ${p.contact}, ${p.state}, ${p.stateReason}, ${p.stateBy},
      ${at}, ${at}, ${at})
    on conflict do nothing returning 1`;
  return rows.length > 0;
}

/** Adds owners and addresses to a peer that is shared by several legal entities. peer_pkey. */
export async function addToPeer(
  sql: Queryable,
  slug: string,
  owners: readonly Owner[],
  urls: readonly PeerUrl[],
): Promise<void> {
  await sql`update federation.peer set owners = ${JSON.stringify(owners)}::text::jsonb, urls = ${JSON.stringify(urls)}::text::jsonb
    where slug = ${slug}`;
}

/** Writes what a person may change. `movedAt`: it is somewhere else, and everything about how it is read starts over. peer_pkey. */
export async function updatePeer(sql: Queryable, p: Peer, movedAt: Date | undefined): Promise<void> {
  await sql`update federation.peer set name = ${p.name}, trust = ${p.trust}, publish = ${p.publish}, terms = ${p.terms},
    per_second = ${p.perSecond}, window_from = ${p.windowFrom}, window_to = ${p.windowTo}, time_zone = ${p.timeZone},
    contact = ${p.contact}, unmarked_npi = ${p.unmarkedNpi}, ports = ${p.ports}, base = ${p.base},
    urls = ${JSON.stringify(p.urls)}::text::jsonb where slug = ${p.slug}`;
  if (movedAt)
    await sql`update federation.peer set cursor = '{}', probed_at = null, failures = 0, next_due = ${movedAt} where slug = ${p.slug}`;
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
  await sql`update federation.peer set cursor = ${JSON.stringify(to.cursor)}::text::jsonb, next_due = ${to.nextDue},
    failures = ${to.failures} where slug = ${slug}`;
}

/** peer_pkey. */
export async function setNextDue(sql: Queryable, slug: string, at: Date): Promise<void> {
  await sql`update federation.peer set next_due = ${at} where slug = ${slug}`;
}

/** peer_pkey. */
export async function setProbed(sql: Queryable, slug: string, at: Date): Promise<void> {
  await sql`update federation.peer set probed_at = ${at} where slug = ${slug}`;
}

export async function recordEvent(
  sql: Queryable,
  e: { peer: string; what: string; detail: string; by: string; at: Date },
): Promise<void> {
  await sql`insert into federation.peer_event (peer, what, detail, by, at) values (${e.peer}, ${e.what}, ${e.detail}, ${e.by}, ${e.at})`;
}

export type PeerEvent = { what: string; detail: string; by: string; at: Date };

/** The newest first. peer_event_peer. */
export async function listEvents(sql: Queryable, slug: string, count = 100): Promise<PeerEvent[]> {
  return sql<
    PeerEvent[]
  >`select what, detail, by, at from federation.peer_event where peer = ${slug} order by id desc limit ${count}`;
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
  await sql`update federation.peer set lease_owner = null, lease_until = null where slug = ${slug} and lease_owner = ${owner}`;
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

// Keeping the registry: who is added, who is switched off, and why. Every change is an event with its author.

import type { Database } from '../../src/db/database.ts';
import type { Deps } from '../../src/deps.ts';
import { DIRECTORY_PATH } from '../app.ts';
import { baseKey, type ClassifiedUrl, classifyUrl } from './classify-url.ts';
import { hasOwnPrefix } from './merge-rows.ts';
import type { Owner, Seeded } from './payer-index-file.ts';
import {
  addToPeer,
  findPeer,
  insertPeer,
  listPeers,
  type Peer,
  type PeerState,
  type PeerUrl,
  type Publish,
  recordEvent,
  type Seed,
  setPeerState,
  type Trust,
} from './peer.ts';

const SLUG = /^[a-z0-9]{2,12}$/;
export type RegistryDeps = { config: Deps['config']; clock: Deps['clock']; database: Database };

export type AddPeer = {
  slug: string;
  name: string;
  url: string;
  seed?: Seed;
  owners?: Owner[];
  trust?: Trust;
  publish?: Publish;
  perSecond?: number;
  ports?: number[];
  unmarkedNpi?: boolean;
  contact?: string;
  state?: PeerState;
  found?: string;
  /** further addresses */
  urls?: PeerUrl[];
};
export type Added = { ok: true; url: ClassifiedUrl } | { ok: false; fault: string };

/** Kinds from which records can be had. */
export const HARVESTED: ReadonlySet<string> = new Set(['fhir-base', 'bulk-manifest', 'mpf-index']);

/** Registers one peer by hand or from a file. */
export async function addPeer(deps: RegistryDeps, given: AddPeer, by: string): Promise<Added> {
  if (!SLUG.test(given.slug))
    return { ok: false, fault: `"${given.slug}" is no slug: 2 to 12 lower-case letters and digits.` };
  const url = classifyUrl(given.url, portsFor(given, deps.config));
  if (!HARVESTED.has(url.kind))
    return { ok: false, fault: `${given.url} cannot be harvested: ${url.kind}${url.note ? ` (${url.note})` : ''}.` };
  const base = baseOf(url);
  if (base !== null && isOurs(base, deps.config.baseUrl)) return { ok: false, fault: 'That is our own directory.' };
  if (await hasOwnPrefix(deps.database.sql, given.slug))
    return { ok: false, fault: `Records of our own have ids that begin with "${given.slug}.": choose another slug.` };
  const at = deps.clock();
  const first: PeerUrl = {
    kind: url.kind,
    url: url.url,
    found: given.found ?? 'manual',
    ...(url.note ? { note: url.note } : {}),
  };
  const state = given.state ?? 'on';
  const done = await deps.database.sql.begin(async (tx) => {
    const inserted = await insertPeer(
      tx,
      {
        slug: given.slug,
        name: given.name,
        owners: given.owners ?? [{ name: given.name, identifiers: [] }],
        seed: given.seed ?? 'manual',
        base,
        urls: [first, ...(given.urls ?? [])],
        trust: given.trust ?? 'payer',
        publish: given.publish ?? 'search',
        perSecond: given.perSecond ?? 1,
        ports: portsFor(given, deps.config),
        unmarkedNpi: given.unmarkedNpi ?? false,
        contact: given.contact ?? '',
        state,
        stateReason: state === 'on' ? '' : 'not yet released',
        stateBy: by,
      },
      at,
    );
    if (inserted) await recordEvent(tx, { peer: given.slug, what: 'added', detail: url.url, by, at });
    return inserted;
  });
  return done
    ? { ok: true, url }
    : { ok: false, fault: `There is a peer "${given.slug}" already, or one with this address.` };
}

/** A port that a person names in the address of a peer is allowed by that; one that a file names is not. */
function portsFor(given: AddPeer, config: Deps['config']): number[] {
  const port = URL.canParse(given.url) ? Number(new URL(given.url).port) : 0;
  const loopback = config.sandbox || config.peerAllowedNetworks.length > 0;
  return [...new Set([...(given.ports ?? []), ...(port !== 0 && given.seed === undefined && loopback ? [port] : [])])];
}

/** The FHIR base of an address, when it names one. */
export function baseOf(url: ClassifiedUrl): string | null {
  if (url.kind === 'fhir-base') return url.url;
  const m = /^(.*)\/\$bulk-publish$/i.exec(url.url);
  return m?.[1] ?? null;
}

/** Does this base lead to us, whatever its scheme? */
export function isOurs(base: string, ourUrl: string): boolean {
  const key = baseKey(base);
  return [DIRECTORY_PATH, '/directory/all/fhir'].some((path) => key === baseKey(`${ourUrl}${path}`));
}

/** Switches a peer; the kill switch is `blocked`. @returns false when there is no such peer */
export async function switchPeer(
  deps: RegistryDeps,
  slug: string,
  state: PeerState,
  reason: string,
  by: string,
): Promise<boolean> {
  const peer = await findPeer(deps.database.sql, slug);
  if (!peer) return false;
  const at = deps.clock();
  await deps.database.sql.begin(async (tx) => {
    await setPeerState(tx, slug, { state, reason, by, at });
    await recordEvent(tx, { peer: slug, what: state, detail: reason, by, at });
  });
  return true;
}

export type Imported = { added: string[]; joined: string[]; kept: { name: string; url: string; kind: string }[] };

/**
 * Takes payers from a file. New peers are paused until a person releases them: a file may not make us call anyone. A base
 * that several legal entities share is one peer with several owners.
 */
export async function importSeeded(
  deps: RegistryDeps,
  seeded: readonly Seeded[],
  seed: Exclude<Seed, 'manual'>,
  by: string,
): Promise<Imported> {
  const result: Imported = { added: [], joined: [], kept: [] };
  for (const { owner, endpoints } of seeded) {
    const urls: PeerUrl[] = endpoints
      .filter((e) => e.family !== 'other')
      .map((e) => {
        const c = classifyUrl(e.url);
        const kind =
          e.family === 'payer-to-payer'
            ? ('payer-to-payer' as const)
            : e.family === 'bulk' && c.kind === 'fhir-base'
              ? ('bulk-manifest' as const)
              : c.kind;
        return { kind, url: c.url, found: `${seed}: ${e.key}`, ...(c.note ? { note: c.note } : {}) };
      });
    const usable = urls.filter((u) => HARVESTED.has(u.kind));
    for (const u of urls) if (!HARVESTED.has(u.kind)) result.kept.push({ name: owner.name, url: u.url, kind: u.kind });
    for (const first of usable) await importOne(deps, owner, first, urls, seed, by, result);
    if (usable.length === 0) await joinOwner(deps, owner, urls, result);
  }
  return result;
}

/** The other half of a payer whose directory is known: its owner wears the same identifier. */
async function joinOwner(deps: RegistryDeps, owner: Owner, urls: PeerUrl[], result: Imported): Promise<void> {
  const halves = urls.filter((u) => u.kind === 'payer-to-payer');
  if (halves.length === 0) return;
  const has = (o: Owner) =>
    o.identifiers.some((i) => owner.identifiers.some((j) => i.system === j.system && i.value === j.value));
  const peer = (await listPeers(deps.database.sql)).find((p) => p.owners.some(has));
  if (!peer) return;
  await addToPeer(deps.database.sql, peer.slug, peer.owners, withUrls(peer.urls, halves));
  result.joined.push(peer.slug);
}

async function importOne(
  deps: RegistryDeps,
  owner: Owner,
  first: PeerUrl,
  urls: PeerUrl[],
  seed: Exclude<Seed, 'manual'>,
  by: string,
  result: Imported,
): Promise<void> {
  const peers = await listPeers(deps.database.sql);
  const shared = peers.find((p) => p.urls.some((u) => baseKey(u.url) === baseKey(first.url)));
  if (shared) {
    if (!shared.owners.some((o) => o.name === owner.name))
      await addToPeer(deps.database.sql, shared.slug, [...shared.owners, owner], withUrls(shared.urls, urls));
    result.joined.push(shared.slug);
    return;
  }
  const slug = freeSlug(owner.name, new Set(peers.map((p) => p.slug)));
  const others = urls.filter((u) => u !== first);
  const added = await addPeer(
    deps,
    {
      slug,
      name: owner.name,
      url: first.url,
      seed,
      owners: [owner],
      state: 'paused',
      found: first.found,
      urls: others,
    },
    by,
  );
  if (added.ok) result.added.push(slug);
  else result.kept.push({ name: owner.name, url: first.url, kind: added.fault });
}

function withUrls(known: readonly PeerUrl[], more: readonly PeerUrl[]): PeerUrl[] {
  const keys = new Set(known.map((u) => `${u.kind} ${u.url}`));
  return [...known, ...more.filter((u) => !keys.has(`${u.kind} ${u.url}`))];
}

/** A slug out of a name: its words, shortened until it is free. */
export function freeSlug(name: string, taken: ReadonlySet<string>): string {
  const letters = name
    .normalize('NFD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '');
  const stem = (letters.length < 2 ? `peer${letters}` : letters).slice(0, 12);
  if (!taken.has(stem)) return stem;
  for (let n = 2; ; n++) {
    const end = String(n);
    const slug = stem.slice(0, 12 - end.length) + end;
    if (!taken.has(slug)) return slug;
  }
}

export type { Peer };

// Changing an entry of the registry: terms, pace, hours, addresses. Every change is an event with its author; what it means for the
// records that are known already is done by the next merge.
import { baseKey, classifyUrl } from './classify-url.ts';
import {
  findPeer,
  listPeers,
  mergePeerAnew,
  type Peer,
  type PeerUrl,
  type Publish,
  recordEvent,
  type Trust,
  updatePeer,
} from './peer.ts';
import { baseOf, HARVESTED, isOurs, type RegistryDeps } from './registry.ts';

export const TRUSTS: readonly Trust[] = ['payer', 'authority', 'aggregator', 'unknown'];
export const PUBLISH: readonly Publish[] = ['search', 'republish', 'link'];

/** What may be changed, as a person writes it. Absent: as it is. */
export type PeerChange = Partial<{
  name: string;
  trust: string;
  publish: string;
  terms: string;
  /** requests a second */
  rate: string;
  /** hours in which it is asked, `HH:MM-HH:MM` of its own time; `any`; empty for one to five at night */
  window: string;
  timeZone: string;
  contact: string;
  /** `on` or `off` */
  unmarkedNpi: string;
  /** a port beside 443 that its addresses may have */
  allowPort: string;
  /** a further address: where its pages or files lie now, or another half of it */
  addUrl: string;
  /** its directory is somewhere else from now on */
  moveTo: string;
}>;

export type Changed = { ok: true; changes: string[] } | { ok: false; fault: string };

/** @returns what changed in words, or why nothing did */
export async function changePeer(deps: RegistryDeps, slug: string, given: PeerChange, by: string): Promise<Changed> {
  const { sql } = deps.database;
  const peer = await findPeer(sql, slug);
  if (!peer) return { ok: false, fault: 'There is no such directory.' };
  const next: Peer = { ...peer };
  for (const [key, value] of Object.entries(given) as [keyof PeerChange, string | undefined][]) {
    if (value === undefined) continue;
    const applied = APPLY[key](next, value.trim(), deps);
    if (typeof applied === 'string') return { ok: false, fault: applied };
    Object.assign(next, applied);
  }
  if (next.base !== peer.base) {
    const taken = (await listPeers(sql)).find((p) => p.slug !== slug && p.base !== null && p.base === next.base);
    if (taken) return { ok: false, fault: `That is the address of ${taken.name} (${taken.slug}).` };
  }
  const changes = differences(peer, next);
  if (changes.length === 0) return { ok: true, changes };
  const at = deps.clock();
  const moved = given.moveTo !== undefined && changes.some((c) => c.startsWith('addresses') || c.startsWith('base'));
  await sql.begin(async (tx) => {
    await updatePeer(tx, next, moved ? at : undefined);
    if (showsOtherwise(peer, next)) await mergePeerAnew(tx, slug);
    await recordEvent(tx, { peer: slug, what: moved ? 'moved' : 'changed', detail: changes.join('; '), by, at });
  });
  return { ok: true, changes };
}

/** Would its records be shown otherwise? What is handed on is looked at when it is published. */
const showsOtherwise = (before: Peer, after: Peer): boolean =>
  (before.publish === 'link') !== (after.publish === 'link') ||
  before.unmarkedNpi !== after.unmarkedNpi ||
  before.base !== after.base ||
  !same(before.urls, after.urls);

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Takes one change into the entry, or tells why not. */
const APPLY: Record<keyof PeerChange, (p: Peer, value: string, deps: RegistryDeps) => Partial<Peer> | string> = {
  name: (_, v) => (v === '' ? 'A name is not empty.' : { name: v }),
  trust(_, v) {
    const trust = TRUSTS.find((t) => t === v);
    return trust ? { trust } : `Trust is one of ${TRUSTS.join(', ')}.`;
  },
  publish(_, v) {
    const publish = PUBLISH.find((t) => t === v);
    return publish ? { publish } : `What may be shown is one of ${PUBLISH.join(', ')}.`;
  },
  terms: (_, v) => ({ terms: v }),
  rate(_, v) {
    const rate = Number(v);
    return rate > 0 && rate <= 10_000 ? { perSecond: rate } : 'The rate is requests a second, more than 0.';
  },
  window(_, v) {
    const [, from, to] = /^((?:[01]\d|2[0-3]):[0-5]\d)\s*-\s*((?:[01]\d|2[0-3]):[0-5]\d)$/.exec(v) ?? [];
    if (v !== '' && v !== 'any' && (from === undefined || to === undefined))
      return 'The hours are HH:MM-HH:MM, or any.';
    // the same hour twice is the whole day (work.ts)
    return {
      windowFrom: v === '' ? null : `${from ?? '00:00'}:00`,
      windowTo: v === '' ? null : `${to ?? '00:00'}:00`,
    };
  },
  timeZone(_, v) {
    try {
      new Intl.DateTimeFormat('en-US', { timeZone: v });
    } catch {
      return `"${v}" is no time zone: for example America/Chicago.`;
    }
    return { timeZone: v };
  },
  contact: (_, v) => ({ contact: v }),
  unmarkedNpi: (_, v) => (v === 'on' || v === 'off' ? { unmarkedNpi: v === 'on' } : 'Unmarked NPIs are on or off.'),
  allowPort(p, v) {
    const port = Number(v);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return `"${v}" is no port.`;
    return { ports: [...new Set([...p.ports, port])].sort((a, b) => a - b) };
  },
  addUrl(p, v) {
    const url = classifyUrl(v, p.ports);
    if (url.kind === 'not-a-url') return `"${v}" is no address.`;
    if (p.urls.some((u) => u.kind === url.kind && baseKey(u.url) === baseKey(url.url))) return {};
    return { urls: [...p.urls, entry(url)] };
  },
  moveTo(p, v, deps) {
    const url = classifyUrl(v, p.ports);
    if (!HARVESTED.has(url.kind)) return `${v} cannot be harvested: ${url.kind}${url.note ? ` (${url.note})` : ''}.`;
    const base = baseOf(url);
    if (base !== null && isOurs(base, deps.config.baseUrl)) return 'That is our own directory.';
    // references may still name the former base; its former manifest or index is asked no more
    const kept = p.urls.filter(
      (u) => !HARVESTED.has(u.kind) || (u.kind === 'fhir-base' && baseKey(u.url) !== baseKey(url.url)),
    );
    return { urls: [entry(url), ...kept], base };
  },
};

const entry = (url: ReturnType<typeof classifyUrl>): PeerUrl => ({
  kind: url.kind,
  url: url.url,
  found: 'manual',
  ...(url.note ? { note: url.note } : {}),
});

const LABELS: Partial<Record<keyof Peer, string>> = {
  name: 'name',
  trust: 'trust',
  publish: 'what may be shown',
  terms: 'terms of use',
  perSecond: 'requests a second',
  windowFrom: 'hours from',
  windowTo: 'hours to',
  timeZone: 'time zone',
  contact: 'contact',
  unmarkedNpi: 'unmarked NPIs',
  ports: 'ports',
  base: 'base',
  urls: 'addresses',
};

function differences(before: Peer, after: Peer): string[] {
  const text = (v: unknown): string =>
    Array.isArray(v)
      ? v.map((x) => (typeof x === 'object' && x !== null && 'url' in x ? String(x.url) : String(x))).join(' ') ||
        'none'
      : v === null || v === ''
        ? 'none'
        : String(v as string | number | boolean);
  return (Object.keys(LABELS) as (keyof Peer)[])
    .filter((k) => !same(before[k], after[k]))
    .map((k) => `${LABELS[k] ?? k}: ${text(before[k])} → ${text(after[k])}`);
}

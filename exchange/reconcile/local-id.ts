// Ids of received records: the same peer, type and source id give the same local id, on any node.
import { hash } from 'node:crypto';
import { PROJECT_NAMESPACE } from '../responder/export/transmitter.ts';

/** The namespace as the sixteen characters that its bytes are. */
const NAMESPACE = Buffer.from(PROJECT_NAMESPACE.replaceAll('-', ''), 'hex').toString('latin1');
const VARIANT = '89ab';

/** UUIDv5 over `peer|type|sourceId`. `peer` is the registry id: addresses change. */
export function localId(peerId: string, type: string, sourceId: string): string {
  // latin1: what is named is ASCII, and so are the bytes
  const h = hash('sha1', Buffer.from(`${NAMESPACE}${peerId}|${type}|${sourceId}`, 'latin1'), 'hex');
  const variant = VARIANT[Number.parseInt(h[16] ?? '0', 16) & 3];
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-5${h.slice(13, 16)}-${variant}${h.slice(17, 20)}-${h.slice(20, 32)}`;
}

/** Ids that are asked for again and again: records refer to the same visits, clinicians and coverages. */
const MOST_REMEMBERED = 8192;
const remembered = new Map<string, string>();
let rememberedOf = '';

/**
 * The same, of what records refer to: remembered for a while, for one peer at a time.
 * @param key `Type/id` there
 */
export function referredId(peerId: string, key: string): string {
  if (rememberedOf !== peerId || remembered.size >= MOST_REMEMBERED) {
    remembered.clear();
    rememberedOf = peerId;
  }
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const slash = key.indexOf('/');
  const [type, sourceId] = [key.slice(0, slash), key.slice(slash + 1)];
  const id = localId(peerId, type, sourceId);
  // put together anew: what is cut out of a line keeps the whole line
  remembered.set(`${type}/${sourceId}`, id);
  return id;
}

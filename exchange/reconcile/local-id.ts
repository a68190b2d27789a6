// Ids of received records: the same peer, type and source id give the same local id, on any node.
import { hash } from 'node:crypto';
import { PROJECT_NAMESPACE } from '../export/transmitter.ts';

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

/** The same, of what records refer to: remembered for a while. */
export function referredId(peerId: string, type: string, sourceId: string): string {
  const key = `${peerId}|${type}|${sourceId}`;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  if (remembered.size >= MOST_REMEMBERED) remembered.clear();
  const id = localId(peerId, type, sourceId);
  remembered.set(key, id);
  return id;
}

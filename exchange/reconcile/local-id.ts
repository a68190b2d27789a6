// Ids of received records: the same peer, type and source id give the same local id, on any node.
import { v5 } from 'uuid';
import { PROJECT_NAMESPACE } from '../export/transmitter.ts';

/** UUIDv5 over `peer|type|sourceId`. `peer` is the registry id: addresses change. */
export function localId(peerId: string, type: string, sourceId: string): string {
  return v5(`${peerId}|${type}|${sourceId}`, PROJECT_NAMESPACE);
}

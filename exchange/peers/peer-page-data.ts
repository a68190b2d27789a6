// One peer as the staff pages show it.

export { findPeer, type Peer } from './peer.ts';
export { type PeerChange, peerChanges } from './peer-change.ts';
export {
  DOCUMENT_KINDS,
  type DocumentKind,
  type NewDocument,
  type PeerDocument,
  peerDocuments,
} from './peer-document.ts';
export { type VolumeDay, volumeDays } from './peer-volume.ts';

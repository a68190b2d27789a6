// One peer as the staff pages show it.

export { findPeer, type Peer } from '../store/peers/peer.ts';
export { type PeerChange, peerChanges } from '../store/peers/peer-change.ts';
export {
  DOCUMENT_KINDS,
  type DocumentKind,
  type NewDocument,
  type PeerDocument,
  peerDocuments,
} from '../store/peers/peer-document.ts';
export { type VolumeDay, volumeDays } from '../store/peers/peer-volume.ts';

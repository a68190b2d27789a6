// One peer as the staff pages show it.
export { findPeer, type Peer } from '../store/peer.ts';
export { type PeerChange, peerChanges } from '../store/peer-change.ts';
export {
  DOCUMENT_KINDS,
  type DocumentKind,
  type NewDocument,
  type PeerDocument,
  peerDocuments,
} from '../store/peer-document.ts';

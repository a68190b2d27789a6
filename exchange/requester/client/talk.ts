// What every request to a peer needs: who asks whom, with which tokens, and where its faults are noted.
import type { Deps } from '../../../src/deps.ts';
import type { Peer } from '../../peers/peer.ts';
import type { PeerFaultCode } from '../../reconcile/peer-faults.ts';
import { type Limits, limitsOf } from './limits.ts';

/** Where access tokens come from (token.ts). */
export type Tokens = {
  get(talk: Talk): Promise<string>;
  drop(peerId: string, token: string): void;
  /** what the token that is had may do: as the peer says it, else as it was asked for; none without a token */
  scopes(peerId: string): readonly string[];
};

export type Talk = { deps: Deps; tokens: Tokens; peer: Peer; limits: Limits; note: (fault: PeerFaultCode) => void };

export function talkTo(deps: Deps, tokens: Tokens, peer: Peer, note: Talk['note'] = () => {}): Talk {
  return { deps, tokens, peer, limits: limitsOf(peer.limits), note };
}

// Ledger rows of a pull under a filter, with members by key.
import type { Deps } from '../../../src/deps.ts';
import { memberKeys } from '../../members/member-key.ts';
import { memberOfKey } from '../../members/member-page-data.ts';
import { findPeer } from '../../peers/peer.ts';
import { findPull } from '../pull.ts';
import { countLines, type LedgerLine, type Place, pageLines } from './line-rows.ts';

export type { Place };
export type LinesFilter = {
  outcome?: string | undefined;
  type?: string | undefined;
  reason?: string | undefined;
  file?: number | undefined;
  finding?: string | undefined;
  /** a member's key */
  member?: string | undefined;
};
export type LinesPage = {
  pullId: string;
  peerName: string;
  lines: (LedgerLine & { memberKey: string | null })[];
  /** how many rows the filter leaves in all */
  total: number;
};

/** A page of rows; undefined when there is no such pull. A key that no member of the pull has leaves no rows. */
export async function ledgerLines(
  deps: Pick<Deps, 'database' | 'keys'>,
  pullId: string,
  filter: LinesFilter,
  limit: number,
  after?: Place,
): Promise<LinesPage | undefined> {
  const { sql } = deps.database;
  const pull = await findPull(sql, pullId);
  if (!pull) return undefined;
  const peerName = (await findPeer(sql, pull.peerId))?.name ?? pull.peerId;
  const { member, ...rest } = filter;
  const memberId = member === undefined ? undefined : await memberOfKey(deps, pullId, member);
  if (member !== undefined && memberId === undefined) return { pullId, peerName, lines: [], total: 0 };
  const [lines, total, keyOf] = await Promise.all([
    pageLines(sql, pullId, { ...rest, memberId }, limit, after),
    countLines(sql, pullId, { ...rest, memberId }),
    memberKeys(deps),
  ]);
  return {
    pullId,
    peerName,
    lines: lines.map((l) => ({ ...l, memberKey: l.memberId === null ? null : keyOf(l.memberId) })),
    total,
  };
}

// One coverage elsewhere that was stated under two names of its payer (its name and its NPI) before the payer was
// registered: it is one from then on, and one duty.

import { eq } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { settleWithdrawn } from '../deadlines/member-deadlines.ts';
import { memberRequest } from '../schema.ts';
import { nameInError } from './payer-link-event.ts';

type Stated = {
  id: string;
  memberId: string;
  payer: string;
  memberNumber: string;
  starts: string | null;
  ends: string | null;
  fileStarts: string | null;
  fileEnds: string | null;
};
type Days = Pick<Stated, 'starts' | 'ends' | 'fileStarts' | 'fileEnds'>;

/** What is stated later, of days that it says; the end of a coverage before one that begins later is none of that. Pure. */
const withLater = (a: Days, b: Days): Days => ({
  starts: b.starts ?? a.starts,
  ends: b.starts !== null && a.ends !== null && b.starts > a.ends ? b.ends : (b.ends ?? a.ends),
  fileStarts: b.fileStarts ?? a.fileStarts,
  fileEnds: b.fileEnds ?? a.fileEnds,
});

/**
 * Coverages of one payer under one number that a member has more than one of, in the order in which they were stated.
 * Reads other_coverage whole: once, when a peer is added.
 */
const statedTwice = async (tx: Queryable, peerId: string): Promise<Stated[]> => [
  ...(await tx<Stated[]>`
    select o.id, o.member_id as "memberId", o.payer, o.member_number as "memberNumber", o.starts::text, o.ends::text,
      o.file_starts::text as "fileStarts", o.file_ends::text as "fileEnds"
    from exchange.other_coverage o
    join (select member_id, member_number from exchange.other_coverage where peer_id = ${peerId} and in_error_at is null
      group by 1, 2 having count(*) > 1) t using (member_id, member_number)
    where o.peer_id = ${peerId} and o.in_error_at is null
      order by o.member_id, o.member_number, coalesce(o.ends_known_at, o.known_at), o.known_at, o.id for update of o`),
];

/**
 * Links other coverage that named a payer before it was registered. Where two names turn out to be one payer, the
 * coverage that was stated first stays, with the days that were stated and what was wished of the others; the others
 * stand as taken back, and their duties as ones that never were. Returns how many were linked.
 */
export async function linkOtherCoverage(
  tx: Queryable,
  peer: { id: string; npi: string | null; name: string },
  at: Date,
): Promise<number> {
  const linked = await tx`
    update exchange.other_coverage set peer_id = ${peer.id}
    where peer_id is null and (payer = ${peer.id} or payer = ${peer.npi} or lower(payer) = lower(${peer.name})) returning 1`;
  if (linked.length === 0) return 0;
  const groups = Map.groupBy(await statedTwice(tx, peer.id), (t) => JSON.stringify([t.memberId, t.memberNumber]));
  for (const stated of groups.values()) await foldOne(tx, stated, at);
  await settleWithdrawn(tx, at, [...new Set([...groups.values()].flatMap(([first]) => first?.memberId ?? []))]);
  return linked.length;
}

async function foldOne(tx: Queryable, stated: readonly Stated[], at: Date): Promise<void> {
  const [first, ...others] = stated;
  if (first === undefined) return;
  const { starts, ends, fileStarts, fileEnds } = others.reduce<Days>(withLater, first);
  await tx`
    update exchange.other_coverage set starts = ${starts}::text::date, ends = ${ends}::text::date, file_starts = ${fileStarts}::text::date,
      file_ends = ${fileEnds}::text::date,
      ends_known_at = case when ends is distinct from ${ends}::text::date then ${at} else ends_known_at end
    where id = ${first.id}`;
  for (const other of others) {
    await orm(tx)
      .update(memberRequest)
      .set({ otherCoverageId: first.id })
      .where(eq(memberRequest.otherCoverageId, other.id));
    const reason = `one coverage with that of “${first.payer}”: two names of one payer`;
    await nameInError(tx, other.memberId, { otherCoverageId: other.id, at, reason, by: 'registry' });
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: 'system',
        actor: 'registry',
        action: 'payer-in-error',
        object: `other-coverage/${other.id}`,
        memberId: other.memberId,
      }),
    ]);
  }
}

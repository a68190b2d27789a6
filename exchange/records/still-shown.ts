// Records that stay shown as they are although today's rules say otherwise, as what brought them is no longer kept.
import type { Queryable } from '../../src/db/database.ts';

/**
 * Notes it with a pull. Once.
 * @param why what today's rules say of the record, and how it stays
 */
export async function noteStillShown(
  tx: Queryable,
  pullId: string,
  r: { type: string; sourceId: string; memberId: string; localId: string },
  why: string,
): Promise<void> {
  await tx`
    insert into exchange.finding (pull_id, kind, type, source_id, member_id, local_id, detail)
    select ${pullId}, 'identity-doubt', ${r.type}, ${r.sourceId}, ${r.memberId}, ${r.localId}, ${why}
    where not exists (select from exchange.finding f where f.pull_id = ${pullId} and f.kind = 'identity-doubt' and f.type = ${r.type} and f.source_id = ${r.sourceId})`;
}

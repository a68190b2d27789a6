// Jobs of ours at a peer that are no longer needed: they are deleted there once the pull has ended.
import type { Queryable } from '../../src/db/database.ts';

export type ToRelease = { id: string; peerId: string; matchStatusUrl: string | null; exportStatusUrl: string | null };

/**
 * Takes pulls that ended and whose jobs were not released; each is taken once. Files that records name may go with the job: it stays as
 * long as one is to be fetched. Served by pull_unreleased, attachment_pull.
 */
export async function takeUnreleased(sql: Queryable, now: Date, only?: string): Promise<ToRelease[]> {
  return [
    ...(await sql<ToRelease[]>`
      update exchange.pull set released_at = ${now} where id in (
        select id from exchange.pull
        where released_at is null and state in ('done', 'review', 'refused', 'failed', 'withdrawn')
          and not exists (select from exchange.attachment a where a.pull_id = pull.id and a.state = 'due')
          and (${only ?? null}::text is null or id = ${only ?? null})
        for update skip locked limit 100)
      returning id, peer_id as "peerId", match_status_url as "matchStatusUrl", export_status_url as "exportStatusUrl"`),
  ];
}

// Bulk matches that failed for good, and those that the same payer asked for since.
import type { Queryable } from '../../../src/db/database.ts';

export type AskedMatch = { id: string; bodyKey: string };

/**
 * Those of a payer that came before an instant, are failed and still owed, with their request. bulk_job_peer; clock by
 * its unique index.
 */
export async function owedMatches(sql: Queryable, peerId: string, before: Date): Promise<AskedMatch[]> {
  return [
    ...(await sql<AskedMatch[]>`
      select f.id, f.body_key as "bodyKey" from exchange.bulk_job f join exchange.deadline c on c.kind = 'C3-match' and c.subject = f.id
      where f.peer_id = ${peerId} and f.kind = 'match' and f.state = 'failed' and f.body_key is not null and f.received_at < ${before}
        and c.state in ('open', 'attempted', 'blocked')
      order by f.received_at, f.id`),
  ];
}

/** Those that the payer asked for after another one and that are answered, the newest first. bulk_job_peer. */
export async function answeredAfter(sql: Queryable, id: string): Promise<AskedMatch[]> {
  return [
    ...(await sql<AskedMatch[]>`
      select j.id, j.body_key as "bodyKey" from exchange.bulk_job f join exchange.bulk_job j on j.peer_id = f.peer_id
        and j.received_at > f.received_at
      where f.id = ${id} and j.kind = 'match' and j.transaction_time is not null and j.body_key is not null
      order by j.received_at desc, j.id`),
  ];
}

// Since when a peer may lack records that were withheld from it because no one had decided them by the rules of a newer
// program, or was not informed of directory entries that are gone, as a program that knew nothing of `entry_held`
// answered it beside a newer one.
import type { Queryable } from '../../../src/db/database.ts';
import type { BulkJob } from '../bulk-job.ts';

/** Older than all that changed: who never had everything lacks it from here. */
const EVER = '1900-01-01T00:00:00.000Z';
const HID = (j: string) => `coalesce((${j}.counts ->> 'withheld-unclassified')::int, 0) > 0`;
const UNTOLD = (j: string) => `not ${j}.reports_entries and ${j}.parameters ? 'since'`;
const FROM = `coalesce((h.parameters ->> 'since')::timestamptz, '${EVER}')`;

/**
 * The time after which an export for changes looks: `_since`, or an earlier one, when an answer to the peer before it
 * left something out and nothing that was complete has made up for it: one that looked back by this very rule.
 * Undefined when everything is asked for. bulk_job_peer.
 */
export async function lackedSince(
  sql: Queryable,
  job: Pick<BulkJob, 'id' | 'peerId' | 'groupId' | 'parameters'>,
): Promise<string | undefined> {
  const since = job.parameters['since'];
  if (typeof since !== 'string') return undefined;
  const [row] = await sql.unsafe<{ from: Date | null }[]>(
    `select min(${FROM}) as from from exchange.bulk_job h
     where h.peer_id = $1 and h.kind = 'export' and h.id <> $2 and h.transaction_time is not null and (${HID('h')} or ${UNTOLD('h')})
       and (h.group_id is not distinct from $3::text or h.group_id is null or $3::text is null) and ${FROM} < $4::timestamptz
       and not exists (
         select from exchange.bulk_job j where j.peer_id = h.peer_id and j.kind = 'export' and j.transaction_time > h.transaction_time
           -- an answer with everything names nothing that is gone
           and not ${HID('j')} and j.reports_entries and (j.parameters ? 'since' or not (${UNTOLD('h')}))
             and (j.group_id is not distinct from h.group_id or j.group_id is null)
           and j.transaction_time <= $4::timestamptz
           and (j.parameters -> 'types') @> (h.parameters -> 'types') and not j.parameters ?| '{patients,filters,until}'::text[])`,
    [job.peerId, job.id, job.groupId, since],
  );
  const from = row?.from;
  return from === null || from === undefined ? since : from.toISOString();
}

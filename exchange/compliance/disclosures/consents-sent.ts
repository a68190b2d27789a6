// Consents that came with requests for a match, as they were sent, by the ids under which disclosures name them.

import type { Queryable } from '../../../src/db/database.ts';
import type { JsonObject } from '../../../src/fhir/resource.ts';

/** `match/JOB/POSITION` and `member-match/ID`; those that are not kept are left out. match_member_pkey, match_single_pkey. */
export async function consentsSent(sql: Queryable, ids: readonly string[]): Promise<Map<string, JsonObject>> {
  const asked = ids.map((id) => id.split('/'));
  const batches = asked.filter(([kind, , place]) => kind === 'match' && /^\d{1,9}$/.test(place ?? ''));
  const singles = asked.filter(([kind]) => kind === 'member-match').map(([, id = '']) => id);
  const rows = await sql<{ id: string; consent: JsonObject | null }[]>`
    select 'match/' || m.job_id || '/' || m.position as id, m.consent
      from unnest(${batches.map(([, job = '']) => job)}::text[], ${batches.map(([, , place]) => Number(place))}::int[]) as w(job, place)
      join exchange.match_member m on m.job_id = w.job and m.position = w.place
    union all
    select 'member-match/' || m.id, coalesce(m.sent::jsonb->'consent', m.consent) from exchange.match_single m
      where m.id = any(${singles}::text[])`;
  return new Map(rows.flatMap((r) => (r.consent === null ? [] : [[r.id, r.consent] as const])));
}

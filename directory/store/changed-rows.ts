// What a publication holds, as queries for COPY: everything, or what differs from an earlier one.
import { TYPE_IDS } from '../../src/fhir/search/types.ts';

const time = (at: Date) => `'${at.toISOString()}'::timestamptz`;
const ALL = Object.values(TYPE_IDS).join(', ');

/** Columns: type number as text, body. */
export const FULL_ROWS = 'select type::text, body from directory.resource where not deleted';

/**
 * Resources that are other than they were at an instant: type number, body (null: deleted since), key. A resource that was
 * changed and changed back is none of them. resource_last_updated, resource_deleted, history_pkey.
 */
export function changedRows(since: Date): string {
  const before = (r: string) => `lateral (select h.deleted, h.content_hash from directory.history h
    where h.rk = ${r}.rk and h.last_updated <= ${time(since)} order by h.version desc limit 1) p`;
  return `
    select r.type::text, r.body, r.key from directory.resource r left join ${before('r')} on true
    where r.type in (${ALL}) and not r.deleted and r.last_updated > ${time(since)}
      and (p.deleted is null or p.deleted or p.content_hash is distinct from r.content_hash)
    union all
    select r.type::text, null, r.key from directory.resource r join ${before('r')} on not p.deleted
    where r.type in (${ALL}) and r.deleted and r.last_updated > ${time(since)}`;
}

// Records that are shown although today's rules say that they are somebody else's: what a pull brought again, or another
// version of it; whether the one that is shown is somebody else's too is seen when it is read anew. So are orders that were
// taken in before the Medication by which they are sensitive, of members who chose `#regular`.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { DRUG_TYPES } from './facts/drug.ts';
import { heldItem, isReleasedVersion } from './released-version.ts';

/** Where it stood when it was taken in, if that is still kept. `isSame`: it is shown as it came now. `isNewer`: another version of it came. */
export type ShownWrong = {
  type: string;
  sourceId: string;
  memberId: string;
  localId: string;
  isSame: boolean;
  isNewer: boolean;
} & (
  | { pullId: string; file: number; line: number; entry: number }
  | { pullId: null; file: null; line: null; entry: null }
);

/**
 * Few units are held as somebody else's, and few Medications are sensitive: they come first, then the primary keys of identity and resource,
 * ledger_member and the primary key of pull_file.
 */
export async function shownWrong(sql: Queryable, work: { id: string; peerId: string }): Promise<ShownWrong[]> {
  return [
    ...(await sql<ShownWrong[]>`
      with wrong as materialized (
        select type, source_id, array_agg(hash) as hashes from exchange.staging where pull_id = ${work.id} and outcome = 'quarantined' and reason in ('wrong-patient', 'contained-person') group by type, source_id
      ), shown as materialized (
        select i.type, i.source_id, i.member_id, i.local_id, i.hash = any(w.hashes) as is_same, not (i.hash = any(w.hashes)) as is_newer from wrong w
        join exchange.identity i on i.peer_id = ${work.peerId} and i.type = w.type and i.source_id = w.source_id and i.state = 'visible'
        where i.member_id is not null
        union all
        select r.type, r.source_id, r.member_id, r.id, false, false
        from (select distinct 'Medication/' || local_id as key from exchange.staging
          where pull_id = ${work.id} and type = 'Medication' and is_shared and label > 0 and local_id is not null and outcome in ('created', 'updated', 'shared')) d
        cross join (select distinct member_id from exchange.pull_member where pull_id = ${work.id} and outcome = 'matched' and policy <> 'sensitive') m
        join exchange.resource r on r.member_id = m.member_id and r.type = any(${arrayLiteral(DRUG_TYPES)}::text::text[]) and r.origin = ${work.peerId} and not r.deleted and d.key = any(r.links)
        -- what a person took in stays as it is
        where not ${sql.unsafe(isReleasedVersion(heldItem('r.origin', 'r.type', 'r.source_id'), 'r.hash'))}
      )
      select distinct on (s.type, s.source_id) s.type, s.source_id as "sourceId", s.member_id as "memberId", s.local_id as "localId", coalesce(s.is_same, false) as "isSame", coalesce(s.is_newer, false) as "isNewer", l.pull_id as "pullId", l.file, l.line, l.entry
      from shown s
      left join (
        exchange.ledger l join exchange.pull p on p.id = l.pull_id join exchange.pull_file f on f.pull_id = l.pull_id and f.position = l.file and f.blob_key is not null
      ) on l.member_id = s.member_id and l.type = s.type and l.local_id = s.local_id and l.source_id = s.source_id
        and l.pull_id <> ${work.id} and l.outcome not in ('quarantined', 'rejected')
      order by s.type, s.source_id, p.created_at desc, l.file desc, l.line desc`),
  ];
}

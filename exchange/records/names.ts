// The numbers by which a payer has called a record, where it numbered its records anew (renumbered.ts): the newest one tells whether the record is there, former
// ones say nothing of it. Which is the newest one follows what the payer tells: it may go back to numbers of before.
import type { Queryable } from '../../src/db/database.ts';
import type { Decided } from './decided.ts';
import { laterAnswers } from './told-later.ts';

/** Another number of the record that identity `i` leads to. identity_names. */
const other = (i: string, n: string) =>
  `${n}.peer_id = ${i}.peer_id and ${n}.type = ${i}.type and ${n}.local_id = ${i}.local_id and ${n}.source_id <> ${i}.source_id and ${n}.is_newest is not null and ${n}.state = 'visible'`;

/** Is identity `i` what its payer called a record before, and the record there by its newest number? That this one is gone says nothing of it. identity_names. */
export const isFormer = `(i.is_newest is false and exists (select from exchange.identity n where ${other('i', 'n')} and n.is_newest))`;

/** Is the record of identity `i` there by another number? identity_names. */
export const isThereOtherwise = `(i.is_newest is not null and exists (select from exchange.identity n where ${other('i', 'n')}))`;

/**
 * Is unit `s` another record that a payer gave a former number to? It has other content than what had that number, which the payer calls otherwise in the same answer. Where it
 * does not, it went back to that number (followNames), and what is read again from an earlier answer is none. identity_names.
 * @param work placeholders of a work and its pull
 */
export const isAnother = (work: string, pull: string) =>
  `(${work}::text = ${pull}::text and s.has_body and s.targets is null and i.hash is distinct from s.hash and ${isFormer})`;
/** What such a record is called here: its number is taken. */
export const ANOTHER_ID = `md5(concat_ws('|', i.peer_id, i.type, i.source_id, i.local_id))::uuid::text`;

/**
 * Numbers of before that this answer tells, and of the record no newer one: the payer went back to them. Reads what the pull tells only of payers that numbered their records
 * anew. Not of an answer that was overtaken by a later one, nor of what is read again. identity_names, staging_key.
 * @param known a known line, staged as a row
 */
export async function followNames(tx: Queryable, work: Decided, known: (s: string) => string): Promise<void> {
  if (work.id !== work.pull) return;
  const [any] =
    await tx`select from exchange.identity where peer_id = ${work.peerId} and is_newest is not null limit 1`;
  if (any === undefined || (await laterAnswers(tx, work)).length > 0) return;
  await tx.unsafe(
    `with name as materialized (
       -- by grouping: of how much there is the planner knows nothing, and a join would go through all for each
       select type, source_id, max(local_id) as local_id, bool_or(is_newest) as is_newest, bool_or(is_told) as is_told from (
         select type, source_id, local_id, is_newest, false as is_told from exchange.identity where peer_id = $2 and is_newest is not null
         union all
         select type, source_id, null, null, true from exchange.staging s
         where pull_id = $1 and source_id is not null and (has_body or ${known('s')}) and reason is distinct from 'entered-in-error'
           and reason is distinct from 'duplicate-in-job' and outcome is distinct from 'rejected'
         union all
         select b.type, u, null, null, true from exchange.staging_block b cross join unnest(b.source_ids) u where b.pull_id = $1
       ) n group by type, source_id having max(local_id) is not null
     ), back as materialized (
       select type, local_id, max(source_id) filter (where is_told) as source_id from name
       group by type, local_id having bool_or(is_told) and not bool_or(is_told and is_newest)
     )
     update exchange.identity i set is_newest = i.source_id = b.source_id from back b
     where i.peer_id = $2 and i.is_newest is not null and i.type = b.type and i.local_id = b.local_id`,
    [work.id, work.peerId],
  );
}

/**
 * What the open slice tells of numbers, when the identity map is written: a record that was numbered anew has former ones, the one that it came by first too; one that is gone by its newest number
 * is gone by all, and one that is told in another version by one of them is that by all: what is told by another one is compared with it. Primary keys, identity_names.
 */
export async function writeNames(tx: Queryable, peerId: string, by: string): Promise<void> {
  await tx`
    update exchange.identity i set is_newest = false from pg_temp.slice s join exchange.resource r on r.member_id = s.member_id and r.type = s.type and r.id = s.local_id
    where 'peer-rekey' = any(s.findings) and i.peer_id = ${peerId} and i.type = s.type and i.local_id = s.local_id and i.source_id = r.source_id and i.source_id <> s.source_id`;
  await tx`
    update exchange.identity i set is_newest = false from pg_temp.slice s
    where 'peer-rekey' = any(s.findings) and i.peer_id = ${peerId} and i.type = s.type and i.local_id = s.local_id and i.is_newest and i.source_id <> s.source_id`;
  await tx`
    update exchange.identity i set state = 'retracted', last_pull = ${by} from pg_temp.slice s
    where s.outcome = 'retracted' and i.peer_id = ${peerId} and i.type = s.type and i.local_id = s.local_id and i.source_id <> s.source_id and i.is_newest is not null and i.state = 'visible'`;
  await tx`
    update exchange.identity i set hash = s.hash, last_updated = coalesce(s.last_updated, i.last_updated), line_hash = null from pg_temp.slice s
    where s.outcome = 'updated' and i.peer_id = ${peerId} and i.type = s.type and i.local_id = s.local_id and i.source_id <> s.source_id and i.is_newest is not null and i.state <> 'quarantined' and i.hash is distinct from s.hash`;
}

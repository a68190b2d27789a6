// Statements about records (Provenance) that we hold already: each payer that passes records on passes on what was said of them, and payers who ask each
// other would hand that round for ever, each time as one more.
import type { Queryable } from '../../../src/store/database.ts';
import type { Decided } from './decided.ts';
import { EVERYTHING, type Range } from './slice.ts';

/**
 * A new statement is an echo where others with the same substance are held of the member, by whomever they came, and these are about all that it is
 * about: the same records, or those that are told to be copies of one with them (rule `source`). What is not here is left out of that; of what came with it only what is one of
 * these counts. By the primary keys of resource, identity and link; staging_bucket, staging_key.
 */
export async function statementEchoes(
  tx: Queryable,
  work: Pick<Decided, 'id' | 'peerId'>,
  of: Pick<Range, 'first' | 'last'> = EVERYTHING,
): Promise<void> {
  await tx.unsafe(
    `with unit as materialized (
       select file, line, entry, member_id, local_id, substance, targets from exchange.staging
       where pull_id = $1 and bucket between $2 and $3 and type = 'Provenance' and outcome = 'created' and reason is null and not booked and not is_shared and member_id is not null
     ), held as materialized (
       select m.member_id, r.id, r.substance, r.targets from (select distinct member_id from unit) m
       cross join lateral (select x.id, x.substance, x.targets from exchange.resource x
         where x.member_id = m.member_id and x.type = 'Provenance' and not x.deleted and x.targets is not null offset 0) r
       where r.substance in (select substance from unit)
     ), told as materialized (
       select h.member_id, h.substance, h.id, t.key from held h cross join unnest(h.targets) t(key)
     ), about as materialized (
       select u.file, u.line, u.entry, u.member_id, u.substance, k.type || '/' || coalesce(x.local_id, i.local_id) as key
       from (select * from unit u where exists (select from held h where h.member_id = u.member_id and h.substance = u.substance and h.id <> u.local_id)) u
       cross join unnest(u.targets) t(key)
       cross join lateral (select split_part(t.key, '/', 1) as type, split_part(t.key, '/', 2) as source_id offset 0) k
       left join lateral (
         select s.local_id from exchange.staging s where s.pull_id = $1 and s.type = k.type and s.source_id = k.source_id and s.local_id is not null
           and s.outcome in ('created', 'updated', 'linked-duplicate', 'unchanged', 'echo', 'shared') and s.reason is distinct from 'duplicate-in-job' limit 1) x on true
       left join exchange.identity i on i.peer_id = $4 and i.type = k.type and i.source_id = k.source_id and i.state in ('visible', 'echo') and x.local_id is null
       where k.type not in ('Patient', 'Bundle') and coalesce(x.local_id, i.local_id) is not null
     ), linked as materialized (
       select l.member_id, l.type, l.a_id, l.b_id from (select distinct member_id from about) m cross join lateral (
         select * from exchange.link x where x.member_id = m.member_id and x.b_type is null and x.state = 'confirmed' and x.rule = 'source' offset 0) l
     ), known as materialized (
       select member_id, substance, key from told
       union
       select t.member_id, t.substance, l.other from told t join (
         select member_id, type || '/' || a_id as key, type || '/' || b_id as other from linked
         union all
         select member_id, type || '/' || b_id, type || '/' || a_id from linked) l using (member_id, key)
     ), covered as (
       select file, line, entry, member_id, substance from about group by 1, 2, 3, 4, 5
       having bool_and((member_id, substance, key) in (select member_id, substance, key from known))
     )
     update exchange.staging s set outcome = 'echo', made_id = coalesce(s.made_id, s.local_id), local_id = e.id
     from (
       select c.file, c.line, c.entry, min(h.id) as id from covered c join held h on h.member_id = c.member_id and h.substance = c.substance group by 1, 2, 3
     ) e
     where s.pull_id = $1 and s.file = e.file and s.line = e.line and s.entry = e.entry`,
    [work.id, of.first, of.last, work.peerId],
  );
}

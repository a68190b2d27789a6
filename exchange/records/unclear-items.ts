// Authorizations that may have been denied, and no review action says so: they leave to nobody, and a person is asked about each. A
// record that says what was decided, is taken back, or is judged otherwise asks no more.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { ITEM_KINDS } from '../review/kinds.ts';

const OURS = 'own-unclear-pa';
const THEIRS = 'unclear-pa';
const TYPE = 'ExplanationOfBenefit';
/** One of each record, whosever it is: it goes with the record, where two members become one. */
const ID = (id: string): string => `md5('unclear|' || ${id})`;

/** `of`: rows of member_id, id, pull_id, file, line, entry: records that were written. $1 instant. resource_pkey, review_item_pkey. */
async function follow(tx: Queryable, of: string, at: string, values: readonly string[]): Promise<void> {
  const given = [at, ...values];
  await tx.unsafe(
    `update exchange.review_item v set state = 'gone' from (${of}) u
     where v.id = ${ID('u.id')} and v.member_id = u.member_id and v.state <> 'gone' and $1::text is not null
       and not exists (select from exchange.resource r where r.member_id = u.member_id and r.type = '${TYPE}' and r.id = u.id and not r.deleted and r.pa_state = 'unclear')`,
    given,
  );
  await tx.unsafe(
    `insert into exchange.review_item as v (id, member_id, kind, weight, type, b_type, b_id, b_hash, peer_id, pull_id, file, line, entry, rule, opened_at)
     select distinct on (1) ${ID('r.id')}, r.member_id, k.kind, k.weight, '${TYPE}', '${TYPE}', r.id, r.hash, k.peer_id, u.pull_id, u.file, u.line, u.entry, 'unclear', $1::text::timestamptz
     from (${of}) u
     join exchange.resource r on r.member_id = u.member_id and r.type = '${TYPE}' and r.id = u.id and not r.deleted and r.pa_state = 'unclear'
     cross join lateral (
       select case when r.origin = 'own' then '${OURS}' else '${THEIRS}' end as kind, case when r.origin = 'own' then '' else r.origin end as peer_id,
         case when r.origin = 'own' then ${ITEM_KINDS[OURS]?.weight ?? 1} else ${ITEM_KINDS[THEIRS]?.weight ?? 1} end::smallint as weight) k
     order by 1, u.file desc nulls last, u.line desc
     on conflict (id) do update set member_id = excluded.member_id, b_hash = excluded.b_hash, peer_id = excluded.peer_id, pull_id = excluded.pull_id, file = excluded.file, line = excluded.line, entry = excluded.entry,
       state = 'open', decision = null, opened_at = excluded.opened_at, reopened = v.reopened + 1
       where v.b_hash is distinct from excluded.b_hash or v.member_id <> excluded.member_id or v.state = 'gone'`,
    given,
  );
}

/** Of the records of the open slice that were written or taken back. @param pull that brought them; null of an import */
export const askUnclear = (tx: Queryable, pull: string | null, at: string): Promise<void> =>
  follow(
    tx,
    `select s.member_id, s.local_id as id, $2::text as pull_id, case when $2::text is null then null else s.file end as file,
       case when $2::text is null then null else s.line end as line, case when $2::text is null then null else s.entry end as entry
     from pg_temp.slice s where s.type = '${TYPE}' and s.member_id is not null and s.outcome in ('created', 'updated', 'linked-duplicate', 'retracted')`,
    at,
    [pull as string],
  );

/** Of all authorizations of some members, which were judged anew. resource_authorization. */
export const askUnclearOf = (tx: Queryable, memberIds: readonly string[], at: string): Promise<void> =>
  follow(
    tx,
    `select r.member_id, r.id, null::text as pull_id, null::integer as file, null::integer as line, null::integer as entry
     from exchange.resource r where r.member_id = any($2::text::text[]) and r.type = '${TYPE}' and r.pa_state is not null`,
    at,
    [arrayLiteral(memberIds)],
  );

/** They go with records that became another member's, as they were decided: the same record in other words. review_item_member, resource_pkey. */
export async function moveUnclear(tx: Queryable, from: string, to: string): Promise<void> {
  await tx`
    update exchange.review_item v set member_id = ${to}, b_hash = r.hash
    from exchange.resource r
    where v.member_id = ${from} and v.rule = 'unclear' and r.member_id = ${to} and r.type = ${TYPE} and r.id = v.b_id and not r.deleted`;
}

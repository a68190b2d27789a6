// Claims that name another person's claim as a version of themselves: whose of the two such a claim is cannot be told, so both are held,
// in whatever pulls of a payer they come. A number that the claim's own person has as well is no contradiction. What one payer says never
// holds what another one sent.
import type { Queryable } from '../../src/db/database.ts';
import { heldItem, isReleasedVersion } from './released-version.ts';

const TYPE = 'ExplanationOfBenefit';

/** What a number is known by beside the payer that sent it: claims of one insurer and type. As the migration that filled them has it. */
const numberOf = (insurer: string, type: string, value: string) =>
  `hashtextextended(concat_ws('|', ${insurer}, ${type}, ${value}), 0)`;
const INSURER = `coalesce(s.claim->>'insurerId', s.claim->>'insurer', '')`;

/** A person has to say whose it is, and has not. By the primary key of review_item. */
const isWaiting = (i: string) => `(${i}.state = 'quarantined' and exists (
  select from exchange.review_item v where v.id = ${heldItem(`${i}.peer_id`, `${i}.type`, `${i}.source_id`)} and v.kind = 'patient-change' and v.state = 'open'))`;

/**
 * Of the payer $2, found by its number alone: as long as the identities of a payer's first pulls are not counted, the planner takes all of them
 * for one and reads them all for each number.
 */
const ofNumber = (i: string) => `${i}.peer_id || '' = $2 and ${i}.type || '' = '${TYPE}'`;

/** Others that stand for all of a number, beside the last of them: no report tells of more. */
const MOST_TOLD = 5;

/**
 * Those of a set who stand for all who have the same number of the same system (scope `=system`, '' when it says none), and for all of any
 * (`*`): the first few and the last by member, those of the work and those from before apart. Where there are two members, two of them are
 * of two members: everybody else finds somebody of another member there. Without it a number that thousands have and thousands name (an `N/A`)
 * would make a pair of each with each.
 */
const someOf = (set: string) => `
      select * from (
        select s.*, x.scope, row_number() over (partition by s.number, x.scope, s.file is null order by s.member_id, s.source_id, s.file, s.line, s.entry) as place,
          row_number() over (partition by s.number, x.scope, s.file is null order by s.member_id desc, s.source_id desc) as back
        from ${set} s cross join lateral (values (coalesce('=' || s.system, '')), ('*')) x(scope)) s
      where place <= ${MOST_TOLD} or back = 1`;

/** Scopes of those that say the same of where a number is from, as far as both say something. */
const scopesOf = (r: string) =>
  `(select '*' as scope where ${r}.system is null union all select unnest(array['', '=' || ${r}.system]) where ${r}.system is not null) x`;

const sidesOf = (a: string, b: string) =>
  `${a}.file, ${a}.line, ${a}.entry, ${a}.source_id as a_id, ${a}.value, ${b}.file as b_file, ${b}.line as b_line, ${b}.entry as b_entry, ${b}.source_id as b_id, ${b}.value as b_value`;

/**
 * Units of a work that are held so. Few claims name others: they come first, then identity_claim_number and claim_name_pkey for each
 * number, and the primary keys.
 * @param isOpen of a unit `s`: it is judged here
 */
export async function strayVersions(
  tx: Queryable,
  work: { id: string; peerId: string },
  isOpen: string,
): Promise<void> {
  await tx`delete from exchange.cross_member_claim where pull_id = ${work.id}`;
  await tx.unsafe(
    `with claim as materialized (
      select file, line, entry, member_id, source_id, claim->'numbers' as numbers, (claim->'prior') || (claim->'next') as names, claim->>'type' as type, ${INSURER} as insurer
      from exchange.staging s
      where pull_id = $1 and ${isOpen} and type = '${TYPE}' and member_id is not null and claim->>'use' = 'claim'
    ), named as materialized (
      select c.file, c.line, c.entry, c.member_id, c.source_id, n->>'value' as value, n->>'system' as system, ${numberOf('c.insurer', 'c.type', `n->>'value'`)} as number
      from claim c cross join jsonb_array_elements(c.names) n where jsonb_array_length(c.names) > 0
    ), own as materialized (
      select c.file, c.line, c.entry, c.member_id, c.source_id, n->>'value' as value, n->>'system' as system, x.number
      from claim c cross join jsonb_array_elements(c.numbers) n cross join lateral (select ${numberOf('c.insurer', 'c.type', `n->>'value'`)} as number) x
      where x.number in (select number from named) or x.number in (select number from exchange.claim_name where peer_id = $2 and names)
    ), held as materialized (
      -- claims that came before, under numbers that are named now; one that is shown says of what system its number is
      select n.number, i.member_id, i.source_id, i.state, x.system
      from (select number, min(value) as value from named group by number) n
      cross join lateral (
        select i.member_id, i.source_id, i.state, i.local_id, null::text as system from exchange.identity i
        where i.claim_number = n.number and ${ofNumber('i')} and i.member_id is not null and (i.state in ('visible', 'echo') or ${isWaiting('i')})
        union all
        select i.member_id, i.source_id, i.state, i.local_id, g.system
        from exchange.claim_name g cross join lateral (
          select i.* from exchange.identity i where i.peer_id = g.peer_id and i.type = '${TYPE}' and i.source_id = g.source_id and i.hash = g.hash offset 0) i
        where g.peer_id = $2 and g.number = n.number and not g.names and i.member_id is not null and (i.state in ('visible', 'echo') or ${isWaiting('i')})
        offset 0) i
      left join lateral (
        select r.id, r.claim from exchange.resource r
        where i.state = 'visible' and r.member_id = i.member_id and r.type = '${TYPE}' and r.id = i.local_id offset 0) r on true
      cross join lateral (
        select i.system where r.id is null
        union all
        select e->>'system' from jsonb_array_elements(r.claim->'numbers') e where e->>'value' = n.value) x
    ), namer as materialized (
      -- claims that came before and name numbers that come now
      select g.number, coalesce(v.member_id, i.member_id) as member_id, g.source_id, g.system
      from (select distinct number from own) n
      cross join lateral (select * from exchange.claim_name g where g.peer_id = $2 and g.number = n.number and g.names offset 0) g
      left join exchange.identity i on i.peer_id = g.peer_id and i.type = '${TYPE}' and i.source_id = g.source_id and i.hash = g.hash and i.state = 'visible'
      left join exchange.review_item v on v.id = ${heldItem('g.peer_id', `'${TYPE}'`, 'g.source_id')} and v.b_hash = g.hash and v.kind = 'patient-change' and v.state = 'open'
      where coalesce(v.member_id, i.member_id) is not null and not exists (select from claim c where c.source_id = g.source_id)
    ), naming as materialized (
      select a.file, a.line, a.entry, a.member_id, a.source_id, a.value, a.system, a.number from named a
      where not exists (select from own o where o.member_id = a.member_id and o.number = a.number and (o.file, o.line, o.entry) <> (a.file, a.line, a.entry))
        and not exists (select from held o where o.member_id = a.member_id and o.number = a.number and o.state <> 'quarantined' and o.source_id <> a.source_id)
      union all
      select null, null, null, n.member_id, n.source_id, null, n.system, n.number from namer n
      where not exists (select from own o where o.member_id = n.member_id and o.number = n.number)
        and not exists (
          select from exchange.identity i where i.claim_number = n.number and ${ofNumber('i')} and i.member_id = n.member_id
            and i.state in ('visible', 'echo') and i.source_id <> n.source_id)
    ), bearing as materialized (
      select file, line, entry, member_id, source_id, value, system, number from own
      union all
      select null, null, null, member_id, source_id, null, system, number from held
    ), some_naming as materialized (${someOf('naming')}), some_bearing as materialized (${someOf('bearing')}), pair as (
      select a.number, ${sidesOf('a', 'b')} from naming a cross join lateral ${scopesOf('a')} join some_bearing b using (number, scope) where b.member_id <> a.member_id
      union
      select b.number, ${sidesOf('a', 'b')} from bearing b cross join lateral ${scopesOf('b')} join some_naming a using (number, scope) where b.member_id <> a.member_id
    ), found as (
      select file, line, entry, b_id as other_id, number, value, false as is_named from pair where file is not null
      union
      select b_file, b_line, b_entry, a_id, number, b_value, true from pair where b_file is not null
    ), noted as (
      insert into exchange.cross_member_claim (pull_id, file, line, entry, other_id, number, value, is_named)
      select $1, file, line, entry, other_id, number, min(left(value, 64)), is_named from found group by file, line, entry, other_id, number, is_named
    )
    update exchange.staging s set outcome = 'quarantined', reason = 'patient-change'
    from (select distinct file, line, entry from found) h
    where s.pull_id = $1 and s.file = h.file and s.line = h.line and s.entry = h.entry`,
    [work.id, work.peerId],
  );
}

/** Why the unit `u` of the work $… is held, in a sentence; null when for nothing of this. cross_member_claim_pkey. */
export const strayDetail = (work: string, u: string) => `(
  select string_agg(x.told, '; ' order by x.told) from (
    select case when is_named then 'claim ' || other_id || ' of another member names ' || value else 'names ' || value || ', which is claim ' || other_id || ' of another member' end as told
    from exchange.cross_member_claim d where d.pull_id = ${work} and d.file = ${u}.file and d.line = ${u}.line and d.entry = ${u}.entry order by 1 limit ${MOST_TOLD}) x)`;

/** The number of a claim among the columns of the open slice `s`; null for all else. */
export const CLAIM_NUMBER = `case when s.type = '${TYPE}' and s.claim->>'use' = 'claim' and s.claim #>> '{numbers,0,value}' is not null
  then ${numberOf(INSURER, `s.claim->>'type'`, `s.claim #>> '{numbers,0,value}'`)} end`;

/** What claims of the open slice name, and their further numbers: few have any. */
export async function writeClaimNames(tx: Queryable, peerId: string): Promise<void> {
  await tx.unsafe(
    `insert into exchange.claim_name (peer_id, number, source_id, names, hash, system)
     select distinct on (n.number, s.source_id, x.names) $1, n.number, s.source_id, x.names, s.hash, x.said->>'system'
     from pg_temp.slice s
     cross join lateral (
       select true as names, e as said from jsonb_array_elements((s.claim->'prior') || (s.claim->'next')) e
       union all
       select false, e from jsonb_array_elements(s.claim->'numbers') with ordinality a(e, place) where place > 1
     ) x
     cross join lateral (select ${numberOf(INSURER, `s.claim->>'type'`, `x.said->>'value'`)} as number) n
     where s.type = '${TYPE}' and s.claim->>'use' = 'claim' and s.source_id is not null and s.hash is not null
       and (s.outcome in ('created', 'updated', 'linked-duplicate', 'echo') or (s.outcome = 'quarantined' and s.reason = 'patient-change'))
       and jsonb_array_length(s.claim->'prior') + jsonb_array_length(s.claim->'next') + jsonb_array_length(s.claim->'numbers') <> 1
     on conflict do nothing`,
    [peerId],
  );
}

/** A claim that is shown, and is another one's version by what a pull brought: where it stood when it came, if that is still kept. */
export type HeldElsewhere = { sourceId: string } & (
  | { pullId: string; file: number; line: number; entry: number }
  | { pullId: null; file: null; line: null; entry: null }
);

/**
 * Claims that are shown and wait from now on as well, as one of a pull names them, or they one of it: of the version that is shown, and
 * unless a person took that one in. By the primary keys, review_decision_item, ledger_member.
 */
export async function heldElsewhere(sql: Queryable, work: { id: string; peerId: string }): Promise<HeldElsewhere[]> {
  return [
    ...(await sql<HeldElsewhere[]>`
      with other as materialized (
        select distinct i.source_id, i.member_id, i.local_id, i.last_pull, i.hash
        from exchange.cross_member_claim t
        join exchange.identity i on i.peer_id = ${work.peerId} and i.type = ${TYPE} and i.source_id = t.other_id and i.state = 'visible'
        where t.pull_id = ${work.id}
          and case when t.is_named then exists (select from exchange.claim_name g where g.peer_id = i.peer_id and g.number = t.number and g.source_id = i.source_id and g.names and g.hash = i.hash)
            else i.claim_number = t.number or exists (select from exchange.claim_name g where g.peer_id = i.peer_id and g.number = t.number and g.source_id = i.source_id and not g.names and g.hash = i.hash) end
          and not ${sql.unsafe(isReleasedVersion(heldItem('i.peer_id', 'i.type', 'i.source_id'), 'i.hash'))}
      )
      select distinct on (o.source_id) l.pull_id as "pullId", l.file, l.line, l.entry, o.source_id as "sourceId"
      from other o left join (
        exchange.ledger l join exchange.pull_file f on f.pull_id = l.pull_id and f.position = l.file and f.blob_key is not null
      ) on l.member_id = o.member_id and l.type = ${TYPE} and l.local_id = o.local_id and l.pull_id = o.last_pull and l.source_id = o.source_id
      order by o.source_id, l.hash is not distinct from o.hash desc, l.file desc, l.line desc`),
  ];
}

/**
 * Says with an item why the claim waits, and notes it with the pull that brought the other one, once.
 * @param more what else is to be said of them
 */
export async function noteHeldElsewhere(
  tx: Queryable,
  work: { id: string; peerId: string },
  sourceIds: readonly string[],
  more = '',
): Promise<void> {
  await tx`
    with told as materialized (
      select t.other_id, array_to_string((array_agg(distinct case when is_named then 'names ' || t.value || ', which is claim ' || s.source_id || ' of another member' else 'claim ' || s.source_id || ' of another member names ' || t.value end))[:${MOST_TOLD}], '; ') || ${more}::text as detail
      from exchange.cross_member_claim t join exchange.staging s on s.pull_id = t.pull_id and s.file = t.file and s.line = t.line and s.entry = t.entry
      where t.pull_id = ${work.id} and t.other_id = any(${[...sourceIds]}::text[]) group by t.other_id
    ), noted as (
      insert into exchange.finding (pull_id, kind, type, source_id, member_id, local_id, detail)
      select ${work.id}, 'identity-doubt', ${TYPE}, t.other_id, i.member_id, i.local_id, t.detail
      from told t join exchange.identity i on i.peer_id = ${work.peerId} and i.type = ${TYPE} and i.source_id = t.other_id
      where not exists (select from exchange.finding f where f.pull_id = ${work.id} and f.kind = 'identity-doubt' and f.type = ${TYPE} and f.source_id = t.other_id)
    )
    update exchange.review_item v set detail = t.detail from told t
    where v.id = md5(concat_ws('|', 'held', ${work.peerId}::text, ${TYPE}::text, t.other_id))`;
}

// Chains of claims and authorizations: what they are made from, and what was made. By the primary keys (member first).
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import type { Chain, ClaimRecord } from '../reconcile/chain/claims.ts';
import type { Told } from '../reconcile/chain/denied.ts';
import type { DeniedFacts } from '../reconcile/chain/denied-facts.ts';
import type { ClaimFacts } from '../reconcile/chain/facts.ts';
import { DOUBTED_PEERS } from './doubt.ts';
import { isBeyond } from './withdrawn.ts';

/** Members whose claims the open slice changed or told of, in order. */
export async function claimMembers(tx: Queryable): Promise<string[]> {
  const rows = await tx.unsafe<{ id: string }[]>(
    `
    select distinct member_id as id from pg_temp.slice
    where type = 'ExplanationOfBenefit' and member_id is not null
      and (outcome in ('created', 'updated', 'linked-duplicate', 'retracted') or reason = 'stale-version'
        -- ours again: its payer may have denied it before
        or (outcome = 'echo' and claim ->> 'use' = 'preauthorization')
        -- what was taken in before may have been withdrawn
        or (outcome = 'quarantined' and keeps is not null) or ${isBeyond('slice')}) order by 1`,
  );
  return rows.map((r) => r.id);
}

type Row = {
  memberId: string;
  id: string;
  insurer: string | null;
  /** NPI of the payer that tells it; null: not known, or ours */
  npi: string | null;
  origin: string;
  at: Date;
  facts: ClaimFacts;
};
type Of = { changed: Date | null; state: string | null; withheld: string | null; partly: boolean };
/** A claim that is taken in. `isPartly`: of ours that may be so, its text tells. `withheld`: why it does not leave, if something beside its own facts keeps it. */
export type HeldClaim = Told & { memberId: string; withheld: string | null };
const INSURER = `coalesce(case when c.claim->>'insurerId' like 'http://hl7.org/fhir/sid/us-npi|%' then 'npi|' || split_part(c.claim->>'insurerId', '|', 2) end,
  'npi|' || o.npi, c.claim->>'insurerId', o.id, 'name|' || (c.claim->>'insurerName'), case c.origin when 'own' then 'own' else 'peer|' || c.origin end)`;
const ORGANIZATION = `left join exchange.identity i on i.peer_id = c.origin and i.type = 'Organization' and i.source_id = split_part(c.claim->>'insurer', '/', 2) and i.state = 'visible'
  left join exchange.shared_resource o on o.type = 'Organization' and o.id = coalesce(i.local_id, split_part(c.claim->>'insurer', '/', 2))`;

const record = (r: Row): ClaimRecord & { memberId: string } => ({
  memberId: r.memberId,
  id: r.id,
  insurer: r.insurer ?? r.origin,
  facts: r.facts,
  at: r.at.getTime(),
  origin: r.origin,
  isInsurers: r.npi !== null && r.insurer === `npi|${r.npi}`,
});

/** Visible claims and authorizations of members. `at`: of received ones when they were changed where they come from: payers are asked in any order. */
export async function claimRecords(tx: Queryable, memberIds: readonly string[]): Promise<HeldClaim[]> {
  const rows = await tx.unsafe<(Row & Of)[]>(
    `select c.member_id as "memberId", c.id, c.origin, coalesce(y.last_updated, c.last_updated) as at, c.claim as facts, ${INSURER} as insurer, p.npi,
       case c.origin when 'own' then c.last_updated else y.last_updated end as changed, c.pa_state as state, c.withheld,
       case c.origin when 'own' then c.shared is not null else coalesce('denied-pa' = any(y.line_findings), false) end as partly
     from exchange.resource c ${ORGANIZATION}
     left join exchange.peer p on p.id = c.origin
     left join exchange.identity y on c.origin <> 'own' and y.peer_id = c.origin and y.type = c.type and y.source_id = c.source_id
     where c.member_id = any($1::text[]) and c.type = 'ExplanationOfBenefit' and not c.deleted and c.claim is not null`,
    [[...memberIds] as never],
  );
  return rows.map((r) => ({
    ...record(r),
    origin: r.origin,
    isDenied: r.state === 'denied',
    isPartly: r.partly,
    changed: r.changed?.getTime(),
    withheld: r.withheld,
  }));
}

/** Denials of authorizations that are held, of some members: all that payers tell of whom it is not in doubt that they mean the member. denied_authorization_member, identity_pkey. */
export async function heldDenials(
  tx: Queryable,
  memberIds: readonly string[],
): Promise<(Told & { memberId: string })[]> {
  const rows = await tx.unsafe<(Row & { facts: DeniedFacts })[]>(
    `select c.member_id as "memberId", concat_ws('|', 'held', c.origin, c.source_id) as id, c.origin, c.at, c.claim as facts, ${INSURER} as insurer, p.npi
     from (select d.*, d.peer_id as origin from exchange.denied_authorization d where d.member_id = any($1::text[]) and d.peer_id <> all(${DOUBTED_PEERS('d.member_id')})) c ${ORGANIZATION}
     left join exchange.peer p on p.id = c.origin`,
    [[...memberIds] as never],
  );
  return rows.map((r) => ({
    ...record(r),
    origin: r.origin,
    isHeld: true,
    isDenied: true,
    isPartly: false,
    changed: r.at.getTime(),
    asked: r.facts.asked,
  }));
}

/** Older versions of authorizations that the open slice brought: they are not written, but their history counts. */
export async function staleAuthorizations(
  tx: Queryable,
  peerId: string,
  memberIds: readonly string[],
): Promise<(ClaimRecord & { memberId: string })[]> {
  const rows = await tx.unsafe<Row[]>(
    `select c.member_id as "memberId", c.local_id as id, c.origin, '-infinity'::timestamptz as at, c.claim as facts, ${INSURER} as insurer, null as npi
     from (select s.*, $2::text as origin from pg_temp.slice s) c ${ORGANIZATION}
     where c.member_id = any($1::text[]) and c.type = 'ExplanationOfBenefit' and c.claim->>'use' = 'preauthorization' and c.reason in ('stale-version', 'duplicate-in-job')`,
    [[...memberIds] as never, peerId],
  );
  return rows.map((r) => ({ ...record({ ...r, at: new Date(0) }) }));
}

export async function chainsOf(tx: Queryable, memberIds: readonly string[]): Promise<(Chain & { memberId: string })[]> {
  return [
    ...(await tx<(Chain & { memberId: string })[]>`
      select member_id as "memberId", chain, kind, state, final_id as "finalId", nodes, anomalies, facts
      from exchange.chain where member_id = any(${[...memberIds]}::text[]) order by member_id, chain`),
  ];
}

/** Chains of a member that name more than one record, or whose one record is a copy of another. chain_pkey, link_pkey. */
export async function chainsOfSeveral(sql: Queryable, memberId: string): Promise<Chain[]> {
  return [
    ...(await sql<Chain[]>`
      with linked as materialized (
        select x from exchange.link cross join unnest(array[a_id, b_id]) x
        where member_id = ${memberId} and type = 'ExplanationOfBenefit' and state = 'confirmed' and kind in ('same-record', 'same-event')
      )
      select chain, kind, state, final_id as "finalId", nodes, anomalies, facts from exchange.chain
      where member_id = ${memberId} and (jsonb_array_length(nodes) > 1 or jsonb_array_length(nodes->0->'ids') > 1
        or nodes->0->'ids'->>0 in (select x from linked)) order by chain`),
  ];
}

/** Chains of a member that name some records. chain_pkey. */
export async function chainsNaming(sql: Queryable, memberId: string, ids: readonly string[]): Promise<Chain[]> {
  if (ids.length === 0) return [];
  return [
    ...(await sql<Chain[]>`
      select chain, kind, state, final_id as "finalId", nodes, anomalies, facts from exchange.chain
      where member_id = ${memberId} and exists (
        select from jsonb_array_elements(nodes) n where n->'ids' ?| ${arrayLiteral(ids)}::text::text[])`),
  ];
}

/** Replaces the chains of members. */
export async function writeChains(
  tx: Queryable,
  gone: readonly { memberId: string; chain: string }[],
  written: readonly (Chain & { memberId: string })[],
): Promise<void> {
  if (gone.length > 0)
    await tx`
      delete from exchange.chain c using jsonb_to_recordset(${JSON.stringify(gone)}::text::jsonb) as g("memberId" text, chain text)
      where c.member_id = g."memberId" and c.chain = g.chain`;
  if (written.length > 0)
    await tx`
      insert into exchange.chain (member_id, chain, kind, state, final_id, nodes, anomalies, facts)
      select "memberId", chain, kind, state, "finalId", nodes, anomalies, facts
      from jsonb_to_recordset(${JSON.stringify(written)}::text::jsonb)
        as r("memberId" text, chain text, kind text, state text, "finalId" text, nodes jsonb, anomalies jsonb, facts jsonb)
      on conflict (member_id, chain) do update set state = excluded.state, final_id = excluded.final_id, nodes = excluded.nodes, anomalies = excluded.anomalies, facts = excluded.facts`;
}

export type ChainFinding = {
  memberId: string;
  id: string;
  code: string;
  detail: string;
  /** it was not there before */
  isNew: boolean;
  isItem: boolean;
  /** who is asked about it */
  peerId: string;
  weight: number;
};

/**
 * Findings of anomalies that were not there before, and items for those that a person should look at: an item that is there stays as it was decided.
 * @param pull null for records of our own: of them there is no finding
 */
export async function writeChainFindings(
  tx: Queryable,
  pull: string | null,
  found: readonly ChainFinding[],
  at: string,
): Promise<void> {
  if (found.length === 0) return;
  const rows = JSON.stringify(found);
  // all places at once: of a member with thousands of claims that go round in a circle each has something
  const place = tx`
    place as materialized (
      select distinct on (member_id, local_id) member_id, local_id, file, line, entry, source_id from pg_temp.slice
      where type = 'ExplanationOfBenefit' and member_id is not null and local_id is not null order by member_id, local_id, file desc, line desc
    )`;
  await tx`
    with ${place}
    insert into exchange.finding (pull_id, kind, file, line, entry, type, source_id, member_id, local_id, detail)
    select ${pull}, 'chain-anomaly', s.file, s.line, s.entry, 'ExplanationOfBenefit', s.source_id, f."memberId", f.id, f.code || ': ' || f.detail
    from jsonb_to_recordset(${rows}::text::jsonb) as f("memberId" text, id text, code text, detail text, "isNew" boolean)
    left join place s on s.member_id = f."memberId" and s.local_id = f.id where f."isNew" and ${pull}::text is not null`;
  await tx`
    with ${place}
    insert into exchange.review_item (id, member_id, kind, weight, type, b_type, b_id, peer_id, pull_id, file, line, entry, rule, detail, opened_at)
    select distinct on (1) md5(concat_ws('|', f."memberId", 'chain', f.id, f.code)), f."memberId", 'chain-anomaly', f.weight, 'ExplanationOfBenefit', 'ExplanationOfBenefit', f.id, f."peerId", ${pull},
      case when ${pull}::text is not null then s.file end, s.line, s.entry, 'chain', f.code || ': ' || f.detail, ${at}::text::timestamptz
    from jsonb_to_recordset(${rows}::text::jsonb) as f("memberId" text, id text, code text, detail text, "isItem" boolean, "peerId" text, weight smallint)
    left join place s on s.member_id = f."memberId" and s.local_id = f.id
    where f."isItem"
    on conflict (id) do update set state = 'open', decision = null, detail = excluded.detail, peer_id = excluded.peer_id, pull_id = excluded.pull_id, file = excluded.file, line = excluded.line,
      entry = excluded.entry, opened_at = excluded.opened_at, reopened = exchange.review_item.reopened + 1
      where exchange.review_item.state = 'gone'`;
}

/** Items of anomalies that are no more. */
export async function closeChainItems(
  tx: Queryable,
  gone: readonly { memberId: string; id: string; code: string }[],
): Promise<void> {
  if (gone.length === 0) return;
  await tx`
    update exchange.review_item i set state = 'gone' from jsonb_to_recordset(${JSON.stringify(gone)}::text::jsonb) as g("memberId" text, id text, code text)
    where i.id = md5(concat_ws('|', g."memberId", 'chain', g.id, g.code)) and i.state <> 'gone'`;
}

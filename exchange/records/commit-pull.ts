// Committing what was decided of the open slice (slice.ts): entities, links, identity map, ledger, findings and Provenance in
// the caller's transaction. What concerns a pull as a whole is written at its end.
import type { PendingQuery, Row } from 'postgres';
import type { Queryable } from '../../src/db/database.ts';
import { agreeValues } from './agreed-values.ts';
import { writeAttachments } from './attachment.ts';
import type { Decided } from './decided.ts';
import { writeDenials } from './denied-since.ts';
import { type LateDrug, tellLateDrugs } from './drug.ts';
import { SHARED_TYPES } from './facts/record-types.ts';
import { inheritLabels } from './inherit-labels.ts';
import { writeKeptBack } from './kept-back.ts';
import { keepLineHashes, openBlocks } from './known-lines.ts';
import { writeNames } from './names.ts';
import { markOutlived } from './outlived.ts';
import { followOutlived, OF_SLICE } from './outlived-items.ts';
import { isNamed, NAMED } from './reconcile.ts';
import { byKey, leaveFormer, writeMemberRecords, writeSharedRecords } from './records.ts';
import { OURS } from './references.ts';
import { ANY_LABELLED } from './revealed.ts';
import { membersWithHeld, writeSensitiveHeld } from './sensitive-held.ts';
import { settleLinks } from './settle-links.ts';
import { noteLateDrugs } from './shared-labels.ts';
import type { Range } from './slice.ts';
import { CLAIM_NUMBER, strayDetail, writeClaimNames } from './stray-claims.ts';
import { askUnclear } from './unclear-items.ts';
import { withdrawReplaced } from './withdrawn.ts';
import { noteClusters, type Work, writeHeldItems, writeItems, writeLinks } from './write-links.ts';
import { retargetTransmissions, writeCustody } from './write-provenance.ts';

/** Findings that are counted by type instead of one row a unit: they are about the peer, not about one record. */
const COUNTED = [
  'profile-violation',
  'older-than-5y',
  'money-present',
  'dangling-soft',
  'terminology-unknown',
  'peer-rekey',
  'attachment-not-fetched',
  'attachment-empty',
];

async function writeIdentity(tx: Queryable, peerId: string, by: string): Promise<void> {
  await tx`
    insert into exchange.identity (peer_id, type, source_id, local_id, member_id, state, hash, last_updated, first_pull, last_pull, line_hash, line_findings, claim_number, is_newest)
    select distinct on (type, source_id) ${peerId}, type, source_id, coalesce(local_id, ''), member_id,
      case when outcome in ('retracted', 'quarantined', 'echo') then outcome when reason = 'already-retracted' then 'retracted' else 'visible' end, hash,
      -- what was deleted before it ever came: older copies of it stay out
      coalesce(last_updated, case when outcome = 'retracted' then (select transaction_time from exchange.pull where id = ${by}) end), ${by}, ${by},
      case when outcome in ('created', 'updated', 'linked-duplicate', 'shared') then line_hash end,
      array_remove(array_remove(findings, 'duplicate-id'), 'peer-rekey'), ${tx.unsafe(CLAIM_NUMBER)}, case when 'peer-rekey' = any(findings) then true end
    from pg_temp.slice s
    where (outcome in ('created', 'updated', 'linked-duplicate', 'shared', 'echo', 'retracted', 'quarantined') or 'peer-rekey' = any(findings)
      -- deleted once more, by a later answer: what stands in one between the two is from before that
      or (reason = 'already-retracted' and hash is null and exists (
        select from exchange.identity i join exchange.pull d on d.id = i.last_pull join exchange.pull n on n.id = ${by}
        where i.peer_id = ${peerId} and i.type = s.type and i.source_id = s.source_id and i.state = 'retracted' and n.transaction_time > d.transaction_time)))
      and source_id is not null
      and not (outcome = 'quarantined' and exists (select from exchange.identity i where i.peer_id = ${peerId} and i.type = s.type and i.source_id = s.source_id and i.state <> 'quarantined'))
    order by type, source_id, (outcome = 'quarantined'), file desc, line desc
    on conflict (peer_id, type, source_id) do update set state = excluded.state, last_pull = excluded.last_pull,
      local_id = case when excluded.local_id = '' then exchange.identity.local_id else excluded.local_id end,
      member_id = case when excluded.type = 'Provenance' and excluded.state = 'visible' then excluded.member_id else coalesce(excluded.member_id, exchange.identity.member_id) end,
      -- a number that the payer gave to another record is none of the former one
      is_newest = case when excluded.local_id in ('', exchange.identity.local_id) then coalesce(excluded.is_newest, exchange.identity.is_newest) else excluded.is_newest end, line_hash = excluded.line_hash, line_findings = excluded.line_findings, claim_number = coalesce(excluded.claim_number, exchange.identity.claim_number), hash = coalesce(excluded.hash, exchange.identity.hash), last_updated = coalesce(case when excluded.hash is not null then excluded.last_updated end, exchange.identity.last_updated)`;
  await writeNames(tx, peerId, by);
  await writeClaimNames(tx, peerId);
  await keepLineHashes(tx, peerId);
}

async function writeLedger(tx: Queryable, pull: string): Promise<void> {
  await tx`
    insert into exchange.ledger_unit (pull_id, file, line, entry, outcome, reason, type, source_id, member_id, local_id, hash, last_updated)
    select ${pull}, file, line, entry, outcome, reason, type, source_id, member_id, local_id, hash, last_updated
    from pg_temp.slice order by file, line, entry`;
}

/** The references of the open slice that led nowhere, one a row: mostly none. staged_reference_open. */
const unresolved = (tx: Queryable, work: string) => tx`
  select s.type, s.member_id, s.local_id, s.is_shared, u as key
  from pg_temp.slice s join exchange.staged_reference w on w.pull_id = ${work} and w.file = s.file and w.line = s.line and w.entry = s.entry and w.unresolved is not null
  cross join unnest(w.unresolved) u`;

type Fragment = PendingQuery<Row[]>;
type Buckets = Pick<Range, 'first' | 'last'>;

/** Adds counts of findings (`kind, type, n`) to those of the slices before. finding_pull. */
async function addFound(tx: Queryable, pull: string, counts: Fragment): Promise<void> {
  await tx`
    with found as materialized (${counts}), added as (
      update exchange.finding c set amount = c.amount + f.n from found f
      where c.pull_id = ${pull} and c.kind = f.kind and c.type is not distinct from f.type and c.file is null and c.member_id is null
      returning c.kind, c.type
    )
    insert into exchange.finding (pull_id, kind, type, amount)
    select ${pull}, kind, type, n from found f where not exists (select from added a where a.kind = f.kind and a.type is not distinct from f.type)`;
}

/** What was noted of the known lines of some buckets: of the peer only, like of all that is as it was. staging_block_bucket. */
export async function writeKnownFindings(tx: Queryable, work: Decided, of: Buckets): Promise<void> {
  await addFound(
    tx,
    work.pull,
    tx`
      select f as kind, type, count(*) as n from exchange.staging_block b cross join unnest(findings) f
      where b.pull_id = ${work.id} and b.bucket between ${of.first} and ${of.last} and ${tx.unsafe(openBlocks('b'))} and f = any(${COUNTED}) group by f, type`,
  );
}

/** What was noted. A unit that is as it was is noted of the peer only, by count. */
async function writeFindings(tx: Queryable, work: Decided): Promise<void> {
  await addFound(
    tx,
    work.pull,
    tx`
      select f as kind, type, count(*) as n from pg_temp.slice cross join unnest(findings) f where f = any(${COUNTED}) group by f, type
      union all
      select 'dangling-soft', o.type, count(*) from (${unresolved(tx, work.id)}) o
      where split_part(o.key, '/', 1) <> all(${[...SHARED_TYPES]}) group by o.type`,
  );
  await tx`
    insert into exchange.finding (pull_id, kind, file, line, entry, type, source_id, member_id, local_id)
    select ${work.pull}, f, file, line, entry, type, source_id, member_id, local_id from pg_temp.slice cross join unnest(findings) f
    where f <> all(${COUNTED}) and (outcome <> 'unchanged' or f = 'duplicate-id')`;
  await tx`
    insert into exchange.finding (pull_id, kind, file, line, entry, type, source_id, member_id, local_id, detail)
    select ${work.pull}, case reason when 'patient-change' then 'identity-doubt' else reason end, file, line, entry, type, source_id, member_id, local_id,
      coalesce(${tx.unsafe(strayDetail('u.pull_id', 'u'))}, '') from pg_temp.slice u
    where reason in ('reinstated', 'patient-change')`;
}

/** About files and the pull as a whole, when all of it is committed. */
export async function writePullFindings(tx: Queryable, work: Decided, isFull: boolean): Promise<void> {
  // what is answered at once has no manifest that could say anything
  const declares = tx`
    (select coalesce(p.fetch_form, '') from exchange.pull p where p.id = ${work.pull}) not in ('everything', 'search')`;
  await tx`
    insert into exchange.finding (pull_id, kind, file, type)
    select pull_id, 'count-missing', position, type from exchange.pull_file
    where pull_id = ${work.pull} and kind = 'output' and declared is null and units > 0 and ${declares}`;
  await tx`
    insert into exchange.finding (pull_id, kind, file, type, amount)
    select ${work.pull}, 'mixed-types', f.position, f.type, sum(s.n) from (
      select file, type, 1 as n from exchange.staging where pull_id = ${work.id} and type is not null
      union all select file, type, units from exchange.staging_block where pull_id = ${work.id}) s
    join exchange.pull_file f on f.pull_id = ${work.pull} and f.position = s.file
    where f.kind = 'output' and f.type <> s.type and ${declares} group by f.position, f.type`;
  await tx`
    insert into exchange.finding (pull_id, kind, amount)
    select ${work.pull}, 'no-provenance', count(*) from exchange.staging s
    where s.pull_id = ${work.id} and s.outcome in ('created', 'updated', 'linked-duplicate') and not s.is_shared
      and not exists (select from exchange.staging p where p.pull_id = ${work.id} and p.type = 'Provenance')
      and not exists (select from exchange.staging_block p where p.pull_id = ${work.id} and p.type = 'Provenance')
    having count(*) > 0`;
  // of a peer of whom nothing was taken in before, nothing can be missing
  const [earlier] = await tx`
    select from exchange.pull p where p.peer_id = ${work.peerId} and p.id <> ${work.pull}
      and (p.state = 'done' or exists (select from exchange.pull_slice s where s.pull_id = p.id and s.state = 'committed')) limit 1`;
  if (!isFull || earlier === undefined) return;
  // by grouping: nothing is known of how many these are, and a join would be guessed small and be looked through for each record
  await tx`
    with here as not materialized (
      select type, source_id, local_id, member_id from exchange.staging where pull_id = ${work.id} and source_id is not null
      union all
      select b.type, u.source_id, u.local_id, b.member_id from exchange.staging_block b cross join lateral unnest(b.source_ids, b.local_ids) as u(source_id, local_id) where b.pull_id = ${work.id}
    ), member as materialized (
      select member_id from exchange.staging where pull_id = ${work.id} and member_id is not null
      union
      select member_id from exchange.staging_block where pull_id = ${work.id} and member_id is not null
      union
      -- of whom nothing came, in an answer that says to be whole
      select m.member_id from exchange.pull p join exchange.pull_member m on m.pull_id = p.id
      where p.id = ${work.pull} and m.outcome = 'matched' and not m.left_out and (p.transaction_time is not null or p.fetch_form in ('everything', 'search'))
        and not exists (select from exchange.pull_file f where f.pull_id = p.id and f.kind = 'output' and f.state = 'failed')
    ), missing as materialized (
      select type, source_id, max(id) as id from (
        select r.type, r.source_id, r.id, true as is_held from member m
        join exchange.resource r on r.member_id = m.member_id and r.origin = ${work.peerId} and not r.deleted and r.type <> 'Patient'
          and r.last_updated < (select created_at from exchange.pull where id = ${work.pull})
          and r.type <> all(array(select f.type from exchange.finding f where f.pull_id = ${work.pull} and f.kind = 'peer-type-refused' and f.type is not null))
        union all
        select type, source_id, null, false from here
      ) both_of group by type, source_id having bool_and(is_held)
    )
    insert into exchange.finding (pull_id, kind, type, amount)
    select ${work.pull}, 'missing-at-source', type, count(*) from (
      select type, id from (
        select type, id, true as is_held from missing
        union all
        select type, local_id, false from here where exists (select from missing)
      ) both_of group by type, id having bool_and(is_held)
    ) gone group by type`;
}

/**
 * References that lead nowhere wait for their target; what waited for a record that came now is led to it.
 * @returns members of whom something was led to what it may have to be as sensitive as
 */
async function writeDangling(tx: Queryable, work: Work, base: string, at: string): Promise<string[]> {
  await tx`
    insert into exchange.dangling (peer_id, target_type, target_id, member_id, type, id)
    select distinct ${work.peerId}, split_part(o.key, '/', 1), split_part(o.key, '/', 2), o.member_id, o.type, o.local_id
    from (${unresolved(tx, work.id)}) o
    where o.member_id is not null and not o.is_shared and not starts_with(o.key, ${OURS})
    on conflict do nothing`;
  await tx`
    insert into exchange.dangling (peer_id, target_type, target_id, member_id, type, id)
    select distinct ${work.peerId}, split_part(t, '/', 1), split_part(t, '/', 2), '', 'Provenance', s.source_id
    from (
      select source_id, targets, ${tx.unsafe(NAMED)} from pg_temp.slice
      where outcome = 'quarantined' and reason = 'dangling-reference' and type = 'Provenance' offset 0) s
    cross join unnest(s.targets) with ordinality u(t, n)
    where ${tx.unsafe(isNamed('s', 'n'))}
    on conflict do nothing`;
  const identifier = JSON.stringify(`${base}/`).slice(0, -1);
  const led = await tx.unsafe<(LateDrug & { isDrug: boolean })[]>(
    `with come as materialized (
       select distinct d.target_type, d.target_id, d.member_id, d.type, d.id, s.local_id, s.is_shared
       from pg_temp.slice s join exchange.dangling d on d.peer_id = $1 and d.target_type = s.type and d.target_id = s.source_id
       where s.outcome in ('created', 'updated', 'linked-duplicate', 'shared', 'echo') and s.local_id is not null
         and d.member_id <> '' and (s.is_shared or s.member_id = d.member_id)
     ), edit as (
       select member_id, type, id, array_agg('"identifier":{"system":' || $2 || target_type || '","value":"' || target_id || '"}' order by target_type, target_id) as olds,
         array_agg('"reference":"' || target_type || '/' || local_id || '"' order by target_type, target_id) as news,
         array_agg(target_type || '/' || local_id) filter (where is_shared) as shared,
         array_agg(target_type || '/' || local_id) filter (where not is_shared) as others
       from come group by member_id, type, id
     ), moved as (
       update exchange.resource r set body = exchange.replace_all(r.body, e.olds, e.news), shared = exchange.replace_all(r.shared, e.olds, e.news),
         links = case when e.shared is null then r.links else coalesce(r.links, '{}') || e.shared end, moved_at = $3::text::timestamptz,
         refers = case when e.others is null then r.refers else coalesce(r.refers, '{}') || e.others end
       from edit e where r.member_id = e.member_id and r.type = e.type and r.id = e.id
       returning r.member_id, r.type, r.id, r.body, e.others is not null or ${ANY_LABELLED} as inherits, exists (select from unnest(e.shared) k where k like 'Medication/%') as is_drug
     ), done as (
       delete from exchange.dangling d using come c
       where d.peer_id = $1 and d.target_type = c.target_type and d.target_id = c.target_id and d.member_id = c.member_id and d.type = c.type and d.id = c.id
     )
     select member_id as "memberId", type, id, case when is_drug then body else '' end as body, is_drug as "isDrug" from moved where inherits or is_drug`,
    [work.peerId, identifier, at],
  );
  const late = led.filter((m) => m.isDrug);
  await tellLateDrugs(tx, late);
  await noteLateDrugs(tx, late);
  return led.map((m) => m.memberId);
}

export type CommitPeer = { id: string; name: string; npi: string | null; base: string };

/** Records, links, identities, items and Provenance of the open slice of a decided work, without its ledger. */
export async function commitRecords(
  tx: Queryable,
  work: Decided,
  peer: CommitPeer,
  us: { name: string; npi: string | null; base: string },
  at: string,
): Promise<void> {
  await byKey(tx);
  await writeSharedRecords(tx, peer.id, at);
  await writeLinks(tx, work);
  await writeItems(tx, work, at);
  const forgotten = await writeSensitiveHeld(tx, peer.id);
  await writeMemberRecords(tx, peer.id, at);
  await writeAttachments(tx, work, at);
  await withdrawReplaced(tx, peer.id, at);
  await writeKeptBack(tx, at);
  await leaveFormer(tx, peer.id, at, work.id !== work.pull);
  await writeIdentity(tx, peer.id, work.pull);
  await writeDenials(tx, work, at);
  const shown = await markOutlived(tx, at, us.base);
  const led = await writeDangling(tx, work, peer.base, at);
  const settled = await settleLinks(tx, work, at);
  await inheritLabels(tx, at, [...led, ...settled, ...(await membersWithHeld(tx)), ...forgotten]);
  await writeHeldItems(tx, work, at);
  await askUnclear(tx, work.pull, at);
  await agreeValues(tx, work, at);
  await followOutlived(tx, OF_SLICE, shown, { pull: work.pull, at });
  await noteClusters(tx, work);
  await retargetTransmissions(tx, work.id);
  await writeCustody(tx, peer, us, at);
}

/** Ledger and findings of the open slice of a pull, when its records are written. The staging stays; the caller clears it at the end. */
export async function bookSlice(tx: Queryable, work: Decided): Promise<void> {
  await writeLedger(tx, work.pull);
  await writeFindings(tx, work);
}

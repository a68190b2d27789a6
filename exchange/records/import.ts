// Deciding and committing an import of our own members' records.

import { arrayLiteral, type Database, type Queryable } from '../../src/db/database.ts';
import { beginAgain } from '../../src/db/retry.ts';
import { recomputeChains } from '../reconcile/chain/recompute.ts';
import { ownCame } from '../requester/pull-phase.ts';
import { noteDueProfiles } from '../responder/match/match-profile.ts';
import { inheritLabels } from './inherit-labels.ts';
import { LabelsChange, labelsChange, labelsStayWith } from './label-lock.ts';
import { oweComparison } from './left-imports.ts';
import { byKey, transactionInstant, writeMemberRecords, writeSharedRecords } from './records.ts';
import { eachSlice, NOBODYS, openSlice } from './slice.ts';
import { askUnclear } from './unclear-items.ts';

export type ImportCounts = {
  created: number;
  updated: number;
  unchanged: number;
  deleted: number;
  repeated: number;
  refused: number;
};
/** A staged unit that was refused because of others: its member is unknown, or a Provenance is about nothing we hold. */
export type Refused = { file: number; line: number; entry: number; type: string; id: string; reason: string };

/** Before anything staged is looked for: nothing is known of a table that was filled a moment ago, and it would be read as a whole for each page. */
export async function knowStaged(database: Database): Promise<void> {
  await database.sql`analyze exchange.staging`;
}

/** Members of this import: each staged Patient that is not known becomes one. */
async function addMembers(tx: Queryable, work: string): Promise<void> {
  await tx`
    insert into exchange.member (id, umb)
    select distinct s.source_id, 'U-' || replace(gen_random_uuid()::text, '-', '')
    from exchange.staging s
    where s.pull_id = ${work} and s.type = 'Patient' and s.outcome is null
    on conflict do nothing`;
}

/** Directory entries: those of staged units that stand for themselves, whoever names them. */
const ENTRIES = `s.is_shared and s.type <> 'Provenance'`;

/** The last of several units with the same id counts. */
async function decideRepeated(tx: Queryable, work: string, of: string): Promise<void> {
  await tx.unsafe(
    `with ranked as (
      select file, line, entry, row_number() over (partition by type, source_id order by file desc, line desc, entry desc) as place
      from exchange.staging s where pull_id = $1 and outcome is null and ${of}
    )
    update exchange.staging s set outcome = 'unchanged', reason = 'duplicate-in-job'
    from ranked r
    where s.pull_id = $1 and s.file = r.file and s.line = r.line and s.entry = r.entry and r.place > 1`,
    [work],
  );
}

async function decideShared(tx: Queryable, work: string, of: string): Promise<void> {
  await tx.unsafe(
    `update exchange.staging s
    set outcome = case when r.id is null or r.deleted or r.origin <> 'own' then 'unchanged' else 'retracted' end, local_id = s.source_id
    from exchange.staging d left join exchange.shared_resource r on r.type = d.type and r.id = d.source_id
    where s.pull_id = $1 and d.pull_id = $1 and s.file = d.file and s.line = d.line and s.entry = d.entry
      and s.outcome is null and not s.has_body and s.is_shared and ${of}`,
    [work],
  );
  await tx.unsafe(
    `update exchange.staging s
    -- one that we had taken back and another payer kept is ours again
    set local_id = s.source_id, outcome = case when r.id is null then 'created' when r.hash = s.hash and not r.deleted and r.origin = 'own' then 'unchanged' else 'updated' end
    from exchange.staging d left join exchange.shared_resource r on r.type = d.type and r.id = d.source_id
    where s.pull_id = $1 and d.pull_id = $1 and s.file = d.file and s.line = d.line and s.entry = d.entry
      and s.outcome is null and s.is_shared and ${of}`,
    [work],
  );
}

async function decide(tx: Queryable, work: string): Promise<void> {
  await decideRepeated(tx, work, 'true');
  // Provenance belongs to the member of what it is about; when that is several members, to none of them alone
  await tx`
    with about as (
      select p.file, p.line, p.entry, min(m.member_id) as member_id, count(distinct m.member_id) as members
      from exchange.staging p
      cross join unnest(p.targets) t
      join lateral (
        select s.member_id from exchange.staging s
        where s.pull_id = ${work} and s.type = split_part(t, '/', 1) and s.source_id = split_part(t, '/', 2) and s.member_id is not null
        union all
        select m.id from exchange.member m where t = 'Patient/' || m.id
      ) m on true
      where p.pull_id = ${work} and p.outcome is null and p.targets is not null
      group by 1, 2, 3
    )
    update exchange.staging s
    set member_id = case when a.members = 1 then a.member_id end, is_shared = a.members > 1
    from about a
    where s.pull_id = ${work} and s.file = a.file and s.line = a.line and s.entry = a.entry`;
  await tx`
    update exchange.staging s set outcome = 'quarantined', reason = 'dangling-reference'
    where s.pull_id = ${work} and s.outcome is null and not s.is_shared and s.has_body
      and (s.member_id is null or not exists (select from exchange.member m where m.id = s.member_id))`;
  // deletions name no member: find the record among those of any member
  await tx`
    update exchange.staging s set member_id = r.member_id
    from exchange.resource r
    where s.pull_id = ${work} and s.outcome is null and not s.has_body and not s.is_shared
      and r.type = s.type and r.id = s.source_id and r.origin = 'own' and not r.deleted`;
  await tx`
    update exchange.staging s
    set outcome = case when r.id is null or r.deleted then 'unchanged' else 'retracted' end, local_id = s.source_id
    from exchange.staging d
    left join exchange.resource r on r.member_id = d.member_id and r.type = d.type and r.id = d.source_id
    where s.pull_id = ${work} and d.pull_id = ${work} and s.file = d.file and s.line = d.line and s.entry = d.entry
      and s.outcome is null and not s.has_body and not s.is_shared`;
  await tx`
    update exchange.staging s
    set local_id = s.source_id, outcome = case when r.id is null then 'created' when r.hash = s.hash and not r.deleted then 'unchanged' else 'updated' end
    from exchange.staging d left join exchange.resource r on r.member_id = d.member_id and r.type = d.type and r.id = d.source_id
    where s.pull_id = ${work} and d.pull_id = ${work} and s.file = d.file and s.line = d.line and s.entry = d.entry
      and s.outcome is null and not s.is_shared`;
  await decideShared(tx, work, 'true');
}

/**
 * A record that is about another person now, as a mistake was put right, is no longer where it was: a unit for each place that it
 * leaves. resource_id, in each partition.
 */
async function leaveFormer(tx: Queryable, work: string): Promise<void> {
  await tx`
    insert into exchange.staging (pull_id, file, line, entry, type, source_id, member_id, local_id, outcome)
    select ${work}, s.file, s.line, - row_number() over (partition by s.file, s.line order by s.entry, r.member_id), r.type, r.id, r.member_id, r.id, 'retracted'
    from exchange.staging s
    join exchange.resource r on r.id = s.local_id and r.type = s.type and r.member_id <> s.member_id and r.origin = 'own' and not r.deleted
    where s.pull_id = ${work} and s.outcome in ('created', 'updated') and not s.is_shared`;
}

/**
 * Directory entries, where one of them becomes more or less sensitive: by themselves and first, as nobody else writes records until that is through.
 * Those that are written are not written again with the rest, and count with it.
 */
async function commitEntries(tx: Queryable, work: string): Promise<void> {
  await labelsChange(tx);
  const at = await transactionInstant(tx);
  await byKey(tx);
  await decideRepeated(tx, work, ENTRIES);
  await decideShared(tx, work, ENTRIES);
  await openSlice(tx, work, NOBODYS);
  await writeSharedRecords(tx, 'own', at);
  await ownCame(tx, work);
  await tx.unsafe(`update exchange.staging s set booked = true where pull_id = $1 and bucket = -1 and ${ENTRIES}`, [
    work,
  ]);
}

/**
 * Decides and writes everything staged under `work` in one transaction, or, where the label of a directory entry changes, these entries in one
 * before it. Importing the same again changes nothing.
 */
export async function commitImport(
  database: Database,
  work: string,
): Promise<{ counts: ImportCounts; refused: Refused[] }> {
  for (;;)
    try {
      return await commitRest(database, work);
    } catch (error) {
      if (!(error instanceof LabelsChange)) throw error;
      await beginAgain(database.sql, (tx) => commitEntries(tx, work));
    }
}

/** @throws LabelsChange while the entries of the work would change a label */
async function commitRest(database: Database, work: string): Promise<{ counts: ImportCounts; refused: Refused[] }> {
  return beginAgain(database.sql, async (tx) => {
    await labelsStayWith(tx, work, 'own');
    const at = await transactionInstant(tx);
    await byKey(tx);
    const [someone] = await tx`select from exchange.member limit 1`;
    await addMembers(tx, work);
    await decide(tx, work);
    if (someone !== undefined) await leaveFormer(tx, work);
    await eachSlice(tx, work, async () => {
      await writeSharedRecords(tx, 'own', at);
      await writeMemberRecords(tx, 'own', at);
      await inheritLabels(tx, at);
      await noteDueProfiles(tx);
      await askUnclear(tx, null, at);
      await recomputeChains(tx, { id: work, pull: null, peerId: 'own' }, at.slice(0, 10), at);
    });
    await ownCame(tx, work);
    await oweComparison(tx, work);
    const totals = await tx<{ outcome: string; reason: string | null; n: number }[]>`
      select outcome, reason, count(*)::int as n from exchange.staging where pull_id = ${work} group by 1, 2`;
    const refused = await tx<Refused[]>`
      select file, line, entry, type, source_id as id, reason from exchange.staging
      where pull_id = ${work} and outcome = 'quarantined' order by file, line, entry`;
    const sum = (test: (r: { outcome: string; reason: string | null }) => boolean) =>
      totals.filter(test).reduce((n, r) => n + r.n, 0);
    const counts: ImportCounts = {
      created: sum((r) => r.outcome === 'created'),
      updated: sum((r) => r.outcome === 'updated'),
      unchanged: sum((r) => r.outcome === 'unchanged' && r.reason === null),
      repeated: sum((r) => r.reason === 'duplicate-in-job'),
      deleted: sum((r) => r.outcome === 'retracted'),
      refused: sum((r) => r.outcome === 'quarantined'),
    };
    return { counts, refused: [...refused] };
  });
}

/** Hashes (lower-case hex) of our own records of a type that is one a member, by the member's id. Primary key. */
export async function ownHashes(sql: Queryable, type: 'Patient', ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await sql<{ id: string; hash: string }[]>`
    select u.id, encode(r.hash, 'hex') as hash
    from (select distinct unnest(${arrayLiteral(ids)}::text::text[]) as id) u
    cross join lateral (
      select r.hash from exchange.resource r where r.member_id = u.id and r.type = ${type} and r.id = u.id and r.origin = 'own' and not r.deleted offset 0) r`;
  return new Map(rows.map((r) => [r.id, r.hash]));
}

/** Is there anything of other payers that our own records could be linked with? */
export async function hasReceived(sql: Queryable): Promise<boolean> {
  const [row] = await sql`select from exchange.identity limit 1`;
  return row !== undefined;
}

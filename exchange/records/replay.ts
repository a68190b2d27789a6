// Statements of a replay: what units are under today's rules, and what that changes. All on the staging of one work.
import type { Queryable } from '../../src/db/database.ts';
import type { Decided } from './decided.ts';
import { echoes } from './echoes.ts';
import { holdSensitiveDrugs } from './held-drugs.ts';
import { holdMoved, takeMoved } from './moved-units.ts';
import { ownStatements } from './own-statements.ts';
import { provenanceMembers, sharedUnits, waits } from './reconcile.ts';
import { releasedUnits } from './released-units.ts';
import { heldItem, isReleasedVersion } from './released-version.ts';
import { LAST_REVISION } from './revised.ts';
import { statementEchoes } from './statement-echoes.ts';
import { strayVersions } from './stray-claims.ts';

/**
 * Decides the units of a replay. What was replaced since, taken back or is a directory entry stays as it is (`superseded`);
 * what is shown and still may be is written again when its form differs (`replayed`); the rest is as in a pull.
 * @param moved a person took in a record that is another member's now, or took that back: of the one unit that is staged
 * @param said of the one unit that is staged: a person took in a version that was held, beside which another one may be shown (`released`); took that back, so that it
 * waits as before (`again`: for what), whatever the check says now; and the one before is shown again (`given-back`)
 */
export async function decideReplay(
  tx: Queryable,
  work: Decided,
  moved?: 'taken' | 'held',
  said?: 'released' | 'given-back' | { again: string },
): Promise<void> {
  await releasedUnits(tx, work, 'superseded');
  await provenanceMembers(tx, work);
  const isReplaced = `i.source_id is not null and (i.hash is distinct from s.hash or i.state in ('retracted', 'echo'))${typeof said === 'string' ? ` and not ${TAKEN[said]}` : ''}${said === 'released' ? ` and not ${OF_ANOTHER}` : ''}`;
  await tx.unsafe(
    `update exchange.staging s set
       outcome = case
         when not s.has_body and s.outcome is null then 'unchanged'
         when l.reason = 'duplicate-in-job' or s.reason in ('entered-in-error', 'deleted-at-source') then 'unchanged'
         when ${isReplaced} then 'unchanged'
         when i.state = 'visible' and s.is_shared then 'unchanged'
         when i.state = 'visible' and s.outcome in ('created', 'linked-duplicate') then 'updated'
         else s.outcome end,
       reason = case
         when not s.has_body and s.outcome is null then 'superseded'
         when l.reason = 'duplicate-in-job' or s.reason in ('entered-in-error', 'deleted-at-source') then 'superseded'
         when ${isReplaced} then 'superseded'
         when i.state = 'visible' and s.is_shared then 'superseded'
         when i.state = 'visible' and s.outcome in ('created', 'linked-duplicate') then case when i.hash is distinct from s.hash then null else 'replayed' end
         else s.reason end,
       made_id = coalesce(s.made_id, s.local_id), local_id = case when i.state = 'visible' then i.local_id else s.local_id end,
       member_id = coalesce(s.member_id, case when i.state = 'visible' then i.member_id end)
     from exchange.staging x
     join exchange.ledger l on l.pull_id = $2 and l.file = x.file and l.line = x.line and l.entry = x.entry
     left join exchange.identity i on i.peer_id = $3 and i.type = x.type and i.source_id = x.source_id
     where s.pull_id = $1 and x.pull_id = $1 and s.file = x.file and s.line = x.line and s.entry = x.entry`,
    [work.id, work.pull, work.peerId],
  );
  if (said === 'released') await askWhose(tx, work);
  if (moved !== 'held') await holdSensitiveDrugs(tx, work, said === 'given-back');
  if (moved === 'taken') await takeMoved(tx, work);
  if (moved === 'held') return holdMoved(tx, work);
  if (typeof said === 'object') await holdAgain(tx, work, said.again);
  if (moved === undefined) {
    await waitingUnits(tx, work);
    await strayVersions(tx, work, JUDGED_ANEW);
  }
  await sharedUnits(tx, work.id);
  await echoes(tx, work);
  await ownStatements(tx, work);
  await statementEchoes(tx, work);
}

/** What is here of the unit waits for a reason, or still does: the process may have died before the one before it was shown. identity_pkey. */
const holdAgain = (tx: Queryable, work: Decided, reason: string) => tx`
  update exchange.staging s set outcome = 'quarantined', reason = ${reason} from exchange.identity i
  where s.pull_id = ${work.id} and i.peer_id = ${work.peerId} and i.type = s.type and i.source_id = s.source_id and i.state in ('visible', 'quarantined') and i.hash = s.hash`;

/** May unit `s` take the place of another version, or of what was taken back, that identity `i` is of? Such an item is gone when a later version is here. */
const TAKEN = {
  // what is not shown of anybody may be another member's by now
  released: `coalesce(i.state in ('visible', 'quarantined', 'retracted') and not s.is_shared and (i.state <> 'visible' or i.member_id is not distinct from s.member_id)
    and s.outcome in ('created', 'linked-duplicate', 'quarantined') and (i.state = 'retracted' or (s.last_updated < i.last_updated) is not true), false)`,
  'given-back': `coalesce(i.state = 'quarantined' and i.member_id = s.member_id, false)`,
};

/** Is another member shown what identity `i` is of, of an older version? */
const OF_ANOTHER = `coalesce(i.state in ('visible', 'echo') and i.member_id <> s.member_id and not s.is_shared and s.targets is null
    and (s.last_updated < i.last_updated) is not true, false)`;

/** Whose it is was not asked before, as another check held it: it waits for that. identity_pkey. */
async function askWhose(tx: Queryable, work: Decided): Promise<void> {
  await tx.unsafe(
    `update exchange.staging s set outcome = 'quarantined', reason = 'patient-change', local_id = s.made_id from exchange.identity i
     where s.pull_id = $1 and s.outcome in ('created', 'linked-duplicate', 'updated') and i.peer_id = $2 and i.type = s.type and i.source_id = s.source_id and ${OF_ANOTHER}`,
    [work.id, work.peerId],
  );
}

/** New ones, later versions that are released, and those that are shown unless a person said that this version may be. review_decision_item. */
const JUDGED_ANEW = `((s.outcome in ('created', 'linked-duplicate', 'updated') and s.reason is null) or (s.outcome = 'updated' and s.reason = 'replayed'
  and not ${isReleasedVersion(heldItem('$2::text', 's.type', 's.source_id'), 's.hash')}))`;

/** What waits for a person to say whose it is goes on waiting. identity_pkey. */
async function waitingUnits(tx: Queryable, work: Decided): Promise<void> {
  await tx.unsafe(
    `update exchange.staging s set outcome = 'quarantined', reason = 'patient-change' from exchange.identity i
     where s.pull_id = $1 and s.outcome in ('created', 'linked-duplicate') and i.peer_id = $2 and i.type = s.type and i.source_id = s.source_id and ${waits}`,
    [work.id, work.peerId],
  );
}

/** Units whose record would be written as it is already are unchanged; their links are judged all the same. */
export async function settleReplayed(tx: Queryable, work: string): Promise<void> {
  await tx`
    update exchange.staging s set outcome = 'unchanged'
    from exchange.staged_text t left join exchange.staged_reference w using (pull_id, file, line, entry), exchange.resource r
    where s.pull_id = ${work} and s.reason = 'replayed' and t.pull_id = ${work} and t.file = s.file and t.line = s.line and t.entry = s.entry
      and r.member_id = s.member_id and r.type = s.type and r.id = s.local_id
      and replace(replace(coalesce(w.final, t.body), '%version%', r.version::text), '%time%', coalesce(r.body::jsonb #>> '{meta,lastUpdated}', '')) = r.body
      and s.service_end is not distinct from r.service_end and s.pa_state is not distinct from r.pa_state and s.pa_end is not distinct from r.pa_end
      and s.label is not distinct from r.own_label and s.substance is not distinct from r.substance and s.claim is not distinct from r.claim`;
}

export type UnitChange = {
  file: number;
  line: number;
  entry: number;
  type: string | null;
  sourceId: string | null;
  memberId: string | null;
  outcomeBefore: string;
  reasonBefore: string | null;
  outcome: string;
  reason: string | null;
};

/**
 * Units that are another thing now than what the ledger, or the last revision, says: out of quarantine, into it, for another
 * reason, or in another form (`updated`).
 */
export async function unitChanges(tx: Queryable, work: Decided): Promise<UnitChange[]> {
  return [
    ...(await tx.unsafe<UnitChange[]>(
      `with now as (
         select l.file, l.line, l.entry, s.type, s.source_id, s.member_id, coalesce(v.outcome, l.outcome) as before, case when v.outcome is null then l.reason else v.reason end as reason_before,
           s.outcome, case when s.reason = 'replayed' then null else s.reason end as reason, coalesce(s.reason = 'replayed', false) as again
         from exchange.staging s join exchange.ledger l on l.pull_id = $2 and l.file = s.file and l.line = s.line and l.entry = s.entry ${LAST_REVISION}
         where s.pull_id = $1 and s.reason is distinct from 'superseded'
       )
       select file, line, entry, type, source_id as "sourceId", member_id as "memberId", before as "outcomeBefore", reason_before as "reasonBefore", outcome, reason
       from now
       where (again and outcome = 'updated')
         or (not again and (before in ('quarantined', 'rejected')) <> (outcome in ('quarantined', 'rejected')))
         or (not again and before in ('quarantined', 'rejected') and (outcome <> before or reason is distinct from reason_before))
       order by file, line, entry`,
      [work.id, work.pull],
    )),
  ];
}

export async function writeRevisions(
  tx: Queryable,
  pullId: string,
  changes: readonly UnitChange[],
  why: { cause: 'replay' | 'release' | 'arrival' | 'discard'; rules: number; by: string; at: Date },
): Promise<void> {
  for (let i = 0; i < changes.length; i += 5000)
    await tx`
      insert into exchange.unit_revision (pull_id, file, line, entry, outcome_before, reason_before, outcome, reason, cause, rules, by, at)
      select ${pullId}, file, line, entry, "outcomeBefore", "reasonBefore", outcome, reason, ${why.cause}, ${why.rules}, ${why.by}, ${why.at}
      from jsonb_to_recordset(${JSON.stringify(changes.slice(i, i + 5000))}::text::jsonb)
        as c(file integer, line integer, entry integer, "outcomeBefore" text, "reasonBefore" text, outcome text, reason text)`;
}

export type LinkRow = {
  memberId: string;
  type: string;
  a: string;
  b: string;
  kind: string;
  state: string;
  rule: string;
};

/** Links of the members of a work. Primary key (member first). */
export async function linksOfWork(tx: Queryable, work: string): Promise<LinkRow[]> {
  return [
    ...(await tx<LinkRow[]>`
      select l.member_id as "memberId", l.type, l.a_id as a, l.b_id as b, l.kind, l.state, l.rule
      from (select distinct member_id from exchange.staging where pull_id = ${work} and member_id is not null) m
      join exchange.link l on l.member_id = m.member_id order by 1, 2, 3, 4, 5`),
  ];
}

export async function membersOfWork(tx: Queryable, work: string): Promise<string[]> {
  const rows = await tx<{ id: string }[]>`
    select distinct member_id as id from exchange.staging where pull_id = ${work} and member_id is not null order by 1`;
  return rows.map((r) => r.id);
}

/** Places of Provenance that waited for a record and whose record is there now. dangling by peer; identity by key. */
export async function arrivedUnits(
  sql: Queryable,
  peerId: string,
): Promise<{ pullId: string; file: number; line: number; entry: number; sourceId: string }[]> {
  return [
    ...(await sql<{ pullId: string; file: number; line: number; entry: number; sourceId: string }[]>`
      with ready as (
        select distinct d.id from exchange.dangling d
        join exchange.identity t on t.peer_id = d.peer_id and t.type = d.target_type and t.source_id = d.target_id and t.state in ('visible', 'echo')
        join exchange.identity p on p.peer_id = d.peer_id and p.type = 'Provenance' and p.source_id = d.id and p.state = 'quarantined'
        where d.peer_id = ${peerId} and d.member_id = '' and d.type = 'Provenance'
      )
      select distinct on (r.id) l.pull_id as "pullId", l.file, l.line, l.entry, r.id as "sourceId"
      from ready r join exchange.identity p on p.peer_id = ${peerId} and p.type = 'Provenance' and p.source_id = r.id
      join exchange.ledger_unit l on l.pull_id = p.last_pull and l.type = 'Provenance' and l.source_id = r.id and l.outcome = 'quarantined'
      order by r.id, l.file desc, l.line desc`),
  ];
}

export async function forgetWaiting(tx: Queryable, peerId: string, sourceIds: readonly string[]): Promise<void> {
  await tx`delete from exchange.dangling where peer_id = ${peerId} and member_id = '' and type = 'Provenance' and id = any(${[...sourceIds]}::text[])`;
}

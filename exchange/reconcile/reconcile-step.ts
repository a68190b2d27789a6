// reconciling → done: stage, decide, rewrite, commit. Everything before the commit may be repeated; the commit is one
// transaction, at whose end the database itself checks that no unit is lost (trigger pull_conservation).
import { formatInstant } from '../../src/fhir/instant.ts';
import { referencesIn } from '../../src/fhir/json-text.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import type { Queryable, Sql } from '../../src/store/database.ts';
import { localDay, yearsBefore } from '../clocks/business-day.ts';
import { addresses, ourselves } from '../plan.ts';
import { advance, type Step } from '../pull/states.ts';
import { auditRow, writeAudit } from '../store/audit.ts';
import { commitPull } from '../store/commit-pull.ts';
import { movePull, pullMembers, withdrawnMembers } from '../store/pull.ts';
import { noteFaults } from '../store/pull-fault.ts';
import { pullFiles, REFETCHED, refetchFile, stagedLines } from '../store/pull-file.ts';
import { decideUnits, resolveTargets, type ToRewrite, unitsToWrite } from '../store/reconcile.ts';
import { transactionInstant } from '../store/records.ts';
import { clearStaging, mostlyHeld, type RewrittenUnit, stageRewritten, stagingClients } from '../store/staging.ts';
import type { UnitContext } from './read-unit.ts';
import { peerKey, rewriteReferences, type Target } from './rewrite.ts';
import { stageFile } from './stage.ts';

const PAGE = 1000;
/** Half a decade: the span the rule speaks of. Older records are kept and flagged. */
const RULE_YEARS = 5;

async function unitContext(s: Step): Promise<UnitContext> {
  const { sql } = s.deps.database;
  const withdrawn = new Set(await withdrawnMembers(sql, s.pull.id));
  const members = new Map<string, { memberId: string; policy: string; withdrawn: boolean }>();
  for (const m of await pullMembers(sql, s.pull.id))
    if (m.outcome === 'matched' && m.peerPatientId !== null)
      members.set(m.peerPatientId, { memberId: m.memberId, policy: m.policy, withdrawn: withdrawn.has(m.memberId) });
  return {
    peerId: s.peer.id,
    peerBase: s.peer.fhirBase ?? '',
    ourBase: addresses(s.deps.config).fhir,
    members,
    windowStart: yearsBefore(localDay(s.pull.kickedOffAt ?? s.pull.createdAt, s.deps.config.timeZone), RULE_YEARS),
    validate,
  };
}

type Resolved = { units: ToRewrite[]; targets: ReadonlyMap<string, Target> };

/** Pages of units that will be written, each with what their references lead to. One page ahead of its reader. */
async function* resolvedPages(s: Step, context: UnitContext, reader: Sql): AsyncGenerator<Resolved> {
  const { sql } = s.deps.database;
  const resolve = async (units: ToRewrite[]): Promise<Resolved> => {
    const keys = new Set<string>();
    for (const unit of units)
      for (const reference of referencesIn(unit.body)) {
        const key = peerKey(reference, context.peerBase);
        if (key !== undefined) keys.add(key);
      }
    return { units, targets: await resolveTargets(sql, s.pull.id, s.peer.id, [...keys]) };
  };
  let ahead: Promise<Resolved> | undefined;
  for await (const units of unitsToWrite(reader, s.pull.id, PAGE)) {
    const next = resolve(units);
    next.catch(() => {}); // judged when it is awaited
    if (ahead) yield await ahead;
    ahead = next;
  }
  if (ahead) yield await ahead;
}

/** Rewritten texts of the units that will be written. */
async function* rewritten(s: Step, context: UnitContext, reader: Sql): AsyncGenerator<RewrittenUnit> {
  const memberOf = (key: string) => context.members.get(key.slice('Patient/'.length))?.memberId;
  for await (const { units, targets } of resolvedPages(s, context, reader))
    for (const unit of units) {
      const out = rewriteReferences(unit.body, context.peerBase, memberOf, (key) => targets.get(key));
      yield {
        file: unit.file,
        line: unit.line,
        entry: unit.entry,
        final: out.json,
        links: out.links,
        refers: out.refers,
        targets: aboutOf(unit.targets, targets, memberOf),
      };
    }
}

/** What a Provenance is about, in our keys. */
function aboutOf(
  keys: string[] | null,
  known: ReadonlyMap<string, { localId: string }>,
  memberOf: (key: string) => string | undefined,
): string[] | undefined {
  return keys?.flatMap((key) => {
    const type = key.slice(0, key.indexOf('/'));
    const id = known.get(key)?.localId ?? (type === 'Patient' ? memberOf(key) : undefined);
    return id === undefined ? [] : [`${type}/${id}`];
  });
}

async function rewrite(s: Step, context: UnitContext): Promise<void> {
  await s.deps.database.sql`delete from exchange.rewritten where pull_id = ${s.pull.id}`;
  const writer = s.deps.database.dedicated('copy');
  const reader = s.deps.database.dedicated('copy');
  try {
    await stageRewritten(writer, s.pull.id, rewritten(s, context, reader));
  } finally {
    await Promise.all([writer.end({ timeout: 1 }), reader.end({ timeout: 1 })]);
  }
}

export async function reconcileStep(s: Step): Promise<void> {
  const { sql } = s.deps.database;
  let since = performance.now();
  const took = (part: string) => {
    s.deps.log('debug', 'reconcile', { pull: s.pull.id, part, ms: Math.round(performance.now() - since) });
    since = performance.now();
  };
  const context = await unitContext(s);
  if (!(await stageAll(s, context))) return;
  took('stage');
  await sql`analyze exchange.staging`;
  took('analyze');
  await sql.begin((tx) => decideUnits(tx, s.pull.id, s.peer.id));
  took('decide');
  await rewrite(s, context);
  took('rewrite');
  await sql`analyze exchange.rewritten`;
  await commit(s);
  took('commit');
  await clearStaging(sql, s.pull.id);
  took('clear');
}

/** Stages every file. False when one of them is not what the manifest declared: then the pull moved elsewhere. */
async function stageAll(s: Step, context: UnitContext): Promise<boolean> {
  const { sql } = s.deps.database;
  const clients = stagingClients(s.deps.database);
  try {
    for (const file of await pullFiles(sql, s.pull.id)) {
      if (file.kind === 'error' || file.state === 'failed') continue;
      const units = await stageFile(s.deps, s.pull.id, file, context, clients);
      // a manifest counts lines; the line of a deletions file is a Bundle of several units
      const lines = file.kind === 'deleted' ? await stagedLines(sql, s.pull.id, file.position) : units;
      if (file.declared === null || file.declared === lines || s.pull.acceptedBy !== null) continue;
      const detail = `file ${file.position} has ${lines} lines, declared ${file.declared}`;
      if (file.failure !== REFETCHED) {
        const refetch = (tx: Queryable) => refetchFile(tx, s.pull.id, file.position);
        await advance(s, 'downloading', {}, `${detail}: fetched again`, refetch);
        return false;
      }
      await clearStaging(sql, s.pull.id);
      await advance(s, 'unbalanced', { reason: 'count-mismatch' }, detail);
      return false;
    }
    const held = s.pull.acceptedBy === null ? await mostlyHeld(sql, s.pull.id, s.limits.heldLines) : undefined;
    if (held === undefined) return true;
    await clearStaging(sql, s.pull.id);
    const detail = `file ${held.file}: ${held.lines} lines are none or belong to others`;
    await advance(s, 'partial', { reason: 'too-many-held' }, detail);
    return false;
  } finally {
    await clients.end();
  }
}

async function commit(s: Step): Promise<void> {
  const us = ourselves(s.deps.config);
  await s.deps.database.sql.begin(async (tx) => {
    const at = await transactionInstant(tx);
    const now = new Date(at);
    await tx`update exchange.pull_file set units = 0 where pull_id = ${s.pull.id} and state = 'failed' and kind <> 'error'`;
    await commitPull(
      tx,
      s.pull.id,
      { id: s.peer.id, name: s.peer.name, npi: s.peer.npi },
      { name: us.name, npi: us.npi },
      formatInstant(now),
    );
    await noteFaults(tx, s.pull.id, s.faults);
    s.faults.clear();
    const outcomes = await tx<
      { outcome: string; n: number }[]
    >`select outcome, count(*)::int as n from exchange.staging where pull_id = ${s.pull.id} group by outcome`;
    const members = await tx<{ memberId: string; n: number }[]>`
      select member_id as "memberId", count(*)::int as n from exchange.staging where pull_id = ${s.pull.id} and member_id is not null group by member_id`;
    await movePull(
      tx,
      s.pull.id,
      s.owner,
      s.deps.clock(),
      'done',
      { finishedAt: s.deps.clock() },
      outcomes.map((o) => `${o.n} ${o.outcome}`).join(', '),
    );
    await writeAudit(tx, [
      auditRow({
        at: now,
        actorKind: 'system',
        actor: 'pull',
        action: 'pull-done',
        object: `pull/${s.pull.id}`,
        peerId: s.peer.id,
        detail: Object.fromEntries(outcomes.map((o) => [o.outcome, o.n])),
      }),
      ...members.map((m) =>
        auditRow({
          at: now,
          actorKind: 'system',
          actor: 'pull',
          action: 'received',
          object: `pull/${s.pull.id}`,
          memberId: m.memberId,
          peerId: s.peer.id,
          detail: { units: m.n },
        }),
      ),
    ]);
    for (const o of outcomes) s.deps.metrics.count('pull_lines_total', { outcome: o.outcome }, o.n);
  });
}

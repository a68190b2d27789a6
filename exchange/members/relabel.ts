// Records that another version of the rules decided are decided by this one: labels and what they pass on, the facts by which they
// leave, and their form for peers. Until then they count as sensitive (store/export.ts). It may be stopped at any time, and goes on where it stopped.
import type { Deps } from '../../src/deps.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import type { Sql } from '../../src/store/database.ts';
import { type AuditEntry, auditRow, writeAudit } from '../store/audit.ts';
import {
  decideAlone,
  holdsRelabelling,
  inheritLabelsOf,
  lastDecider,
  leftUndecided,
  membersAfter,
  RELABELLING,
  type Unclassified,
  unclassifiedOf,
  undecidedOf,
  writeDecided,
} from '../store/labels.ts';
import { transactionInstant } from '../store/records.ts';
import { factsOf } from '../transform/facts.ts';
import { LABELLER_VERSION } from '../transform/label.ts';
import { PROGRAM } from '../transform/value-sets.ts';
import { labelledReferences } from './read-own.ts';

/** Members that are looked at together, */
const MEMBERS = 50;
/** and records of theirs that are read and written together: of one member more than that, if there are. */
const RECORDS = 2000;

/** Members in parts of at most so many records, each of one member at least. */
export function inParts(members: readonly { id: string; records: number }[], most = RECORDS): string[][] {
  const parts: string[][] = [];
  let held = Number.POSITIVE_INFINITY;
  for (const { id, records } of members) {
    if (held + records > most) {
      parts.push([]);
      held = 0;
    }
    parts.at(-1)?.push(id);
    held += records;
  }
  return parts;
}

/** What the rules of today say of a record; large documents of ours alone become links, as when they came. */
function decidedOf({ body, isOwn, isStripped }: Unclassified) {
  const resource = JSON.parse(body) as Resource;
  const facts = factsOf(resource, body, isOwn, isStripped);
  return {
    label: facts.label,
    serviceEnd: facts.serviceEnd,
    paState: facts.authorization?.state,
    paChanged: facts.authorization?.changed,
    paEnd: facts.authorization?.end,
    withheld: facts.withheld,
    shared: facts.shared,
    refers: labelledReferences(resource.resourceType, body),
  };
}

/** All records of some members that are not decided by this version, some members at a time. */
async function decideOf(sql: Sql, memberIds: readonly string[]): Promise<Relabelled> {
  const total = { records: 0, changed: 0 };
  for (const part of inParts(await undecidedOf(sql, memberIds))) {
    const done = await decidePart(sql, part);
    total.records += done.records;
    total.changed += done.changed;
  }
  return total;
}

async function decidePart(sql: Sql, memberIds: readonly string[]): Promise<Relabelled> {
  const records = await unclassifiedOf(sql, memberIds);
  if (records.length === 0) return { records: 0, changed: 0 };
  const said = records.map((r) => ({
    memberId: r.memberId,
    type: r.type,
    id: r.id,
    version: r.version,
    ...decidedOf(r),
  }));
  const { relabelled } = await sql.begin(async (tx) => {
    await decideAlone(tx);
    const at = await transactionInstant(tx);
    const written = await writeDecided(tx, said, at);
    await inheritLabelsOf(tx, [...new Set(said.map((r) => r.memberId))], at);
    return written;
  });
  return { records: records.length, changed: relabelled };
}

/**
 * After an update of the program, records of some members before they leave: what older rules decided would stay, and whoever asks next for
 * changes could not tell. Nothing to do, without a look at the records, once all are decided, or where a newer program decides beside this one.
 * @param each called between two transactions; false ends it
 */
export async function decideAhead(
  deps: Pick<Deps, 'database'>,
  memberIds: readonly string[],
  each: () => Promise<boolean> = async () => true,
): Promise<boolean> {
  const { sql } = deps.database;
  if (memberIds.length === 0) return true;
  const last = await lastDecider(sql);
  if (last === undefined || last.labeller === LABELLER_VERSION || last.program > PROGRAM) return true;
  for (let from = 0; from < memberIds.length; from += MEMBERS) {
    await decideOf(sql, memberIds.slice(from, from + MEMBERS));
    if (!(await each())) return false;
  }
  return true;
}

type By = Pick<AuditEntry, 'actorKind' | 'actor'>;
type Relabelled = { records: number; changed: number };

/**
 * @param ending stops it between two transactions
 * @returns records that were looked at, and those of which something became another
 */
export async function relabel(
  deps: Pick<Deps, 'database' | 'clock'>,
  by: By = { actorKind: 'command', actor: 'members relabel' },
  ending?: AbortSignal,
): Promise<Relabelled> {
  const { sql } = deps.database;
  const total = { records: 0, changed: 0 };
  for (let after = ''; ; ) {
    if (ending?.aborted) return total;
    const members = await membersAfter(sql, after, MEMBERS);
    const last = members.at(-1);
    if (last === undefined) break;
    after = last;
    const done = await decideOf(sql, members);
    total.records += done.records;
    total.changed += done.changed;
  }
  // that there was nothing is worth a row only where it is not looked for again because of it
  if (total.records === 0 && by.actorKind !== 'system') return total;
  await writeAudit(sql, [
    auditRow({
      at: deps.clock(),
      ...by,
      ...RELABELLING,
      detail: { ...total, labeller: LABELLER_VERSION, program: PROGRAM },
    }),
  ]);
  return total;
}

/**
 * The same without anybody asking, where another labeller was the last to decide: after an update of the program, or with another list, all
 * that is held would stay out of exports under #regular until somebody thought of it. One process at a time; what is there already is
 * known from the audit, without a look at the records.
 * @param again this process has seen to it before: it takes back only what an older program has decided since. Two of them would otherwise
 *   decide in turn; which one began last says nothing, as an older one may be started again beside a newer
 * @returns whether nothing is left to do here: false when another process has it in hand, which may end before it is through
 */
export async function relabelAfterUpdate(
  deps: Pick<Deps, 'database' | 'clock' | 'log'>,
  ending?: AbortSignal,
  again = false,
): Promise<boolean> {
  const isOurs = async (): Promise<boolean> => {
    const last = await lastDecider(deps.database.sql);
    // what an older program wrote beside us, behind the walk over the members, would never be decided
    if (last?.labeller === LABELLER_VERSION && (await leftUndecided(deps.database.sql, last.at))) return false;
    return last?.labeller === LABELLER_VERSION || (again && last !== undefined && last.program >= PROGRAM);
  };
  if (await isOurs()) return true;
  const lock = deps.database.dedicated('work');
  try {
    if (!(await holdsRelabelling(lock))) return false;
    if (await isOurs()) return true; // another one was quicker
    const done = await relabel(deps, { actorKind: 'system', actor: 'labels' }, ending);
    if (done.records > 0) deps.log('warn', 'records labelled anew', { ...done, labeller: LABELLER_VERSION });
    return true;
  } finally {
    await lock.end({ timeout: 1 });
  }
}

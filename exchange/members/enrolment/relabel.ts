// Records that another version of the rules decided are decided by this one: labels and what they pass on, the facts by which they
// leave, and their form for peers. Until then they do not leave (responder/export/export-rows.ts). It may be stopped at
// any time, and goes on where it stopped.

import type { Sql } from '../../../src/db/database.ts';
import { beginAgain } from '../../../src/db/retry.ts';
import type { Deps } from '../../../src/deps.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { PROGRAM } from '../../../src/sensitive-value-sets.ts';
import { type AuditEntry, auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { factsOf } from '../../records/facts/facts.ts';
import { LABELLER_VERSION } from '../../records/facts/label.ts';
import { inheritLabelsOf } from '../../records/inherit-labels.ts';
import { labelsStay } from '../../records/label-lock.ts';
import {
  anyUndecided,
  type Decider,
  decideAlone,
  holdsRelabelling,
  lastDecider,
  leftUndecided,
  membersAfter,
  RELABEL_BEGUN,
  RELABELLING,
  type Unclassified,
  unclassifiedOf,
  undecidedOf,
  writeDecided,
} from '../../records/labels.ts';
import { transactionInstant } from '../../records/records.ts';
import { decideSharedAfter, decideSharedOf, lessThanNamed, noteDrugsOf } from '../../records/shared-labels.ts';
import { askUnclearOf } from '../../records/unclear-items.ts';
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

/**
 * All records of some members that are not decided by this version, some members at a time.
 * @param isWalk also what this version decided is looked at once more, whatever entries it names; else only where it
 * names one that is more sensitive
 */
async function decideOf(sql: Sql, memberIds: readonly string[], isWalk: boolean): Promise<Relabelled> {
  const total = { records: 0, changed: 0 };
  const undecided = await undecidedOf(sql, memberIds);
  for (const part of inParts(undecided)) {
    const done = await decidePart(sql, part);
    total.records += done.records;
    total.changed += done.changed;
  }
  // what this version wrote may name an entry that it had not decided then
  const known = new Set(undecided.map((m) => m.id));
  const others = memberIds.filter((id) => !known.has(id));
  if (others.length > 0) total.changed += await inheritAnew(sql, others, isWalk);
  return total;
}

async function inheritAnew(sql: Sql, members: readonly string[], isWalk: boolean): Promise<number> {
  await beginAgain(sql, async (tx) => decideSharedOf(tx, members, await transactionInstant(tx)));
  const memberIds = isWalk ? members : await lessThanNamed(sql, members);
  if (memberIds.length === 0) return 0;
  return beginAgain(sql, async (tx) => {
    await labelsStay(tx);
    await decideAlone(tx, memberIds);
    return inheritLabelsOf(tx, memberIds, await transactionInstant(tx));
  });
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
  // by itself and before: who waits for these holds nothing of members
  await beginAgain(sql, async (tx) => decideSharedOf(tx, memberIds, await transactionInstant(tx)));
  // who writes records of these members meanwhile (a slice, an import) takes them in another order
  const { relabelled } = await beginAgain(sql, async (tx) => {
    await labelsStay(tx);
    await decideAlone(tx, memberIds);
    const at = await transactionInstant(tx);
    const written = await writeDecided(tx, said, at);
    await askUnclearOf(tx, memberIds, at);
    await noteDrugsOf(tx, memberIds);
    await inheritLabelsOf(tx, [...new Set(said.map((r) => r.memberId))], at);
    return written;
  });
  return { records: records.length, changed: relabelled };
}

/** Is all decided by the rules of this process, but for what another one may have written since? */
const isSettled = (last: Decider | undefined): boolean => last?.labeller === LABELLER_VERSION && last.isDone;
/**
 * May a process decide before it is asked to take part? By rules that hold, or where none or older ones do. Not by
 * those of another list beside one that holds, nor by older ones: two would decide in turn.
 */
const mayDecide = (last: Decider | undefined): boolean =>
  last === undefined || last.labeller === LABELLER_VERSION || last.program < PROGRAM;

/** `decided`: by the rules of this process; `undecided`: others hold, and some are not; `stopped`: by who asked. */
export type Decision = 'decided' | 'undecided' | 'stopped';

/**
 * After an update of the program, records of some members before they leave: what older rules decided would stay, and
 * anyone who asks next for changes could not tell. Nothing to do, without a look at the records, once all are decided.
 * @param each called between two transactions; false ends it
 */
export async function decideAhead(
  deps: Pick<Deps, 'database'>,
  memberIds: readonly string[],
  each: () => Promise<boolean> = async () => true,
): Promise<Decision> {
  const { sql } = deps.database;
  if (memberIds.length === 0) return 'decided';
  const last = await lastDecider(sql);
  if (isSettled(last)) return 'decided';
  if (!mayDecide(last)) return (await anyUndecided(sql, memberIds)) ? 'undecided' : 'decided';
  for (let from = 0; from < memberIds.length; from += MEMBERS) {
    await decideOf(sql, memberIds.slice(from, from + MEMBERS), false);
    if (!(await each())) return 'stopped';
  }
  return 'decided';
}

/** Do some members have records that are not decided by the rules of this process? Asked of the records only until all are. */
export async function haveUndecided(deps: Pick<Deps, 'database'>, memberIds: readonly string[]): Promise<boolean> {
  const { sql } = deps.database;
  return !isSettled(await lastDecider(sql)) && (await anyUndecided(sql, memberIds));
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
  const note = (what: typeof RELABEL_BEGUN | typeof RELABELLING, more: object = {}) =>
    writeAudit(sql, [
      auditRow({
        at: deps.clock(),
        ...by,
        ...what,
        detail: { ...more, labeller: LABELLER_VERSION, program: PROGRAM },
      }),
    ]);
  const last = await lastDecider(sql);
  // these rules hold from now on: a process with others decides nothing beside this one
  if (last?.labeller !== LABELLER_VERSION) await note(RELABEL_BEGUN);
  for (let after: [string, string] | undefined = ['', '']; after; ) {
    if (ending?.aborted) return total;
    const from: [string, string] = after;
    after = await beginAgain(sql, async (tx) => decideSharedAfter(tx, from, await transactionInstant(tx)));
  }
  for (let after = ''; ; ) {
    if (ending?.aborted) return total;
    const members = await membersAfter(sql, after, MEMBERS);
    const end = members.at(-1);
    if (end === undefined) break;
    after = end;
    const done = await decideOf(sql, members, true);
    total.records += done.records;
    total.changed += done.changed;
  }
  // that there was nothing is worth a row only where something is not looked for again because of it
  if (total.records > 0 || !isSettled(last) || by.actorKind === 'system') await note(RELABELLING, total);
  return total;
}

/**
 * The same without anyone asking, where another labeller was the last to decide: after an update of the program, or with another list, all
 * that is held would stay out of exports until someone thought of it. One process at a time; what is there already is
 * known from the audit, without a look at the records.
 * @param before what this process found when it saw to it last, undefined the first time: it takes back only what an
 * older program has decided
 *   since, and looks at all records again while it finds some, as an older program may have written them behind its walk. Two with other
 *   lists would otherwise decide in turn: the rules of the one that began last hold
 * @returns how many records were found that were not decided; undefined when another process has it in hand, which may
 * end before it is through
 */
export async function relabelAfterUpdate(
  deps: Pick<Deps, 'database' | 'clock' | 'log'>,
  ending?: AbortSignal,
  before?: number,
): Promise<number | undefined> {
  const { sql } = deps.database;
  const hasNothing = async (): Promise<boolean> => {
    const last = await lastDecider(sql);
    if (before === undefined) return isSettled(last) && !(await leftUndecided(sql, last?.at ?? new Date(0)));
    if (last === undefined || last.program < PROGRAM) return false;
    if (last.labeller !== LABELLER_VERSION) return true;
    return last.isDone && before === 0 && !(await leftUndecided(sql, last.at));
  };
  if (await hasNothing()) return 0;
  const lock = deps.database.dedicated('work');
  try {
    if (!(await holdsRelabelling(lock))) return undefined;
    if (await hasNothing()) return 0; // another one was quicker
    const done = await relabel(deps, { actorKind: 'system', actor: 'labels' }, ending);
    if (done.records > 0) deps.log('warn', 'records labelled again', { ...done, labeller: LABELLER_VERSION });
    return done.records;
  } finally {
    await lock.end({ timeout: 1 });
  }
}

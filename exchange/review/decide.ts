// What a person decides about an item, and what follows from it. Decisions are only ever added: taking one back is one more.

import { beginAgain } from '../../src/db/retry.ts';
import type { Deps } from '../../src/deps.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { RULES_VERSION } from '../reconcile/judge/verdict.ts';
import { deniedSinceOf } from '../records/denied-since.ts';
import { isDoubtOf, moveDoubted } from '../records/doubt.ts';
import { inheritLabelsOf } from '../records/inherit-labels.ts';
import { labelsStay } from '../records/label-lock.ts';
import { transactionInstant } from '../records/records.ts';
import { writeRevisions } from '../records/replay.ts';
import { settleMember } from '../records/settle-links.ts';
import { findLine } from '../requester/report/line-rows.ts';
import { isKept } from './kept.ts';
import { ITEM_KINDS, ONE_PERSON, type PersonDecision } from './kinds.ts';
import { RELEASE_MS, releaseUnit } from './release.ts';
import { addRelease, forgetRelease, type ReleaseDue } from './release-due.ts';
import {
  decisionsOf,
  findItem,
  type Item,
  linkByPerson,
  saidOfPair,
  undoLinks,
  unlinkByPerson,
  writeDecision,
} from './review-rows.ts';

export type Person = { subject: string; name: string; role: string; development: boolean };
/** `changed`: the item is not what the person saw. `not-allowed`: its kind does not allow the decision. `not-kept`: what would be read anew is gone. */
export type Refusal = 'no-item' | 'changed' | 'not-allowed' | 'no-reason' | 'nothing-to-undo' | 'not-kept';
/** `later`: what follows of it and takes a while (a kept file is read) is left to the next waking. */
export type Decide = {
  itemId: string;
  decision: PersonDecision | 'undo';
  reason: string;
  mark: string;
  later?: boolean;
};

type Needs = Pick<Deps, 'database' | 'config' | 'clock' | 'blobs'>;
type Tx = Parameters<typeof writeDecision>[0];

const MOST_REASON = 1000;

/** The decision in force: the last that nothing undoes. */
function inForce(all: Awaited<ReturnType<typeof decisionsOf>>) {
  const undone = new Set(all.flatMap((d) => d.undoes ?? []));
  return all.filter((d) => d.undoes === null && !undone.has(d.id)).at(-1);
}

/** What is linked follows what people said last of the two: what they said of former versions holds until they say otherwise, and again when that is taken back. */
async function follow(tx: Tx, item: Item): Promise<void> {
  if (item.memberId === null || item.aId === null || item.bId === null) return;
  const at = await transactionInstant(tx);
  const said = await saidOfPair(tx, item);
  const wasLinked = await undoLinks(tx, item);
  if (said === 'same-event') await linkByPerson(tx, item);
  if (said === 'different-events') await unlinkByPerson(tx, item);
  // what others of the same kind come to follows
  if (wasLinked || said === 'same-event' || said === 'different-events') await settleMember(tx, item.memberId, at);
  await inheritLabelsOf(tx, [item.memberId], at);
}

async function discardUnit(tx: Tx, item: Item, person: Person, at: Date): Promise<void> {
  // of a pair no line is held
  if (item.bId !== null || item.pullId === null || item.file === null || item.line === null) return;
  const place = { file: item.file, line: item.line, entry: item.entry ?? 0 };
  const line = await findLine(tx, item.pullId, place);
  if (!line) return;
  const { type, sourceId, memberId } = line;
  const change = {
    ...place,
    type,
    sourceId,
    memberId,
    outcomeBefore: 'quarantined',
    reasonBefore: item.kind,
    outcome: 'quarantined',
    reason: item.kind,
  };
  await writeRevisions(tx, item.pullId, [change], { cause: 'discard', rules: RULES_VERSION, by: person.subject, at });
}

/** Decides, or takes the decision in force back. undefined: done. `also` is committed with it. */
export async function decideItem(
  deps: Needs,
  person: Person,
  d: Decide,
  requestId: string,
  also?: (tx: Tx) => Promise<void>,
): Promise<Refusal | undefined> {
  const at = deps.clock();
  const reason = d.reason.trim().slice(0, MOST_REASON);
  if (reason.length < 3) return 'no-reason';
  let released: { item: Item; due: ReleaseDue } | undefined;
  const refused = await beginAgain(deps.database.sql, async (tx): Promise<Refusal | undefined> => {
    released = undefined;
    await labelsStay(tx);
    const item = await findItem(tx, d.itemId, true);
    if (!item) return 'no-item';
    if (item.mark !== d.mark) return 'changed';
    const isUndo = d.decision === 'undo';
    const earlier = isUndo ? inForce(await decisionsOf(tx, item.id)) : undefined;
    if (isUndo && (item.state !== 'decided' || !earlier)) return 'nothing-to-undo';
    // that two members are one is taken back where it was said
    if (earlier?.decision === ONE_PERSON) return 'not-allowed';
    if (!isUndo && item.state !== 'open') return 'changed';
    if (d.decision !== 'undo' && !(ITEM_KINDS[item.kind]?.allows.includes(d.decision) ?? false)) return 'not-allowed';
    const decision = earlier?.decision ?? d.decision;
    // what this takes back may never have been carried out: then nothing has to be read
    const isRead = decision === 'release' && !(await forgetRelease(tx, { itemId: item.id, isUndo: !isUndo }));
    if (isRead && !(await isKept(deps, tx, item))) return 'not-kept';
    const wasDoubted = await isDoubtOf(tx, item.id);
    await writeDecision(tx, item, {
      decision,
      undoes: earlier?.id ?? null,
      subject: person.subject,
      name: person.name,
      role: person.role,
      at,
      reason,
      rules: RULES_VERSION,
    });
    await follow(tx, item);
    if (item.memberId !== null && wasDoubted !== (await isDoubtOf(tx, item.id))) {
      const instant = await transactionInstant(tx);
      await moveDoubted(tx, [{ memberId: item.memberId, peerId: item.peerId }], instant);
      await deniedSinceOf(tx, [item.memberId], instant);
    }
    if (isRead) {
      released = { item, due: { itemId: item.id, isUndo, subject: person.subject, requestId } };
      await addRelease(tx, released.due, new Date(at.getTime() + (d.later === true ? 0 : RELEASE_MS)));
    }
    if (decision === 'discard' && !isUndo) await discardUnit(tx, item, person, at);
    await also?.(tx);
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: 'staff',
        actor: person.subject,
        action: 'decide',
        object: `item/${item.id}`,
        memberId: item.memberId ?? undefined,
        peerId: item.peerId === '' ? undefined : item.peerId,
        reason: isUndo ? 'undo' : decision,
        requestId,
        detail: {
          kind: item.kind,
          decision,
          undo: isUndo,
          rules: RULES_VERSION,
          ...(person.development ? { dev: true } : {}),
        },
      }),
    ]);
    return undefined;
  });
  if (refused === undefined && released !== undefined && d.later !== true)
    await releaseUnit(deps, released.item, released.due);
  return refused;
}

/** Items of one kind are decided alike. */
export type DecideAll = Pick<Decide, 'reason'> & {
  decision: PersonDecision;
  /** as the person saw them */
  items: readonly Pick<Decide, 'itemId' | 'mark'>[];
};

/**
 * Decides several items in the same way, each by itself with a row of its own: one that has changed since stays open. Records that are released by it are taken in
 * one after the other from the next waking on.
 * @returns how many were decided, and how many were not, by why
 */
export async function decideAll(
  deps: Needs,
  person: Person,
  d: DecideAll,
  requestId: string,
): Promise<{ decided: number; refused: Partial<Record<Refusal, number>> }> {
  const done = { decided: 0, refused: {} as Partial<Record<Refusal, number>> };
  for (const item of d.items) {
    const refused = await decideItem(
      deps,
      person,
      { ...item, decision: d.decision, reason: d.reason, later: true },
      requestId,
    );
    if (refused === undefined) done.decided++;
    else done.refused[refused] = (done.refused[refused] ?? 0) + 1;
  }
  return done;
}

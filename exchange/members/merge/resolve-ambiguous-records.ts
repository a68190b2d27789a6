// What two members who are one person answer: records that waited as it could not be determined which of the two they
// are of are taken in, and wait again when the two are two.

import type { Queryable } from '../../../src/db/database.ts';
import type { Deps } from '../../../src/deps.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { RULES_VERSION } from '../../reconcile/judge/verdict.ts';
import { isKept } from '../../review/kept.ts';
import { addRelease, forgetRelease } from '../../review/release-due.ts';
import { findItem, type Item, writeDecision } from '../../review/review-rows.ts';
import { answeredBy, noteAnswered } from './ambiguous-records.ts';
import type { Merge } from './member-merge.ts';

type Needs = Pick<Deps, 'clock' | 'blobs'>;
type Who = { kind: 'staff' | 'system' | 'command'; subject: string; requestId: string };

async function say(
  tx: Queryable,
  deps: Needs,
  item: Item,
  d: { undoes: string | null; at: Date; reason: string },
  who: Who,
): Promise<void> {
  const by = { subject: who.subject, name: who.subject, role: 'reviewer', rules: RULES_VERSION };
  await writeDecision(tx, item, { ...by, ...d, decision: 'release' });
  await writeAudit(tx, [
    auditRow({
      at: deps.clock(),
      actorKind: who.kind,
      actor: who.subject,
      action: 'decide',
      object: `item/${item.id}`,
      memberId: item.memberId ?? undefined,
      peerId: item.peerId,
      reason: d.undoes === null ? 'release' : 'undo',
      requestId: who.requestId,
      detail: { kind: item.kind, decision: 'release', undo: d.undoes !== null, rules: RULES_VERSION },
    }),
  ]);
}

/** They are released from the next tick on, but for those whose file is gone: of these a person is asked on. */
export async function answer(
  tx: Queryable,
  deps: Needs,
  { id, at, reason }: Pick<Merge, 'id' | 'at' | 'reason'>,
  asked: readonly string[],
  who: Who,
): Promise<void> {
  const answered: string[] = [];
  for (const itemId of asked) {
    const item = await findItem(tx, itemId, true);
    if (item?.state !== 'open' || !(await isKept(deps, tx, item))) continue;
    answered.push(itemId);
    await say(tx, deps, item, { undoes: null, at, reason: `The two members are one person: ${reason}` }, who);
    await addRelease(tx, { itemId, isUndo: false, subject: who.subject, requestId: who.requestId }, at);
  }
  await noteAnswered(tx, id, answered);
}

/** It is asked again, where no one has said otherwise since. */
export async function askAgain(
  tx: Queryable,
  deps: Needs,
  merge: Pick<Merge, 'id' | 'at'>,
  d: { at: Date; reason: string },
  who: Who,
): Promise<void> {
  for (const { id: itemId, decision, isTaken } of await answeredBy(tx, merge)) {
    const item = await findItem(tx, itemId, true);
    if (item === undefined) continue;
    const isDue = await forgetRelease(tx, { itemId, isUndo: false });
    await say(
      tx,
      deps,
      item,
      { undoes: decision, at: d.at, reason: `The two are two members again: ${d.reason}` },
      who,
    );
    if (isTaken && !isDue)
      await addRelease(tx, { itemId, isUndo: true, subject: who.subject, requestId: who.requestId }, d.at);
  }
}

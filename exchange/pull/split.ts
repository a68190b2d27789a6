// A pull that is divided: some of its members go to another one, which begins anew.
import { auditRow, writeAudit } from '../store/audit/audit.ts';
import { addPull, type movePull, pullMembers } from '../store/pull/pull.ts';
import { moveMembers } from '../store/pull/pull-member.ts';
import { advance, type Step } from './states.ts';

/** Gives some members of a pull to another one, which is due now. */
export async function moveToOther(
  tx: Parameters<typeof movePull>[0],
  s: Step,
  submittedIds: readonly string[],
): Promise<void> {
  const at = s.deps.clock();
  const { peerId, cause, isFull, dueAt } = s.pull;
  const other = await addPull(tx, { peerId, cause, isFull, createdAt: at, dueAt }, []);
  await moveMembers(tx, s.pull.id, other, submittedIds);
  await writeAudit(tx, [
    auditRow({
      at,
      actorKind: 'system',
      actor: 'pull',
      action: 'pull-planned',
      object: `pull/${other}`,
      peerId,
      detail: { members: submittedIds.length, cause },
    }),
  ]);
}

/** For a peer that takes fewer members at once (413): both halves begin anew. False when there is only one member: then it is not the number that is too large. */
export async function splitPull(s: Step): Promise<boolean> {
  const members = await pullMembers(s.deps.database.sql, s.pull.id);
  if (members.length < 2) return false;
  const half = members.slice(Math.ceil(members.length / 2)).map((m) => m.submittedId);
  s.note('peer-batch');
  await advance(s, 'authorized', {}, `divided: ${members.length - half.length} stay, ${half.length} go`, (tx) =>
    moveToOther(tx, s, half),
  );
  return true;
}

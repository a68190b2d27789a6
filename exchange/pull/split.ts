// A peer that takes fewer members at once (413): the pull is divided, and both halves begin anew.
import { auditRow, writeAudit } from '../store/audit.ts';
import { addPull, pullMembers } from '../store/pull.ts';
import { moveMembers } from '../store/pull-member.ts';
import { advance, type Step } from './states.ts';

/** False when there is only one member: then it is not the number that is too large. */
export async function splitPull(s: Step): Promise<boolean> {
  const members = await pullMembers(s.deps.database.sql, s.pull.id);
  if (members.length < 2) return false;
  const half = members.slice(Math.ceil(members.length / 2)).map((m) => m.submittedId);
  const at = s.deps.clock();
  s.note('peer-batch');
  await advance(s, 'authorized', {}, `divided: ${members.length - half.length} stay, ${half.length} go`, async (tx) => {
    const { peerId, cause, isFull, dueAt } = s.pull;
    const other = await addPull(tx, { peerId, cause, isFull, createdAt: at, dueAt }, []);
    await moveMembers(tx, s.pull.id, other, half);
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: 'system',
        actor: 'pull',
        action: 'pull-planned',
        object: `pull/${other}`,
        peerId,
        detail: { members: half.length, cause },
      }),
    ]);
  });
  return true;
}

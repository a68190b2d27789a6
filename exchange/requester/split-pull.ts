// A pull that is divided: some of its members go to another one, which begins again.

import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { noteTooMany } from '../peers/peer-takes.ts';
import { releaseJob } from './client/kick-off.ts';
import { addPull, type movePull } from './pull.ts';
import { moveMembers, type PullMember } from './pull-member.ts';
import { abilitiesOf, advance, type Step, some } from './states.ts';

/**
 * Gives some members of a pull to another one, which is due now. It began when this one did: how long the payer may take, and what members
 * have wished since, are counted from the first request.
 * @param isApart they are asked for apart from whom the answer left open
 */
export async function moveToOther(
  tx: Parameters<typeof movePull>[0],
  s: Step,
  submittedIds: readonly string[],
  isApart = false,
): Promise<void> {
  const at = s.deps.clock();
  const { peerId, cause, isFull, createdAt, dueAt } = s.pull;
  const detail = `${some(submittedIds.length, 'member')} of pull ${s.pull.id}`;
  const other = await addPull(tx, { peerId, cause, isFull, createdAt, dueAt }, [], {
    of: s.pull.id,
    at,
    detail,
    isApart: isApart || s.pull.isApart,
  });
  await moveMembers(tx, s.pull.id, other, submittedIds);
  await writeAudit(tx, [
    auditRow({
      at,
      actorKind: 'system',
      actor: 'pull',
      action: 'pull-planned',
      object: `pull/${other}`,
      peerId,
      detail: { members: submittedIds.length, cause, of: s.pull.id },
    }),
  ]);
}

/** Is less asked for when fewer members are? A Group that was agreed on, a list of all Patients, and everybody, stay as large. */
export function asksForMembers(s: Step): boolean {
  const { pull, peer } = s;
  if (pull.state === 'authorized' || pull.state === 'matching')
    return (pull.matchForm ?? abilitiesOf(s).match) === 'bulk';
  const form = pull.fetchForm ?? abilitiesOf(s).fetch;
  return form === 'patient' || (form !== 'all' && (peer.groupThere === null || pull.groupId !== peer.groupThere));
}

/**
 * Lets go of what was begun at the peer and is not gone on with. Before that is written down: a process that dies in between finds the job
 * gone, and begins again.
 */
export async function leaveJobs(s: Step, ...urls: readonly (string | null)[]): Promise<void> {
  for (const url of urls) if (url !== null) await releaseJob(s, url);
}

/**
 * Both halves of a pull begin again.
 * @param isTooMany the peer takes fewer members at once (413), which is noted of it; else one of these is what it does not take
 */
export async function splitPull(s: Step, members: readonly PullMember[], isTooMany = true): Promise<void> {
  const half = members.slice(Math.ceil(members.length / 2)).map((m) => m.submittedId);
  s.note(isTooMany ? 'peer-batch' : 'peer-match-unsaid');
  await leaveJobs(s, s.pull.exportStatusUrl, s.pull.matchStatusUrl);
  await advance(
    s,
    'authorized',
    { exportStatusUrl: null, matchStatusUrl: null, groupId: null },
    `divided: ${members.length - half.length} stay, ${half.length} go to another pull`,
    async (tx) => {
      if (isTooMany) await noteTooMany(tx, s.peer.id, false, s.deps.clock());
      await moveToOther(tx, s, half);
    },
  );
}

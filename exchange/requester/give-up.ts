// A person gives a pull up that waits for its payer, such as one that lost the job and says for ever that it is being
// done, or that waited for a person who has put right what was wrong (`review`). Its members are
// asked for again as after any pull that failed, with what they were asked for now; its jobs there are deleted from the next tick on.
import type { Deps } from '../../src/deps.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { endPull } from './give-up-rows.ts';
import type { PullState } from './pull.ts';

export { BEFORE_RECORDS } from './give-up-rows.ts';

export type GiverUp = { kind: 'staff' | 'command'; subject: string; name: string; development?: boolean };

/** @returns whether the pull was still in the state that the person saw, and nothing of it taken in */
export async function giveUpPull(
  deps: Pick<Deps, 'database' | 'clock'>,
  by: GiverUp,
  pull: { id: string; seen: PullState; note: string },
  requestId?: string,
): Promise<boolean> {
  const at = deps.clock();
  return await deps.database.sql.begin(async (tx) => {
    if (!(await endPull(tx, pull.id, pull.seen, by.name, pull.note, at))) return false;
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: by.kind,
        actor: by.subject,
        action: 'give-up',
        object: `pull/${pull.id}`,
        reason: pull.seen,
        ...(requestId === undefined ? {} : { requestId }),
        ...(by.development === true ? { detail: { dev: true } } : {}),
      }),
    ]);
    return true;
  });
}

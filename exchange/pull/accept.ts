// A person accepts what a peer sent although it is not what its manifest declared.
import type { Deps } from '../../src/deps.ts';
import { auditRow, writeAudit } from '../store/audit.ts';
import { markAccepted } from '../store/pull.ts';

/** Lets an unbalanced or partial pull go on. False when it does not wait for that. */
export async function acceptPull(deps: Deps, id: string, by: string): Promise<boolean> {
  const at = deps.clock();
  return deps.database.sql.begin(async (tx) => {
    const accepted = await markAccepted(tx, id, by, at);
    if (accepted)
      await writeAudit(tx, [
        auditRow({ at, actorKind: 'staff', actor: by, action: 'pull-accepted', object: `pull/${id}` }),
      ]);
    return accepted;
  });
}

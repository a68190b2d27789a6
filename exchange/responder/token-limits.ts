// What stands between the token endpoint and someone who tries: budgets of refusals in the database, for a client at an
// address and for an address, so that no one can lock out a client from elsewhere. Addresses are kept as keyed hashes only.
import { createHmac } from 'node:crypto';
import type { Deps } from '../../src/deps.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import type { Peer } from '../peers/peer.ts';
import { waitFor } from './call-budget.ts';
import { takeCall } from './match/attempt-rows.ts';
import { attemptSecret } from './match/attempt-secret.ts';

const KIND = 'token-refused';
/** How many refusals more an address has than one client at it: several peers may share one. */
const ADDRESS_FACTOR = 6;

export type Asker = {
  /** keyed hash of the address */
  address: string;
  /** keyed hash of the client id that was claimed, with the address */
  client: string | undefined;
};

export async function askerAt(deps: Deps, address: string): Promise<Asker> {
  const secret = await attemptSecret(deps);
  return { address: `address ${hashed(secret, address)}`, client: undefined };
}

/** The claimed client id counts, known or not: the limit must not tell which. */
export async function withClient(deps: Deps, asker: Asker, clientId: string): Promise<Asker> {
  const secret = await attemptSecret(deps);
  return { ...asker, client: `client ${hashed(secret, `${clientId}\0${asker.address}`)}` };
}

const hashed = (secret: string, text: string) =>
  createHmac('sha256', secret).update(text).digest('base64url').slice(0, 22);

/** Seconds that an asker has to wait; 0 for none. Looks at the client when it is known, else at the address. */
export async function mustWait(deps: Deps, asker: Asker): Promise<number> {
  const perMinute = deps.config.tokenFailuresPerMinute;
  if (perMinute === 0) return 0;
  return asker.client === undefined
    ? waitFor(deps.database.sql, asker.address, KIND, perMinute * ADDRESS_FACTOR, deps.clock())
    : waitFor(deps.database.sql, asker.client, KIND, perMinute, deps.clock());
}

/** Books a refusal: in the audit, and against the budgets. When a budget is used up, that is an event of its own. */
export async function bookRefusal(
  deps: Deps,
  asker: Asker,
  refused: { reason: string; peer: Peer | undefined; requestId: string },
): Promise<void> {
  const at = deps.clock();
  const perMinute = deps.config.tokenFailuresPerMinute;
  await deps.database.sql.begin(async (tx) => {
    let used = false;
    if (perMinute > 0) {
      // one after the other in the same order everywhere: rows of two budgets are locked
      const take = async (subject: string, limit: number) => {
        await takeCall(tx, subject, KIND, limit, at);
        return (await waitFor(tx, subject, KIND, limit, at)) > 0;
      };
      if (asker.client !== undefined) used = await take(asker.client, perMinute);
      used = (await take(asker.address, perMinute * ADDRESS_FACTOR)) || used;
    }
    const row = (reason: string) =>
      auditRow({
        at,
        actorKind: 'peer',
        actor: refused.peer?.id ?? 'unknown',
        action: 'token',
        peerId: refused.peer?.id,
        outcome: 'refused',
        reason,
        requestId: refused.requestId,
        detail: { address: asker.address.slice('address '.length) },
      });
    await writeAudit(tx, used ? [row(refused.reason), row('throttled')] : [row(refused.reason)]);
  });
}

// What stands between the audit and a payer that asks again and again for what it may not have: each refusal takes from a budget in the
// database. What is granted takes nothing, so anyone who is refused nothing meets no limit, however much it asks for.
import type { Deps } from '../../src/deps.ts';
import { type AuditEntry, auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { waitFor } from './call-budget.ts';
import { takeCall } from './match/attempt-rows.ts';

const KIND = 'access-refused';

/**
 * Writes a refusal to the audit, and takes it from the peer's budget, in one transaction. What uses the budget up is an event of its own;
 * what comes after it is written down no more.
 * @returns seconds that the peer has to wait; 0 when the refusal is written
 */
export async function bookAccess(
  deps: Pick<Deps, 'config' | 'database'>,
  refused: AuditEntry & { peerId: string },
): Promise<number> {
  const perMinute = deps.config.accessRefusedPerMinute;
  const { peerId, at } = refused;
  return deps.database.sql.begin(async (tx) => {
    const wait = perMinute === 0 ? 0 : await takeCall(tx, peerId, KIND, perMinute, at);
    if (wait > 0) return wait;
    const isUsedUp = perMinute > 0 && (await waitFor(tx, peerId, KIND, perMinute, at)) > 0;
    await writeAudit(tx, [
      auditRow(refused),
      ...(isUsedUp ? [auditRow({ ...refused, object: '', reason: 'throttled' })] : []),
    ]);
    return 0;
  });
}

/** Who has to wait, as this process knows: it is answered without a look at anything. Others find out at their next refusal. */
export class Waiting {
  readonly #until = new Map<string, number>();

  set(peerId: string, seconds: number, now: Date): void {
    this.#until.set(peerId, now.getTime() + seconds * 1000);
  }

  /** Seconds that a peer has to wait; 0 for none. */
  of(peerId: string, now: Date): number {
    const until = this.#until.get(peerId);
    if (until === undefined) return 0;
    const left = until - now.getTime();
    if (left > 0) return Math.ceil(left / 1000);
    this.#until.delete(peerId);
    return 0;
  }
}

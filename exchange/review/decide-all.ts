// All open items of one kind, payer and pull, decided alike by one person: however many they are, each is a decision of its own on what the
// person saw, with its own audit row. They are carried out in the background, and gone on with after a process has died.
import type { Deps } from '../../src/deps.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { decideItem, type Person, type Refusal } from './decide.ts';
import { askAll, claimAll, finishAll, type ItemsAlike, itemsOfAll, keepAll, leaveAll } from './decide-all-rows.ts';
import { ITEM_KINDS, OF_TWO_MEMBERS, type PersonDecision } from './kinds.ts';

type Needs = Pick<Deps, 'database' | 'config' | 'clock' | 'blobs'>;

class OtherItems extends Error {}

/**
 * Notes that all are to be decided so.
 * @param seen how many the person saw, and when
 * @returns why not, when nothing is decided
 */
export async function askForAll(
  deps: Needs,
  person: Person,
  of: ItemsAlike,
  seen: { at: Date; n: number },
  said: { decision: PersonDecision; reason: string },
  requestId: string,
): Promise<Extract<Refusal, 'changed' | 'not-allowed' | 'no-reason'> | undefined> {
  const at = deps.clock();
  const reason = said.reason.trim().slice(0, 1000);
  if (reason.length < 3) return 'no-reason';
  if (OF_TWO_MEMBERS.includes(of.kind) || !(ITEM_KINDS[of.kind]?.allows.includes(said.decision) ?? false))
    return 'not-allowed';
  try {
    await deps.database.sql.begin(async (tx) => {
      const asked = await askAll(tx, of, seen, { ...said, reason, by: person, at, requestId });
      if (asked === undefined) throw new OtherItems();
      await writeAudit(tx, [
        auditRow({
          at,
          actorKind: 'staff',
          actor: person.subject,
          action: 'decide-all',
          object: `items/${asked.id}`,
          peerId: of.peerId,
          reason: said.decision,
          requestId,
          detail: { kind: of.kind, pull: of.pullId, items: seen.n, ...(person.development ? { dev: true } : {}) },
        }),
      ]);
    });
  } catch (error) {
    if (error instanceof OtherItems) return 'changed';
    throw error;
  }
  return undefined;
}

const AT_ONCE = 100;
/** For how long a process has what it carries out. */
const LEASE_MS = 60_000;

/** Carries out what was asked for so, one after the other, for some time. @returns whether anything is left */
export async function decideAsked(deps: Needs & Pick<Deps, 'log'>, mostMs = 20_000): Promise<boolean> {
  const { sql } = deps.database;
  const until = () => new Date(deps.clock().getTime() + LEASE_MS);
  const begun = performance.now();
  for (;;) {
    const all = await claimAll(sql, deps.clock(), until());
    if (!all) return false;
    for (;;) {
      const items = await itemsOfAll(sql, all.id, AT_ONCE);
      if (items.length === 0) break;
      for (const item of items) {
        const decision = { ...item, decision: all.decision as PersonDecision, reason: all.reason, later: true };
        const refused = await decideItem(deps, all.by, decision, all.requestId, (tx) =>
          leaveAll(tx, item.itemId, true),
        );
        if (refused !== undefined) await leaveAll(sql, item.itemId, false);
      }
      const isLong = performance.now() - begun > mostMs;
      await keepAll(sql, all.id, isLong ? deps.clock() : until());
      if (isLong) return true;
    }
    await finishAll(sql, all.id, deps.clock());
    deps.log('info', 'items decided alike', { kind: all.kind, peer: all.peerId });
  }
}

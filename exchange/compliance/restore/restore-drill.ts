// A restore that was tried is recorded in the node that the backup is of: what the check of the copy wrote, or why
// nothing could be restored.
import { createHash, randomUUID } from 'node:crypto';
import type { Deps } from '../../../src/deps.ts';
import { auditRow, writeAudit } from '../audit/audit.ts';
import { publicKeys } from '../evidence/issue-report.ts';
import { type RestoreCheck, readRestoreCheck } from './restore-check.ts';
import { addDrill, holdsSeal, type RestoreDrill, restoreDrills, restoredAt, serverMark } from './restore-drill-rows.ts';

export { type RestoreDrill, restoreDrills };

const DAY_MS = 86_400_000;
const MOST_WORDS = 1000;
const MOST_MINUTES = 100_000;

export const DRILL_FAULTS = {
  backup: `Say which backup it was: when it was made and where it lay, in 3 to ${MOST_WORDS} characters.`,
  note: `The note has more than ${MOST_WORDS} characters.`,
  minutes: `How long it took is a number of minutes, up to ${MOST_MINUTES}.`,
  nothing: 'Give what "drill check" wrote on the copy, or say why nothing could be restored.',
  both: 'It is either what "drill check" wrote, or why nothing could be restored.',
  unread: 'This is not what "drill check" writes, or a part of it is missing.',
  unsigned:
    'No key of this node has signed it: the keys of the copy are others (was KEYS_DIR restored?), or it was changed.',
  stranger:
    'The audit trail of this node does not hold what the copy has as its newest seal: it is a copy of another node, or what follows the backup was lost here.',
  same: 'It was made on this node itself, and not on a restored copy.',
  future: 'It was made later than it is now: one of the two clocks is wrong.',
  known: 'It was recorded before.',
  'no-key': 'Restores are recorded at the Node process of this plan, which has the keys that sign.',
} as const;
export type DrillFault = keyof typeof DRILL_FAULTS;

type Needs = Pick<Deps, 'database' | 'clock' | 'keys'>;
type Who = { kind: 'staff' | 'command'; subject: string; requestId: string; isDevelopment?: boolean };

/** @param given `document`: what the check wrote, or `failure`: why there is no copy; the other one is empty */
export async function recordDrill(
  deps: Needs,
  given: { document: string; failure: string; backup: string; note: string; minutes: string },
  who: Who,
): Promise<{ id: string; isOk: boolean } | { fault: DrillFault }> {
  const [document, failure, backup, note] = [given.document, given.failure, given.backup, given.note].map((t) =>
    t.replaceAll('\r\n', '\n').trim(),
  ) as [string, string, string, string];
  if (backup.length < 3 || backup.length > MOST_WORDS) return { fault: 'backup' };
  if (note.length > MOST_WORDS || failure.length > MOST_WORDS) return { fault: 'note' };
  if (document === '' && failure === '') return { fault: 'nothing' };
  if (document !== '' && failure !== '') return { fault: 'both' };
  const minutes = given.minutes.trim() === '' ? null : Number(given.minutes);
  if (minutes !== null && !(Number.isInteger(minutes) && minutes >= 0 && minutes <= MOST_MINUTES))
    return { fault: 'minutes' };
  const at = deps.clock();
  const check = document === '' ? undefined : await judged(deps, document, at);
  if (typeof check === 'string') return { fault: check };
  const faults =
    check === undefined ? [failure] : check.checks.filter((c) => !c.isOk).map((c) => `${c.name}: ${c.said}`);
  const drill = {
    id: randomUUID(),
    at,
    byKind: who.kind,
    bySubject: who.subject,
    backup,
    note,
    minutes,
    isOk: faults.length === 0,
    faults,
    checkedAt: check === undefined ? null : new Date(check.at),
    headSeal: check?.head?.id ?? null,
    headAt: check?.head ? new Date(check.head.at) : null,
    sha256: check === undefined ? null : createHash('sha256').update(document).digest('hex'),
    document: check === undefined ? null : document,
  };
  return deps.database.sql.begin(async (tx) => {
    if (!(await addDrill(tx, drill))) return { fault: 'known' as const };
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: who.kind,
        actor: who.subject,
        action: 'restore-drill',
        object: `restore-drill/${drill.id}`,
        outcome: drill.isOk ? 'ok' : 'failed',
        requestId: who.requestId,
        detail: {
          faults: faults.length,
          ...(drill.sha256 === null ? {} : { sha256: drill.sha256 }),
          ...(who.isDevelopment === true ? { dev: true } : {}),
        },
      }),
    ]);
    return { id: drill.id, isOk: drill.isOk };
  });
}

/** What a copy of this node says of itself, or why it is not one. */
async function judged(deps: Needs, document: string, now: Date): Promise<RestoreCheck | DrillFault> {
  const { sql } = deps.database;
  const keys = await publicKeys(deps);
  if (keys === undefined) return 'no-key';
  const check = await readRestoreCheck(document, keys);
  if (typeof check === 'string') return check;
  if (new Date(check.at).getTime() > now.getTime() + 60_000) return 'future';
  if (check.server === (await serverMark(sql))) return 'same';
  // without a head there was no trail to hold against ours: what it says of that is a fault by itself
  if (check.head !== null && !(await holdsSeal(sql, check.head.id, check.head.root))) return 'stranger';
  return check;
}

/** When a restore is to have been tried again; undefined when none is asked for, or the node has not begun. */
export async function drillDue(deps: Pick<Deps, 'database' | 'config'>): Promise<Date | undefined> {
  const days = deps.config.restoreDrillDays;
  const last = days === 0 ? undefined : await restoredAt(deps.database.sql);
  return last && new Date(last.getTime() + days * DAY_MS);
}

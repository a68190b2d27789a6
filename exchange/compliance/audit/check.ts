// Verifies the audit trail and keeps that it was done: once a day by itself, and whenever someone asks.
import type { Deps } from '../../../src/deps.ts';
import { auditRow, writeAudit } from './audit.ts';
import { auditChecks, writeAuditCheck } from './audit-check.ts';
import { sealAll } from './run-seal.ts';
import { type AuditVerdict, readHead, verifyAudit } from './verify.ts';

const DAY_MS = 86_400_000;
const SHOWN = 5;

type Needs = Pick<Deps, 'database' | 'keys' | 'clock' | 'config'>;

/**
 * @param known a signed head that was kept elsewhere
 */
export async function checkAudit(
  deps: Needs,
  by: { kind: 'system' | 'command'; name: string },
  known?: string,
): Promise<AuditVerdict> {
  const { sql } = deps.database;
  const started = performance.now();
  const verdict = await verifyAudit(deps, known);
  const wanted = known === undefined ? undefined : await readHead(known, await deps.keys.published('evidence'));
  const at = deps.clock();
  await sql.begin(async (tx) => {
    await writeAuditCheck(tx, {
      at,
      tookMs: Math.round(performance.now() - started),
      byKind: by.kind,
      by: by.name,
      headSeal: verdict.head?.id ?? null,
      headRoot: verdict.head?.root ?? null,
      knownSeal: wanted?.id ?? null,
      seals: verdict.seals,
      rows: verdict.rows,
      waiting: verdict.tail.rows,
      faults: verdict.faults.length,
      firstFaults: verdict.faults.slice(0, SHOWN).map((f) => f.text),
    });
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: by.kind,
        actor: by.name,
        action: 'audit-verify',
        outcome: verdict.faults.length === 0 ? 'ok' : 'failed',
        detail: { rows: verdict.rows, seals: verdict.seals, faults: verdict.faults.length },
      }),
    ]);
  });
  return verdict;
}

/** Checks the trail when that was last done a day ago or longer. Returns when it is due again. */
export async function checkAuditDaily(deps: Needs & Pick<Deps, 'log'>): Promise<Date> {
  const now = deps.clock();
  const [last] = await auditChecks(deps.database.sql, 1);
  const due = last === undefined ? now : new Date(last.at.getTime() + DAY_MS);
  if (due > now) return due;
  await sealAll(deps);
  const verdict = await checkAudit(deps, { kind: 'system', name: 'audit' });
  const fields = { rows: verdict.rows, seals: verdict.seals, faults: verdict.faults.length };
  deps.log(verdict.faults.length === 0 ? 'info' : 'error', 'audit verified', fields);
  return new Date(now.getTime() + DAY_MS);
}

// Runs of the verification of the audit trail.
import type { Queryable } from '../../../src/db/database.ts';

export type AuditCheck = {
  at: Date;
  tookMs: number;
  byKind: 'system' | 'command';
  by: string;
  headSeal: number | null;
  headRoot: string | null;
  /** the seal of a head that was kept elsewhere and compared */
  knownSeal: number | null;
  seals: number;
  rows: number;
  waiting: number;
  faults: number;
  firstFaults: string[];
};

export async function writeAuditCheck(tx: Queryable, c: AuditCheck): Promise<void> {
  await tx`
    insert into exchange.audit_check (at, took_ms, by_kind, by, head_seal, head_root, known_seal, seals, rows, waiting, faults,
      first_faults)
    values (${c.at}, ${c.tookMs}, ${c.byKind}, ${c.by}, ${c.headSeal}, ${c.headRoot}, ${c.knownSeal}, ${c.seals}, ${c.rows}, ${c.waiting},
      ${c.faults}, ${c.firstFaults}::text[])`;
}

/** The newest runs first. Primary key. */
export async function auditChecks(sql: Queryable, limit: number): Promise<AuditCheck[]> {
  return [
    ...(await sql<AuditCheck[]>`
      select at, took_ms as "tookMs", by_kind as "byKind", by, head_seal as "headSeal", head_root as "headRoot", known_seal as "knownSeal",
        seals, rows::float8 as rows, waiting::float8 as waiting, faults, first_faults as "firstFaults"
      from exchange.audit_check order by id desc limit ${limit}`),
  ];
}

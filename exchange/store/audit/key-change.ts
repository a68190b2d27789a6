// The key of ours that signs, as the audit has it.
import type { Queryable } from '../../../src/store/database.ts';
import { auditRow, writeAudit } from './audit.ts';

/** Lock that keeps a second process from telling the same for the length of a transaction. */
const KEY_LOCK = 7_206_022;

/** The one that was told last of a use. audit_object. */
export async function lastKey(tx: Queryable, use: string): Promise<string | undefined> {
  await tx`select pg_advisory_xact_lock(${KEY_LOCK})`;
  const [row] = await tx<{ kid: string }[]>`
    select detail->>'kid' as kid from exchange.audit where object = ${`key/${use}`} order by at desc, seq desc limit 1`;
  return row?.kid;
}

/** @param before undefined: it is the first one */
export async function noteKey(tx: Queryable, use: string, kid: string, before: string | undefined, at: Date): Promise<void> {
  await writeAudit(tx, [
    auditRow({
      at,
      actorKind: 'system',
      actor: 'keys',
      action: 'key',
      object: `key/${use}`,
      ...(before === undefined ? {} : { outcome: 'noted', reason: 'key-changed' }),
      detail: { kid, ...(before === undefined ? {} : { before }) },
    }),
  ]);
}

// Restores that were tried. They are few.
import type { Queryable } from '../../../src/db/database.ts';

export type RestoreDrill = {
  id: string;
  at: Date;
  byKind: 'staff' | 'command';
  bySubject: string;
  /** which backup, in the words of who recorded it */
  backup: string;
  note: string;
  /** how long the restore took until the node could serve; null: not said */
  minutes: number | null;
  isOk: boolean;
  faults: string[];
  /** when the copy was checked; null of a restore that came to no copy */
  checkedAt: Date | null;
  /** the newest seal of the copy's audit trail: how far the backup reached */
  headSeal: number | null;
  headAt: Date | null;
  sha256: string | null;
};

/** @returns false when the same check was recorded before. restore_drill_sha256_key. */
export async function addDrill(tx: Queryable, d: RestoreDrill & { document: string | null }): Promise<boolean> {
  const rows = await tx`
    insert into exchange.restore_drill (id, at, by_kind, by_subject, backup, note, minutes, is_ok, faults, checked_at, head_seal, head_at,
      sha256, document)
    values (${d.id}, ${d.at}, ${d.byKind}, ${d.bySubject}, ${d.backup}, ${d.note}, ${d.minutes}, ${d.isOk}, ${d.faults}::text[],
      ${d.checkedAt}, ${d.headSeal},
      ${d.headAt}, ${d.sha256}, ${d.document})
    on conflict (sha256) do nothing returning id`;
  return rows.length > 0;
}

/** The newest first. restore_drill_at. */
export async function restoreDrills(sql: Queryable, most: number): Promise<RestoreDrill[]> {
  return [
    ...(await sql<RestoreDrill[]>`
      select id, at, by_kind as "byKind", by_subject as "bySubject", backup, note, minutes, is_ok as "isOk", faults,
        checked_at as "checkedAt",
        head_seal::int as "headSeal", head_at as "headAt", sha256
      from exchange.restore_drill order by at desc, id limit ${most}`),
  ];
}

/**
 * Since when no backup is known to restore: the newest drill that went well, by when its copy was checked, else the
 * first seal of the trail, with which the node began. As SQL, null of a node that has not begun.
 */
export const RESTORED_AT = `coalesce((select max(d.checked_at) from exchange.restore_drill d where d.is_ok), (select s.sealed_at
  from exchange.audit_seal s where s.id = 1))`;

export async function restoredAt(sql: Queryable): Promise<Date | undefined> {
  const [row] = await sql.unsafe<{ at: Date | null }[]>(`select ${RESTORED_AT} as at`);
  return row?.at ?? undefined;
}

/** Does the trail hold this seal as it says? audit_seal_pkey. */
export async function holdsSeal(sql: Queryable, seal: number, root: string): Promise<boolean> {
  const rows = await sql`select from exchange.audit_seal where id = ${seal} and root = decode(${root}, 'hex')`;
  return rows.length > 0;
}

/** Tells the server that runs apart from another one that was started from the same files; the same until it is started again. */
export async function serverMark(sql: Queryable): Promise<string> {
  const [row] = await sql<{ mark: string }[]>`
    select encode(sha256(convert_to(concat_ws(' ', pg_postmaster_start_time()::text, current_database()), 'UTF8')), 'hex') as mark`;
  return row?.mark ?? '';
}

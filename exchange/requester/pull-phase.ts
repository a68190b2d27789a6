// How far reconciling a pull has come. Staging and deciding write work tables only, and may be gone on from when the process dies,
// as long as nothing that was decided on has changed since.

import { and, eq, isNotNull } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { pull } from './schema.ts';

/** What is the same for all members is decided, and members up to a bucket are. */
const DECIDING = 'deciding';
/** Everything is decided and its slices are planned. */
export const PLANNED = 'planned';
/** Before the first bucket. */
export const NOTHING_DECIDED = -2;

/** Minutes after which what was decided is decided again: records of our own may have been imported meanwhile. */
const HOLDS_MINUTES = 15;

/** What other work may have changed: pulls that ended, units that were released or replayed, decisions, our own records. audit_object. */
const STANDS_ON = `concat_ws('|',
  (select max(finished_at) from exchange.pull where state = 'done'),
  (select max(id) from exchange.unit_revision), (select max(id) from exchange.review_decision),
  (select max(at) from exchange.audit where object = 'own-records'))`;

/** Does what was decided still hold? False when deciding is what comes next. */
export async function isPlanned(sql: Queryable, pullId: string, now: Date): Promise<boolean> {
  const rows = await sql.unsafe(
    `select from exchange.pull where id = $1 and phase = $4
      and phase_of = ${STANDS_ON} and phase_at > $2::timestamptz - make_interval(mins => $3)`,
    [pullId, now, HOLDS_MINUTES, PLANNED],
  );
  return rows.length > 0;
}

/** Up to which bucket an earlier process decided, if that still holds. */
export async function decidedTo(sql: Queryable, pullId: string, now: Date): Promise<number | undefined> {
  const [row] = await sql.unsafe<{ to: number }[]>(
    `select decided_bucket as to from exchange.pull where id = $1 and phase = $4
      and phase_of = ${STANDS_ON} and phase_at > $2::timestamptz - make_interval(mins => $3)`,
    [pullId, now, HOLDS_MINUTES, DECIDING],
  );
  return row?.to;
}

/** Deciding begins: what it stands on is what is there now. */
export async function noteDeciding(tx: Queryable, pullId: string, now: Date): Promise<void> {
  await tx.unsafe(
    `update exchange.pull set phase = $2, phase_at = $3, phase_of = ${STANDS_ON}, decided_bucket = $4 where id = $1`,
    [pullId, DECIDING, now, NOTHING_DECIDED],
  );
}

export async function noteDecided(tx: Queryable, pullId: string, bucket: number): Promise<void> {
  await orm(tx).update(pull).set({ decidedBucket: bucket }).where(eq(pull.id, pullId));
}

/** Everything is decided. False when records of our own came meanwhile, and it has to be decided again. */
export async function notePlanned(tx: Queryable, pullId: string): Promise<boolean> {
  const noted = await orm(tx)
    .update(pull)
    .set({ phase: PLANNED })
    .where(and(eq(pull.id, pullId), eq(pull.phase, DECIDING)))
    .returning({ id: pull.id });
  return noted.length > 0;
}

/**
 * Records of our own are about to be there: what pulls that are under way have decided about their members, or about directory records, no
 * longer holds. In the transaction that brings them. Waits for slices that are about to be committed; those that come to their books later
 * find it and are decided again ({@link holdPull}). pull_open, pull_member_member.
 * @param work the import, decided
 */
export async function ownCame(tx: Queryable, work: string): Promise<void> {
  await tx`
    update exchange.pull p set phase = null
    where p.state = 'reconciling' and p.phase is not null and exists (
      select from exchange.staging s where s.pull_id = ${work} and s.outcome in ('created', 'updated', 'retracted')
        and (s.is_shared or exists (select from exchange.pull_member m where m.member_id = s.member_id and m.pull_id = p.id)))`;
}

/** What was decided no longer holds: units were staged again. */
export async function forgetPhase(sql: Queryable, pullId: string): Promise<void> {
  await orm(sql)
    .update(pull)
    .set({ phase: null })
    .where(and(eq(pull.id, pullId), isNotNull(pull.phase)));
}

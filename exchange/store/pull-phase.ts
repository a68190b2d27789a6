// How far reconciling a pull has come. Staging, deciding, leading references and judging pairs write work tables only, and each
// may be gone on from when the process dies, as long as nothing that they stood on has changed since.
import type { Queryable } from '../../src/store/database.ts';

/** In this order. What comes after `linked` is the commit. */
export const PHASES = ['decided', 'rewritten', 'linked'] as const;
export type Phase = (typeof PHASES)[number];

/** Minutes after which what was decided is decided anew: records of our own may have been imported meanwhile. */
const HOLDS_MINUTES = 15;

/** What other work may have changed: pulls that ended, units that were released or replayed, decisions, our own records. audit_object. */
const STANDS_ON = `concat_ws('|',
  (select max(finished_at) from exchange.pull where state = 'done'),
  (select max(id) from exchange.unit_revision), (select max(id) from exchange.review_decision),
  (select max(at) from exchange.audit where object = 'own-records'))`;

/** The last phase that holds; undefined when deciding is what comes next. */
export async function reachedPhase(sql: Queryable, pullId: string, now: Date): Promise<Phase | undefined> {
  const [row] = await sql.unsafe<{ phase: Phase | null }[]>(
    `select phase from exchange.pull where id = $1 and phase_of = ${STANDS_ON} and phase_at > $2::timestamptz - make_interval(mins => $3)`,
    [pullId, now, HOLDS_MINUTES],
  );
  return row?.phase ?? undefined;
}

export async function notePhase(tx: Queryable, pullId: string, phase: Phase, now: Date): Promise<void> {
  await tx.unsafe(`update exchange.pull set phase = $2, phase_at = $3, phase_of = ${STANDS_ON} where id = $1`, [
    pullId,
    phase,
    now,
  ]);
}

/** What was decided no longer holds: units were staged anew. */
export async function forgetPhase(sql: Queryable, pullId: string): Promise<void> {
  await sql`update exchange.pull set phase = null where id = ${pullId} and phase is not null`;
}

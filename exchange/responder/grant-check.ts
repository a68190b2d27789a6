// Has anyone lost a grant since someone looked? A look at all members of an export costs with their number, and a payer
// asks a thousand times for one.
import type { Queryable } from '../../src/db/database.ts';

/**
 * What a look saw, and when, both by the database: `pg_current_snapshot()`, `clock_timestamp()`. `era`: the life of the
 * server, and the table of changes: one that was brought back from a copy, or a standby that took over, counts
 * transactions again from an earlier one.
 */
export type Look = { snapshot: string; at: string; era: string };

const ERA = `extract(epoch from pg_postmaster_start_time())::text || ' ' || 'exchange.grant_change'::regclass::oid`;

/** The columns of a look, to be read in the statement that looks: it sees what the snapshot says. */
export const LOOK = `pg_current_snapshot()::text as snapshot, clock_timestamp()::text as at,
  ${ERA} as era`;

/** A look is good for so many hours; `grant_change` is kept for longer, so that nothing has gone from it that the look did not see. */
const GOOD_HOURS = 1;
const KEPT_HOURS = 48;

/**
 * The same look again, as of now, when no one has lost a grant since the one before; undefined when someone may have.
 * What a transaction wrote that was open then is not seen by the snapshot, whenever it is committed. grant_change_xid.
 */
export async function unchanged(sql: Queryable, look: Look): Promise<Look | undefined> {
  const [row] = await sql.unsafe<(Look & { same: boolean })[]>(
    // the newest first: the planner takes what lies beyond a time that it does not know for a third of the table, and would read all of it
    `select ${LOOK}, clock_timestamp() < $2::text::timestamptz + interval '${GOOD_HOURS} hours' and $3::text = ${ERA} and (
       select g.xid from exchange.grant_change g
       where g.xid >= pg_snapshot_xmin($1::text::pg_snapshot) and not pg_visible_in_snapshot(g.xid, $1::text::pg_snapshot)
       order by g.xid desc limit 1) is null as same`,
    [look.snapshot, look.at, look.era],
    { prepare: true },
  );
  return row?.same === true ? { snapshot: row.snapshot, at: row.at, era: row.era } : undefined;
}

/** Forgets changes that every look that is still good has seen. */
export async function forgetGrantChanges(sql: Queryable): Promise<void> {
  await sql`delete from exchange.grant_change where at < clock_timestamp() - ${KEPT_HOURS} * interval '1 hour'`;
}

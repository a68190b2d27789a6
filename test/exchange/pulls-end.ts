// Pulls that end without a payer, for tests that look at what is due afterwards.
import { closeClock } from '../../exchange/members/deadlines/deadline.ts';
import type { Sql } from '../../src/db/database.ts';

/**
 * Each pull that is due is kicked off and ends as is drawn: `done` with its members matched and their duties met, now or twenty days ago; `no one`,
 * done and without any of them; `failed`; or `later`, when it goes on.
 * @param ends to be drawn from
 */
export async function endPulls(
  sql: Sql,
  now: Date,
  ends: readonly ('done' | 'failed' | 'later' | 'nobody')[],
  pick: <T>(of: readonly T[]) => T,
): Promise<void> {
  await sql`update exchange.pull set kicked_off_at = ${now} where kicked_off_at is null`;
  for (const { id } of await sql<{ id: string }[]>`select id from exchange.pull where state = 'due'`) {
    const end = pick(ends);
    if (end === 'later') continue;
    if (end === 'nobody') await sql`update exchange.pull_member set outcome = 'not-matched' where pull_id = ${id}`;
    await sql`update exchange.pull set state = ${end === 'nobody' ? 'done' : end} where id = ${id}`;
    if (end === 'failed' || end === 'nobody') continue;
    await sql`update exchange.pull_member set outcome = 'matched' where pull_id = ${id}`;
    for (const m of await sql<
      { coverage: string }[]
    >`select other_coverage_id as coverage from exchange.pull_member where pull_id = ${id}`)
      await closeClock(sql, 'C2', m.coverage, pick([now, new Date(now.getTime() - 20 * 86_400_000)]));
  }
}

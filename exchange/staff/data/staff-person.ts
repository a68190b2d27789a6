// What people of the plan are called. Rows hold the subject that the identity provider gave, which stays when a name changes; the name
// stands in the audit row of each sign-in, which no one can change.
import type { Queryable } from '../../../src/db/database.ts';

/**
 * Names of those of these subjects that signed in, as of their last sign-in before `until`. Served by audit_sign_in.
 */
export async function namesOf(sql: Queryable, subjects: readonly string[], until: Date): Promise<Map<string, string>> {
  if (subjects.length === 0) return new Map();
  const rows = await sql<{ actor: string; name: string }[]>`
    select s.actor, a.name
    from unnest(${subjects as string[]}::text[]) s(actor)
    cross join lateral (
      select detail->>'name' as name from exchange.audit
      where action = 'sign-in' and actor_kind = 'staff' and outcome = 'ok' and actor = s.actor and at <= ${until}
      order by at desc limit 1) a
    where a.name is not null`;
  return new Map(rows.map((row) => [row.actor, row.name]));
}

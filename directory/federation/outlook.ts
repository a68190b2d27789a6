// What a run would do to one type of a peer, for the breaker.
import type { Queryable } from '../../src/db/database.ts';
import type { Outlook } from './breaker.ts';
import { isFresh, OF, type Settling, values } from './harvest/settle-rows.ts';
import { FLAGS, type FlagName } from './record.ts';

const FLAG_NAMES = Object.keys(FLAGS) as FlagName[];
const sums = (prefix: string, what: string, stood: (count: string) => string) =>
  FLAG_NAMES.map(
    (f) => `(coalesce(sum(${what}) filter (where flags & ${FLAGS[f]} > 0), 0) + ${stood(f)})::int as "${prefix}${f}"`,
  ).join(', ');

export type Actions = Record<'c' | 'u' | 'r' | 'd' | 'm' | 'v', number>;

/**
 * What the run would do, for the breaker; call it after resolve and measureChange. What stands is known by its count;
 * what the run decided is taken off or added. standing_pkey, change_pkey
 */
export async function outlook(sql: Queryable, s: Settling): Promise<Outlook & { actions: Actions }> {
  const fresh = await isFresh(sql, s);
  const decided = fresh
    ? `select flags, 0 as was, 1 as stays from federation.incoming where ${OF}`
    : `-- what was missing before has been judged then
      select c.was_flags as flags, case when c.action = 'm' and m.rk is not null then -1 else 0 end as was, -1 as stays
      from federation.change c left join federation.missing m on m.rk = c.rk
      where c.run = $1::bigint and c.type = $2::smallint and c.was_state <> 't'
      union all
      select i.flags, 0, 1 from federation.change c
      join federation.incoming i on i.run = c.run and i.type = c.type and i.seq = c.seq
      where c.run = $1::bigint and c.type = $2::smallint and c.action in ('c', 'u', 'r')`;
  const stood = (count: string) =>
    `coalesce((select ${count} from federation.standing where peer = $3 and type = $2::smallint), 0)`;
  const [row] = await sql.unsafe<Record<string, number>[]>(
    `with x as (${decided})
    select (coalesce(sum(was), 0) + ${stood('l + e + h')})::int as before, (coalesce(sum(stays), 0) + ${stood('l + e + h')})::int as after,
      ${sums('b', 'was', stood)}, ${sums('a', 'stays', stood)} from x`,
    [...values(s), s.peer],
  );
  const actions: Actions = { c: 0, u: 0, r: 0, d: 0, m: 0, v: 0 };
  if (fresh) actions.c = row?.['after'] ?? 0;
  const found = fresh
    ? []
    : await sql.unsafe<{ action: keyof Actions; n: number; fresh: number }[]>(
        `select c.action::text as action, count(*)::int as n, (count(*) filter (where m.rk is null))::int as fresh
         from federation.change c left join federation.missing m on m.rk = c.rk where c.run = $1::bigint and c.type = $2::smallint group by 1`,
        values(s),
      );
  for (const f of found) actions[f.action] = f.n;
  const lost = found
    .filter((f) => f.action === 'd' || f.action === 'm' || f.action === 'v')
    .reduce((n, f) => n + f.fresh, 0);
  const fields = (prefix: string) =>
    Object.fromEntries(FLAG_NAMES.map((f) => [f, row?.[`${prefix}${f}`] ?? 0])) as Record<FlagName, number>;
  return {
    before: row?.['before'] ?? 0,
    after: row?.['after'] ?? 0,
    lost,
    updated: actions.u,
    fieldsBefore: fields('b'),
    fieldsAfter: fields('a'),
    actions,
  };
}

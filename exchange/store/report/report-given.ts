// What the compliance report tells of what left, and of the choices in force: one statement, for each part needs what the others need.
import type { Queryable } from '../../../src/store/database.ts';
import { LOB, MOST_ROWS, type Row, type Scope, USED } from './report-compliance.ts';
import { LEARNED, UNDER_CHOICE } from './under-choice.ts';

export type GivenRows = {
  /** by recipient and how it left */
  disclosures: Row[];
  /** how many people something left of, over all recipients */
  disclosed: number;
  /** requests and disclosures by payer, with those under a choice in force */
  consents: Row[];
  /** those without one, each: the first of them */
  consentsMissed: Row[];
};

const SQL = `
    with ${UNDER_CHOICE(LOB)}, persons as (
      select payer, action, person, count(*) filter (where here) as times, count(*) filter (where made >= $1 and not coalesce(at < $2, false)) as ready,
        min(at) filter (where here) as first, max(at) filter (where here) as last
      from given where here or made >= $1 group by 1, 2, 3
    ), told as (
      select 'disclosures' as part, payer, action as how, sum(times)::int as n, count(*) filter (where times > 0)::int as m, sum(ready)::int as ready, min(first) as first, max(last) as last,
        null::text as "memberId", null::text as object, null::timestamptz as learned
      from persons group by payer, action
      union all
      select 'disclosed', null, null, count(distinct person)::int, null, null, null, null, null, null, null from persons where times > 0
      union all
      select 'consents', payer, direction, count(*)::int, count(*) filter (where held)::int, null, null, null, null, null, null from all_of group by payer, direction
      union all
      select 'missed', payer, direction, null, null, null, at, null, "memberId", object, ${LEARNED}
      from (select * from all_of where not held order by at, "memberId", object limit ${MOST_ROWS}) u
    )
    select * from told where ${USED} 
    order by part, case when part = 'consents' then how end desc, case when part = 'missed' then first end, case when part = 'missed' then "memberId" end, payer, how, object`;

/** What left in a period, and under which choices it and our requests were. */
export async function givenRows(sql: Queryable, s: Scope): Promise<GivenRows> {
  const all = await sql.unsafe<Row[]>(SQL, [s.from, s.to, s.now, s.peerId, s.lob, s.timeZone]);
  const of = (part: string) => all.filter((r) => r['part'] === part);
  const pick = (r: Row, names: Record<string, string>): Row =>
    Object.fromEntries(Object.entries(names).map(([as, from]) => [as, r[from] ?? null]));
  return {
    disclosures: of('disclosures').map((r) =>
      pick(r, { payer: 'payer', action: 'how', rows: 'n', members: 'm', ready: 'ready', first: 'first', last: 'last' }),
    ),
    disclosed: Number(of('disclosed')[0]?.['n'] ?? 0),
    consents: of('consents').map((r) => pick(r, { direction: 'how', payer: 'payer', n: 'n', held: 'm' })),
    consentsMissed: of('missed').map((r) =>
      pick(r, {
        direction: 'how',
        payer: 'payer',
        memberId: 'memberId',
        object: 'object',
        at: 'first',
        learned: 'learned',
      }),
    ),
  };
}

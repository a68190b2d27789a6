// What the compliance report tells of what left, and of the choices in force: one statement, for each part needs what the others need.
import type { Queryable } from '../../../src/db/database.ts';
import { LEARNED, UNDER_CHOICE } from './consent-as-of.ts';
import { LOB, MOST_ROWS, type Row, type Scope, USED } from './report-figures.ts';

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
    with ${UNDER_CHOICE(LOB)}, persons as materialized (
      select peer_id, action, person, count(*) filter (where here) as times, count(*) filter (where made >= $1
        and not coalesce(at < $2, false)) as ready,
        min(at) filter (where here) as first, max(at) filter (where here) as last
      from given where here or made >= $1 group by 1, 2, 3
    ), consents as (
      select name, direction, sum(n) as n, sum(held) as held from (
        select r.name, 'request' as direction, count(*) as n, count(*) filter (where q.held) as held from requests q join exchange.peer r
          on r.id = q.peer_id group by r.name
        union all
        select r.name, 'disclosure', sum(p.times), sum(p.times) from persons p join exchange.peer r on r.id = p.peer_id where p.times > 0
          group by r.name
        union all
        select r.name, 'disclosure', 0, -count(*) from unheld u join exchange.peer r on r.id = u.peer_id group by r.name
      ) c group by 1, 2
    ), missed as (
      select 'request' as direction, q.peer_id, q.member_id as "memberId", 'pull/' || q.id as object, q.at, q.last from requests q
        where not q.held
      union all
      select 'disclosure', u.peer_id, u.person, u.object, u.at, u.at from unheld u
      order by at, "memberId", object limit ${MOST_ROWS}
    ), counted as (
      select 'disclosures' as part, r.name as payer, p.action as how, sum(p.times)::int as n, count(*) filter (where
        p.times > 0)::int as m, sum(p.ready)::int as ready,
        min(p.first) as first, max(p.last) as last, null::text as "memberId", null::text as object, null::timestamptz as learned,
          r.id as peer
      from persons p join exchange.peer r on r.id = p.peer_id group by r.id, r.name, p.action
      union all
      select 'disclosed', null, null, count(distinct person)::int, null, null, null, null, null, null, null, null from persons
        where times > 0
      union all
      select 'consents', name, direction, n::int, held::int, null, null, null, null, null, null, null from consents
      union all
      select 'missed', r.name, u.direction, null, null, null, u.at, null, u."memberId", u.object, ${LEARNED}, null from missed u
        join exchange.peer r on r.id = u.peer_id
    )
    select * from counted where ${USED}
    order by part, case when part = 'consents' then how end desc, case when part = 'missed' then first end, case when part = 'missed'
      then "memberId" end, payer, peer, how, object`;

/** What left in a period, and under which choices it and our requests were. */
export async function givenRows(sql: Queryable, s: Scope): Promise<GivenRows> {
  const all = await sql.unsafe<Row[]>(SQL, [s.from, s.to, s.now, s.peerId, s.lob, s.timeZone]);
  const of = (part: string) => all.filter((r) => r['part'] === part);
  const pick = (r: Row, names: Record<string, string>): Row =>
    Object.fromEntries(Object.entries(names).map(([as, from]) => [as, r[from] ?? null]));
  return {
    disclosures: of('disclosures').map((r) => ({
      ...pick(r, {
        payer: 'payer',
        peer: 'peer',
        rows: 'n',
        members: 'm',
        ready: 'ready',
        first: 'first',
        last: 'last',
      }),
      action: r['how'] ?? null,
    })),
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

// What a payer sent that was taken in and is not shown, as it stands now; the record of each member says the same of that member (records/view/fold.ts).
import type { Queryable } from '../../../src/db/database.ts';
import { DOUBTED_PEERS } from '../doubt.ts';
import { DENIED_SINCE } from '../hidden-pa.ts';
import { OUTLIVED } from '../outlived.ts';

export type NotShown = {
  reason: 'withdrawn' | 'identity-doubt' | 'outlived' | 'denied-since' | 'preferred-away';
  members: number;
  records: number;
};

/** Of `no` and `doubted` in SQL: whose records of the payer are not shown whatever they are. */
const WHOLE = (member: string) =>
  `(${member} in (select member_id from no) or ${member} in (select member_id from doubted))`;

/**
 * Records by why they are not shown, each once. What its payer took back or told anew is no longer there, and not among them.
 * pull_peer, pull_member_pkey, consent_member, review_item_doubt, resource_pkey, resource_outlived, resource_authorization, resource_id.
 */
export async function notShown(sql: Queryable, peerId: string): Promise<NotShown[]> {
  return [
    ...(await sql.unsafe<NotShown[]>(
      `with met as materialized (
         select distinct coalesce(f.member_id, m.member_id) as member_id from exchange.pull p join exchange.pull_member m on m.pull_id = p.id
         left join exchange.member_merge f on f.former_id = m.member_id and f.undone_at is null
         where p.peer_id = $1 and m.outcome = 'matched'
       ), no as materialized (
         select o.member_id from met o cross join lateral (
           select c.choice from exchange.consent c where c.member_id = o.member_id order by c.recorded_on desc, c.created_at desc limit 1) c
         where c.choice in ('withdraw', 'decline')
       ), doubted as materialized (
         select o.member_id from met o where $1 = any(${DOUBTED_PEERS('o.member_id')}) and o.member_id not in (select member_id from no)
       ), pairs as (
         select v.type, case when (v.decision = 'prefer-ours') = (b.origin = 'own') then a.id else b.id end as away,
           case when (v.decision = 'prefer-ours') = (b.origin = 'own') then b.id else a.id end as stays
         from exchange.review_item v join exchange.resource a on a.id = v.a_id and a.type = v.type and not a.deleted
         join exchange.resource b on b.id = v.b_id and b.type = v.type and not b.deleted
         where v.state = 'decided' and v.decision in ('prefer-ours', 'prefer-theirs')
       ), hidden as (
         select r.member_id, case when r.member_id in (select member_id from no) then 'withdrawn' else 'identity-doubt' end as reason
         from exchange.resource r where r.member_id in (select member_id from no union all select member_id from doubted) and r.origin = $1 and not r.deleted
         union all
         select r.member_id, r.withheld from exchange.resource r where r.withheld = '${OUTLIVED}' and r.origin = $1 and not r.deleted and not ${WHOLE('r.member_id')}
         union all
         select r.member_id, r.withheld from exchange.resource r
         where r.pa_state is not null and r.withheld = '${DENIED_SINCE}' and r.origin = $1 and not r.deleted and not ${WHOLE('r.member_id')}
         union all
         select r.member_id, 'preferred-away' from (
           select distinct r.member_id, r.type, r.id from pairs p join exchange.resource r on r.id = p.away and r.type = p.type and r.origin = $1
           join exchange.resource s on s.id = p.stays and s.type = p.type
           where coalesce(r.withheld, '') not in ('${OUTLIVED}', '${DENIED_SINCE}') and coalesce(s.withheld, '') not in ('${OUTLIVED}', '${DENIED_SINCE}')
             and not ${WHOLE('r.member_id')}) r
       )
       select reason, count(distinct member_id)::int as members, count(*)::int as records from hidden group by 1 order by 3 desc, 1`,
      [peerId],
    )),
  ];
}

-- safe
-- Authorizations that may have been denied and were held before people were asked about such: by resource_authorization. Those that were asked about by the id of
-- their member are asked about by their own.
update exchange.review_item set state = 'gone' where rule = 'unclear' and state <> 'gone';
--> statement-breakpoint
insert into exchange.review_item (id, member_id, kind, weight, type, b_type, b_id, b_hash, peer_id, rule, opened_at)
select distinct on (1) md5('unclear|' || r.id), r.member_id, case when r.origin = 'own' then 'own-unclear-pa' else 'unclear-pa' end, 2, 'ExplanationOfBenefit', 'ExplanationOfBenefit', r.id, r.hash,
  case when r.origin = 'own' then '' else r.origin end, 'unclear', now()
from exchange.resource r where r.pa_state is not null and r.pa_state = 'unclear' and r.type = 'ExplanationOfBenefit' and not r.deleted
order by 1, r.member_id
on conflict (id) do nothing;

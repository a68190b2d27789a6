-- safe
-- A birth date that is told less exactly is no other one: such doubts are gone, and what waited for them comes into view of peers.
with gone as (
  update exchange.review_item v set state = 'gone'
  from exchange.resource a, exchange.resource b,
    lateral (select a.body::jsonb ->> 'birthDate' as one, b.body::jsonb ->> 'birthDate' as other) d
  where v.kind = 'identity-doubt' and v.state = 'open' and v.type = 'Patient' and v.detail = 'birthDate'
    and a.member_id = v.member_id and a.type = 'Patient' and a.id = v.a_id and b.member_id = v.member_id and b.type = 'Patient' and b.id = v.b_id
    and (starts_with(d.one, d.other) or starts_with(d.other, d.one))
  returning v.member_id, v.peer_id
)
update exchange.resource r set moved_at = date_trunc('milliseconds', now())
from (select distinct member_id, peer_id from gone) g
where r.member_id = g.member_id and r.origin = g.peer_id and not r.deleted;

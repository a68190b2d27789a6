-- safe
-- Questions about a copy that is not shown, as its record was taken back, are none. They are asked again when it is shown again.
update exchange.review_item i set state = 'gone'
from exchange.resource r
where r.withheld = 'outlived' and i.member_id = r.member_id and i.type = r.type and i.state = 'open' and i.a_id is not null and i.b_id is not null and r.id in (i.a_id, i.b_id);

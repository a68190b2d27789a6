-- safe
-- Of whom it is in doubt whether a payer means them: what it sent of them does not leave. What it sent before came out of view now.
create index review_item_doubt on exchange.review_item (member_id, peer_id) where kind = 'identity-doubt' and state <> 'gone';
--> statement-breakpoint
update exchange.resource r set moved_at = date_trunc('milliseconds', now())
from (select distinct member_id, peer_id from exchange.review_item
  where kind = 'identity-doubt' and state <> 'gone' and (decision is null or decision = 'report-to-peer') and member_id is not null) v
where r.member_id = v.member_id and r.origin = v.peer_id and not r.deleted;

-- safe
-- A member of whom a pull asked for nothing, or held everything, as the choice was withdrawn or the payer named by mistake: what the payer had to tell is not known by it, and is
-- asked for anew when the member chooses again.
alter table exchange.pull_member add column left_out boolean not null default false;
--> statement-breakpoint
update exchange.pull_member m set left_out = true
from (select distinct pull_id, member_id from exchange.review_item where kind in ('consent-withdrawn', 'named-in-error') and pull_id is not null) v
where m.pull_id = v.pull_id and m.member_id = v.member_id;

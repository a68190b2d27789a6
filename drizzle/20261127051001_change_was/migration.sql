-- breaking
-- What was known of a record that changes is noted when that is decided, instead of being looked up by each step after it. A former program
-- would note nothing. `was_content` only where the record has the key that was decided about.
alter table federation.change add column was_state "char", add column was_flags smallint, add column was_content bigint;
--> statement-breakpoint
update federation.change c set was_state = s.state, was_flags = s.flags, was_content = case when s.key = c.key then s.content end
from federation.source s where s.rk = c.rk;
--> statement-breakpoint
-- rk and base_rk are the same but where one id has several contents
create index source_variant on federation.source (base_rk) where rk <> base_rk;
--> statement-breakpoint
drop index federation.source_base;

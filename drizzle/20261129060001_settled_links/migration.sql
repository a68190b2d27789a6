-- safe
-- Links of events that were settled one to one: `apart` is what the rules would link and another record of the same payer is linked instead.
alter table exchange.link drop constraint link_state_check;
--> statement-breakpoint
alter table exchange.link add constraint link_state_check check (state in ('confirmed', 'proposed', 'rejected', 'apart')) not valid;

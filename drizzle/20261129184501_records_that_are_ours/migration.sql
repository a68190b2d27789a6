-- safe
-- Which record of a payer is one of ours that came back: what looks like it too is another one.
create index identity_echo on exchange.identity (peer_id, type, local_id) where state = 'echo';
--> statement-breakpoint
-- What is stored from here on is keyed by rules of number 10 (the keys of 9, and what a record is noted to be a copy of); where nothing is, nothing
-- is to be keyed anew but what a pull that has begun before has staged.
update exchange.keys_made set rules = 10, begun_at = now()
where rules = 9 and done_at is not null and not exists (select from exchange.resource) and not exists (select from exchange.shared_resource);

-- safe
-- Questions of payers that were not looked at, as cards or people were being tried: who does so stands as an alert, and these are few.
create index match_member_throttled on exchange.match_member (job_id) where reason = 'throttled';
--> statement-breakpoint
create index match_single_throttled on exchange.match_single (at) include (peer_id) where reason = 'throttled';

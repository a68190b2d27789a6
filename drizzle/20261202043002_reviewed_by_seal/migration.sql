-- safe
-- Security events by the seal that holds them, noted as they are sealed: a review covers what was sealed when its page was shown, so that an event
-- that is committed later than it is stamped is reviewed with the next one.
create table exchange.security_event (
  seq bigint primary key,
  seal_id integer not null
);
--> statement-breakpoint
create index security_event_seal on exchange.security_event (seal_id);
--> statement-breakpoint
-- null of reviews from before: those went by times alone
alter table exchange.security_review add column until_seal integer;

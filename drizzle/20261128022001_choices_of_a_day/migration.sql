-- safe
-- Files may say no, yes and no again of one day, and what they say last holds: `again` counts what an imported choice of that day repeats.
-- An older program writes none but the first, as before.
alter table exchange.consent add column again smallint not null default 0;
--> statement-breakpoint
drop index exchange.consent_imported;
--> statement-breakpoint
create unique index consent_imported on exchange.consent (member_id, choice, policy, recorded_on, again) where given_at is null;

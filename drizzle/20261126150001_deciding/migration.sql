-- safe
-- Deciding goes by stretches of members as well: up to which bucket it has come.
alter table exchange.pull drop constraint pull_phase_check;
--> statement-breakpoint
alter table exchange.pull add constraint pull_phase_check check (phase in ('deciding', 'planned')), add column decided_bucket integer;
--> statement-breakpoint
-- What an earlier version staged has no outcome until it is decided: it is staged again.
truncate exchange.staging, exchange.staged_text, exchange.rewritten, exchange.judged;
--> statement-breakpoint
update exchange.pull set phase = null where phase is not null;
--> statement-breakpoint
-- Units are staged as what they are when nothing else is found, and few are written again.
alter table exchange.staging set (fillfactor = 90);

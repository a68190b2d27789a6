-- safe
-- What a staged text refers to there: its references are led to where they will most likely lead when it is read, and led right
-- afterwards where that was not so.
alter table exchange.staging add column refs text[];
--> statement-breakpoint
-- What an earlier version staged has its references as they came: it is staged again.
truncate exchange.staging, exchange.staged_text, exchange.rewritten;

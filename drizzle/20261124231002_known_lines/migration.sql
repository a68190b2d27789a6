-- safe
-- What a record came as, word for word, under the rules of the day: a line that comes again needs no second look. Null where
-- something was noted about it, so that it is noted again.
alter table exchange.identity add column line_hash bytea;
--> statement-breakpoint
alter table exchange.staging add column line_hash bytea;

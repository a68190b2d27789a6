-- safe
-- What was noted about the line when it was read; it is noted again when it comes again.
alter table exchange.identity add column line_findings text[];

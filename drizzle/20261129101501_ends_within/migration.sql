-- safe
-- Has the last line of a file no line end? Then it may be the beginning of one, cut off. Null of files that an older program fetched.
alter table exchange.pull_file add column ends_within boolean;

-- safe
-- What an enrolment file said last of the days of another coverage: a file that says the same again, or nothing, says nothing against
-- what a member has told since.
alter table exchange.other_coverage add column file_starts date, add column file_ends date;
--> statement-breakpoint
update exchange.other_coverage set file_starts = starts, file_ends = ends where said_by = 'import' and (starts is not null or ends is not null);

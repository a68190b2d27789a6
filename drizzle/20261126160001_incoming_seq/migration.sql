-- safe
-- What was decided about a record is joined to it by its place in the run.
drop index federation.incoming_run;
--> statement-breakpoint
create index incoming_run on federation.incoming (run, type, seq);

-- safe
-- How often a word occurs under a parameter: of two columns taken apart the planner expects one row where there are hundreds.
alter table directory.words alter folded set statistics 1000;
--> statement-breakpoint
create statistics directory.words_values (mcv) on param, folded from directory.words;

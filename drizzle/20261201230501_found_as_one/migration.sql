-- safe
-- By what the member stood for somebody else too, as it was found: the merges in force then, as the question saw them. When one of them is taken back, nobody knows whom the question
-- meant. Of rows without it, of older programs, the times tell, which a question that was on its way just then could have on the wrong side.
alter table exchange.match_member add column as_one text[];
--> statement-breakpoint
alter table exchange.match_single add column as_one text[];
--> statement-breakpoint
-- Over before its time: somebody was found in it as one with who is another member again. The others in it go on to be read.
alter table exchange.match_group add column is_over boolean not null default false;

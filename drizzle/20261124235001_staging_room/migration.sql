-- safe
-- Deciding writes every staged row anew, in columns that no index has: with room on its page the row stays there, and no
-- index is written again.
alter table exchange.staging set (fillfactor = 45);
--> statement-breakpoint
-- Texts pass through here once. Compressed, they would be compressed and read back twice on their way to the record.
alter table exchange.staged_text set (toast_tuple_target = 8160);
--> statement-breakpoint
alter table exchange.rewritten set (toast_tuple_target = 8160);

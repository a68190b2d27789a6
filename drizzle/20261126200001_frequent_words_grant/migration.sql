-- safe
-- Said to the role that asks: on some servers functions are not for everybody.
grant execute on function directory.frequent_words() to payer_node_directory;
--> statement-breakpoint
grant execute on function merged.frequent_words() to payer_node_directory;

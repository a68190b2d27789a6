-- safe
-- Whether the members of a pull are asked for apart from whom an answer had left open. That is done once; a pull that was divided for another reason, as the payer takes fewer
-- members at once, has not been asked so. Those that were parts of others are taken for asked apart, as before.
alter table exchange.pull add column is_apart boolean not null default false;
--> statement-breakpoint
update exchange.pull set is_apart = true where part_of is not null and finished_at is null;

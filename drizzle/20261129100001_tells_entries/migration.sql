-- safe
-- Was an export finished by a program that reads `entry_held`? One that ran before it, and goes on beside it for a while, looks for what the payer has
-- where it stands no more, and tells of no directory entry that it is gone: the next export for changes looks back to where that one began.
alter table exchange.bulk_job add column tells_entries boolean not null default false;
--> statement-breakpoint
update exchange.bulk_job set tells_entries = true where kind = 'export' and transaction_time is not null;

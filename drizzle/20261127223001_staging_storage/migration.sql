-- safe
-- Lists of what a Provenance is about are long, and pass through here once: compressed, they would be compressed and read back several
-- times on their way to the record.
alter table exchange.staging alter targets set storage external, alter refs set storage external, alter about set storage external,
  alter keys set storage external, alter links set storage external, alter refers set storage external;
--> statement-breakpoint
alter table exchange.staging set (toast_tuple_target = 8160);

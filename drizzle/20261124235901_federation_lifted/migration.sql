-- safe
-- Records that were contained in another one and stand beside it in the merged base: they go when it goes, or lets go of them.
create table federation.lifted (
  parent bigint not null,
  key text not null,
  primary key (parent, key)
);
--> statement-breakpoint
-- those of before are found by reading their parents again
insert into federation.outbox (rk) select rk from federation.source where raw like '%"contained"%' order by rk;

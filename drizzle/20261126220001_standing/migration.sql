-- breaking
-- How many records of each type of a peer stand, by state and with which fields: kept with every change, so that neither a run nor
-- a page counts them. l: live, e: ended in the source, h: held back, t: tombstone; the fields are those of all but tombstones.
create table federation.standing (
  peer text not null,
  type smallint not null,
  l int not null,
  e int not null,
  h int not null,
  t int not null,
  npi int not null,
  network int not null,
  name int not null,
  address int not null,
  taxonomy int not null,
  primary key (peer, type)
);
--> statement-breakpoint
insert into federation.standing (peer, type, l, e, h, t, npi, network, name, address, taxonomy)
select peer, type, count(*) filter (where state = 'l'), count(*) filter (where state = 'e'), count(*) filter (where state = 'h'),
  count(*) filter (where state = 't'), count(*) filter (where state <> 't' and flags & 1 > 0), count(*) filter (where state <> 't' and flags & 2 > 0),
  count(*) filter (where state <> 't' and flags & 4 > 0), count(*) filter (where state <> 't' and flags & 8 > 0),
  count(*) filter (where state <> 't' and flags & 16 > 0)
from federation.source group by peer, type;
--> statement-breakpoint
-- Records that wait for the merged base, by blocks. Numbers do not compress, and trying costs.
alter table federation.outbox rename to outbox_before;
--> statement-breakpoint
alter table federation.outbox_before rename constraint outbox_pkey to outbox_before_pkey;
--> statement-breakpoint
create table federation.outbox (
  n bigint primary key generated always as identity,
  rks bigint[] not null
);
--> statement-breakpoint
alter table federation.outbox alter column rks set storage external;
--> statement-breakpoint
insert into federation.outbox (rks)
select array_agg(rk) from (select rk, (row_number() over (order by rk) - 1) / 1000 as block from (select distinct rk from federation.outbox_before) o) b
group by block;
--> statement-breakpoint
drop table federation.outbox_before;

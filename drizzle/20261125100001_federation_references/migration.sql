-- safe
-- What records of a peer are called beside their ids: hashes of identifiers, and of the names of networks. References without an
-- address are resolved by them, within one peer.
create table federation.known_as (
  peer text not null,
  type smallint not null,
  token bigint not null,
  rk bigint not null,
  primary key (peer, type, token, rk)
);
--> statement-breakpoint
create index known_as_rk on federation.known_as (rk);
--> statement-breakpoint
-- References of merged records that another record may answer some day: by a name (its type and token; answered now or not), or by
-- an address that leads nowhere (type 0, rk of its target).
create table federation.awaited (
  peer text not null,
  type smallint not null,
  token bigint not null,
  rk bigint not null,
  primary key (peer, type, token, rk)
);
--> statement-breakpoint
create index awaited_rk on federation.awaited (rk);
--> statement-breakpoint
alter table federation.incoming add column names bigint[] not null default '{}';
--> statement-breakpoint
-- the names of records that are stored already are gathered by the next merge
alter table federation.own_state add column names_from bigint;
--> statement-breakpoint
update federation.own_state set names_from = -9223372036854775808 where exists (select from federation.source);

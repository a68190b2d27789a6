-- breaking
-- What peers sent stands apart from what is known of it: a record is written once, when it arrives, and everything that judges,
-- compares and counts reads narrow rows. `content` of a record, staged or taken, is its text here.
create table federation.content (
  id bigint primary key,
  raw text not null
) with (toast_tuple_target = 8160);
--> statement-breakpoint
-- ids are taken by the thousand
create sequence federation.content_id increment by 10000;
--> statement-breakpoint
alter table federation.source rename to source_before;
--> statement-breakpoint
alter table federation.source_before add column content bigint;
--> statement-breakpoint
update federation.source_before s set content = o.n from (select rk, row_number() over (order by rk) as n from federation.source_before) o where o.rk = s.rk;
--> statement-breakpoint
insert into federation.content (id, raw) select content, raw from federation.source_before order by content;
--> statement-breakpoint
select setval('federation.content_id', (select coalesce(max(id), 0) / 10000 * 10000 + 10001 from federation.content));
--> statement-breakpoint
-- Records as peers gave them. rk is the row in the merged base; line_hash knows an unchanged line without reading it; `names`
-- are what the record is called beside its id.
create table federation.source (
  rk bigint not null,
  base_rk bigint not null,
  line_hash bigint not null,
  content bigint not null,
  changed_run bigint not null,
  first_seen timestamptz(3) not null,
  content_changed_at timestamptz(3) not null,
  peer_updated timestamptz(3),
  type smallint not null,
  flags smallint not null,
  -- l: live, e: ended in the source, h: held back (a placeholder), t: tombstone
  state "char" not null,
  peer text not null,
  key text not null,
  source_id text not null,
  hash bytea not null,
  evidence text not null default '',
  names bigint[] not null default '{}'
);
--> statement-breakpoint
insert into federation.source (rk, base_rk, line_hash, content, changed_run, first_seen, content_changed_at, peer_updated, type, flags, state,
  peer, key, source_id, hash, evidence, names)
select s.rk, s.base_rk, s.line_hash, s.content, s.changed_run, s.first_seen, s.content_changed_at, s.peer_updated, s.type, s.flags, s.state,
  s.peer, s.key, s.source_id, s.hash, s.evidence, coalesce(k.names, '{}')
from federation.source_before s left join (select rk, array_agg(token) as names from federation.known_as group by 1) k on k.rk = s.rk
order by s.rk;
--> statement-breakpoint
drop table federation.source_before;
--> statement-breakpoint
alter table federation.source add constraint source_pkey primary key (rk);
--> statement-breakpoint
create index source_line on federation.source (peer, type, line_hash) include (rk, base_rk, flags, peer_updated) where state <> 't';
--> statement-breakpoint
create index source_base on federation.source (base_rk);
--> statement-breakpoint
-- Names lead to records, and the record says of which peer and type it is.
create table federation.name (
  token bigint not null,
  rk bigint not null,
  primary key (token, rk)
);
--> statement-breakpoint
insert into federation.name (token, rk) select distinct token, rk from federation.known_as order by 1, 2;
--> statement-breakpoint
drop table federation.known_as;
--> statement-breakpoint
-- what was staged is read again: its run tells that it is lost
truncate federation.incoming;
--> statement-breakpoint
-- `variant`: the key of one content of several, where it is not the usual one
drop index federation.incoming_base;
--> statement-breakpoint
alter table federation.incoming drop column raw, drop column variant_key, add column content bigint not null, add column variant text not null default '';
--> statement-breakpoint
create index incoming_run on federation.incoming (run, type);
--> statement-breakpoint
grant select on federation.content, federation.source, federation.name to payer_node_directory;

-- safe
-- What links records of the merged base: facts to match by, the links, and the clusters that come of them.
create table federation.feature (
  rk bigint primary key,
  -- empty: our own
  peer text not null,
  type smallint not null,
  -- since when its links are to be looked for; null when they are
  dirty boolean not null default true,
  key text not null,
  npi bigint,
  family text not null default '',
  given text not null default '',
  name text not null default '',
  -- hashes: with unit, and without
  address bigint,
  street bigint,
  has_unit boolean not null default false,
  zip text not null default '',
  state text not null default '',
  phone bigint,
  -- identifiers other than NPI, as hashes of kind and value (tax number, CLIA, CCN, licence and state, plan, URL of an endpoint)
  ids bigint[] not null default '{}',
  -- square of a thousandth of a degree
  cell bigint,
  lat real,
  lon real,
  is_network boolean not null default false
);
--> statement-breakpoint
create index feature_npi on federation.feature (type, npi) where npi is not null;
--> statement-breakpoint
create index feature_name on federation.feature (type, family, state) where family <> '';
--> statement-breakpoint
create index feature_name_no_npi on federation.feature (type, family, state) where family <> '' and npi is null;
--> statement-breakpoint
create index feature_phone on federation.feature (type, phone) where phone is not null;
--> statement-breakpoint
create index feature_street on federation.feature (type, street) where street is not null;
--> statement-breakpoint
create index feature_cell on federation.feature (type, cell) where cell is not null;
--> statement-breakpoint
create index feature_ids on federation.feature using gin (ids);
--> statement-breakpoint
create index feature_dirty on federation.feature (type) where dirty;
--> statement-breakpoint
-- a < b. outcome: same, review, not. by: 'rule', or the person whose word no rule takes back.
create table federation.link (
  a bigint not null,
  b bigint not null,
  type smallint not null,
  outcome text not null check (outcome in ('same', 'review', 'not')),
  rule text not null,
  score real not null,
  by text not null,
  at timestamptz(3) not null,
  note text not null default '',
  primary key (a, b),
  check (a < b)
);
--> statement-breakpoint
create index link_b on federation.link (b);
--> statement-breakpoint
create index link_review on federation.link (type, score desc, a, b) where outcome = 'review';
--> statement-breakpoint
-- every decision of a person, also those that were taken back
create table federation.link_event (
  id bigint primary key generated always as identity,
  a bigint not null,
  b bigint not null,
  before text not null,
  after text not null,
  by text not null,
  at timestamptz(3) not null,
  note text not null default ''
);
--> statement-breakpoint
create table federation.cluster (
  rk bigint primary key,
  cluster bigint not null
);
--> statement-breakpoint
create index cluster_cluster on federation.cluster (cluster);
--> statement-breakpoint
grant select on all tables in schema federation to payer_node_directory;

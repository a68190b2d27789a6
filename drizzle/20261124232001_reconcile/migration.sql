-- safe
-- `substance`: hash of a record's content without its references and without ids that others noted on it: what a record of
-- ours still is after it went through another payer. `claim`: what chains of claims and authorizations are made of.
alter table exchange.resource add column substance bytea, add column claim jsonb;
--> statement-breakpoint
alter table exchange.staging add column substance bytea, add column claim jsonb;
--> statement-breakpoint
create index staging_shared on exchange.staging (pull_id, local_id) where is_shared;
--> statement-breakpoint
-- A link between records of two types names the second one's.
alter table exchange.link add column b_type text;
--> statement-breakpoint
alter table exchange.rewritten add column unresolved text[];
--> statement-breakpoint
create index delivered_member on exchange.delivered (member_id);
--> statement-breakpoint
-- What was judged of pairs of records in a pull, on the way to links, findings and items for people.
create unlogged table exchange.judged (
  pull_id text not null,
  file integer not null,
  line integer not null,
  entry integer not null,
  member_id text not null,
  type text not null,
  id text not null,
  other_type text not null,
  other_id text not null,
  kind text not null,
  score real not null,
  rule text not null,
  conflict text,
  detail text not null default ''
);
--> statement-breakpoint
create index judged_pull on exchange.judged (pull_id, file, line, entry);
--> statement-breakpoint
-- Chains of claims and of authorizations of a member, made anew whenever one of their records changes.
create table exchange.chain (
  member_id text not null,
  chain text not null,
  kind text not null check (kind in ('claim', 'authorization')),
  state text not null,
  final_id text,
  nodes jsonb not null,
  anomalies jsonb not null default '[]',
  facts jsonb not null default '{}',
  primary key (member_id, chain)
);
--> statement-breakpoint
-- References to records of a peer that have not arrived: linked by themselves when they do.
create table exchange.dangling (
  peer_id text not null,
  target_type text not null,
  target_id text not null,
  member_id text not null,
  type text not null,
  id text not null,
  primary key (peer_id, target_type, target_id, member_id, type, id)
);
--> statement-breakpoint
-- What a person may have to decide: contradictions, doubts and records in quarantine. The hashes are those of the copies that
-- the item is about; another version opens it again. `weight`: 3 concerns safety or identity, 1 can wait.
create table exchange.review_item (
  id text primary key,
  member_id text,
  kind text not null,
  weight smallint not null,
  type text not null,
  a_type text,
  a_id text,
  a_hash bytea,
  b_type text,
  b_id text,
  b_hash bytea,
  peer_id text not null,
  pull_id text references exchange.pull,
  file integer,
  line integer,
  entry integer,
  rule text not null,
  detail text not null default '',
  state text not null default 'open' check (state in ('open', 'decided', 'gone')),
  -- the decision in force
  decision text,
  opened_at timestamptz(3) not null,
  reopened integer not null default 0
);
--> statement-breakpoint
create index review_item_open on exchange.review_item (weight desc, opened_at, id) where state = 'open';
--> statement-breakpoint
create index review_item_member on exchange.review_item (member_id, type);
--> statement-breakpoint
create index review_item_pull on exchange.review_item (pull_id);
--> statement-breakpoint
-- Every decision and every undoing of one, with what the person saw. Insert-only.
create table exchange.review_decision (
  id bigint generated always as identity primary key,
  item_id text not null references exchange.review_item,
  decision text not null,
  undoes bigint references exchange.review_decision,
  by_subject text not null,
  by_name text not null,
  role text not null,
  at timestamptz(3) not null,
  reason text not null,
  a_hash bytea,
  b_hash bytea,
  rules integer not null
);
--> statement-breakpoint
create index review_decision_item on exchange.review_decision (item_id, id);
--> statement-breakpoint
create trigger review_decision_insert_only before update or delete or truncate on exchange.review_decision for each statement execute function exchange.refuse_change();
--> statement-breakpoint
-- What became of a unit after its ledger row was written: released by a person or by what arrived later, discarded, or
-- decided otherwise by newer rules. Insert-only, like the ledger.
create table exchange.unit_revision (
  id bigint generated always as identity primary key,
  pull_id text not null,
  file integer not null,
  line integer not null,
  entry integer not null,
  outcome_before text not null,
  reason_before text,
  outcome text not null,
  reason text,
  cause text not null check (cause in ('replay', 'release', 'arrival', 'discard')),
  rules integer not null,
  by text not null,
  at timestamptz(3) not null
);
--> statement-breakpoint
create index unit_revision_unit on exchange.unit_revision (pull_id, file, line, entry, id);
--> statement-breakpoint
create trigger unit_revision_insert_only before update or delete or truncate on exchange.unit_revision for each statement execute function exchange.refuse_change();
--> statement-breakpoint
create function exchange.replace_all(text text, olds text[], news text[]) returns text language plpgsql immutable parallel safe as $$
begin
  for i in 1..cardinality(olds) loop text := replace(text, olds[i], news[i]); end loop;
  return text;
end
$$;

-- safe
create schema exchange;
--> statement-breakpoint
-- Members: people enrolled with this plan. `id` is the id of their Patient; `umb` is the unique member id handed to peers.
create table exchange.member (
  id text primary key,
  umb text not null unique,
  created_at timestamptz not null default now()
);
--> statement-breakpoint
create table exchange.enrolment (
  member_id text not null references exchange.member,
  member_number text not null,
  subscriber_id text,
  plan text not null,
  starts date not null,
  ends date,
  primary key (member_id, member_number, starts)
);
--> statement-breakpoint
-- What members say of other coverage. `payer` is as written; `peer_id` is set when it names a registered peer.
create table exchange.other_coverage (
  id text primary key,
  member_id text not null references exchange.member,
  payer text not null,
  peer_id text,
  member_number text not null default '',
  starts date,
  ends date,
  unique (member_id, payer, member_number)
);
--> statement-breakpoint
-- Every choice a member made about payer-to-payer exchange; the newest `recorded_on` holds.
create table exchange.consent (
  id text primary key,
  member_id text not null references exchange.member,
  choice text not null check (choice in ('opt-in', 'decline', 'withdraw')),
  policy text not null check (policy in ('regular', 'sensitive')),
  recorded_on date not null,
  source text not null,
  created_at timestamptz not null default now(),
  unique (member_id, choice, policy, recorded_on)
);
--> statement-breakpoint
-- Matching works on these two only: normalised values per person, and one hashed token per exact key.
create table exchange.member_profile (
  member_id text primary key references exchange.member,
  family text[] not null,
  given text[] not null,
  suffix text[] not null,
  dob text[] not null,
  mb text[] not null,
  sub text[] not null,
  mbi text[] not null,
  umb text[] not null
);
--> statement-breakpoint
create table exchange.member_token (
  kind smallint not null,
  hash bigint not null,
  member_id text not null,
  primary key (kind, hash, member_id)
);
--> statement-breakpoint
create index member_token_member on exchange.member_token (member_id);
--> statement-breakpoint
-- Clinical records, own and received. Keyed and partitioned by member: every statement names its member or a set of them.
-- `shared` is the form without money, when it differs from `body`; `targets` is what a Provenance is about
-- and `links` the directory-type records it refers to, as `Type/id`. The other columns are facts that the export conditions use.
create table exchange.resource (
  member_id text not null,
  type text not null,
  id text not null,
  version integer not null,
  origin text not null,
  source_id text,
  last_updated timestamptz(3) not null,
  deleted boolean not null default false,
  hash bytea not null,
  service_end date,
  pa_state text,
  pa_changed date,
  pa_end date,
  label smallint,
  withheld text,
  targets text[],
  links text[],
  body text not null,
  shared text,
  primary key (member_id, type, id)
) partition by hash (member_id);
--> statement-breakpoint
create table exchange.resource_version (
  member_id text not null,
  type text not null,
  id text not null,
  version integer not null,
  last_updated timestamptz(3) not null,
  deleted boolean not null,
  hash bytea not null,
  body text not null,
  primary key (member_id, type, id, version)
) partition by hash (member_id);
--> statement-breakpoint
-- Keys under which two records of one member may be the same thing: strong (same business object), event, and value keys.
create table exchange.record_key (
  member_id text not null,
  type text not null,
  kind smallint not null,
  hash bigint not null,
  id text not null,
  origin text not null,
  primary key (member_id, type, kind, hash, id)
) partition by hash (member_id);
--> statement-breakpoint
create table exchange.link (
  member_id text not null,
  type text not null,
  a_id text not null,
  b_id text not null,
  kind text not null,
  score real not null,
  state text not null check (state in ('confirmed', 'proposed', 'rejected')),
  rule text not null,
  pull_id text,
  created_at timestamptz not null default now(),
  primary key (member_id, type, a_id, b_id, kind)
) partition by hash (member_id);
--> statement-breakpoint
do $$
declare part integer; name text;
begin
  foreach name in array array['resource', 'resource_version', 'record_key', 'link'] loop
    for part in 0..7 loop
      execute format('create table exchange.%I partition of exchange.%I for values with (modulus 8, remainder %s)', name || '_' || part, name, part);
    end loop;
  end loop;
end
$$;
--> statement-breakpoint
-- Directory-type records (Organization, Practitioner, Location …) that members' records refer to.
create table exchange.shared_resource (
  type text not null,
  id text not null,
  version integer not null,
  origin text not null,
  source_id text,
  last_updated timestamptz(3) not null,
  deleted boolean not null default false,
  hash bytea not null,
  npi text,
  links text[],
  body text not null,
  primary key (type, id)
);
--> statement-breakpoint
create index shared_resource_npi on exchange.shared_resource (npi, type) where npi is not null;
--> statement-breakpoint
create table exchange.shared_resource_version (
  type text not null,
  id text not null,
  version integer not null,
  last_updated timestamptz(3) not null,
  deleted boolean not null,
  hash bytea not null,
  body text not null,
  primary key (type, id, version)
);
--> statement-breakpoint
create table exchange.peer (
  id text primary key check (id ~ '^[a-z0-9][a-z0-9-]{0,62}$' and id <> 'own'),
  name text not null,
  npi text,
  state text not null check (state in ('pending', 'active', 'suspended', 'closed')),
  fhir_base text,
  token_endpoint text,
  issuer text,
  client_id_there text,
  client_id_here text unique,
  jwks_url text,
  jwks jsonb,
  scopes text[] not null default '{}',
  origins text[] not null default '{}',
  epoch integer not null default 1,
  quirks jsonb not null default '{}',
  added_by text not null,
  added_at timestamptz not null default now(),
  approved_by text,
  approved_at timestamptz
);
--> statement-breakpoint
create table exchange.peer_check (
  id bigint generated always as identity primary key,
  peer_id text not null references exchange.peer,
  at timestamptz not null default now(),
  ok boolean not null,
  facts jsonb not null
);
--> statement-breakpoint
-- Assertions that were answered with a token: a jti is good once.
create table exchange.used_assertion (
  hash bytea primary key,
  expires_at timestamptz not null
);
--> statement-breakpoint
-- What a peer asked of us: bulk match and export. `state`: queued, running, complete, failed, cancelled, revoked.
create table exchange.bulk_job (
  id text primary key,
  kind text not null check (kind in ('match', 'export')),
  peer_id text not null references exchange.peer,
  state text not null check (state in ('queued', 'running', 'complete', 'failed', 'cancelled', 'revoked')),
  request_url text not null,
  parameters jsonb not null,
  body_key text,
  group_id text,
  received_at timestamptz not null,
  due_at timestamptz not null,
  started_at timestamptz,
  completed_at timestamptz,
  expires_at timestamptz,
  transaction_time timestamptz(3),
  progress smallint not null default 0,
  lease_owner text,
  lease_until timestamptz,
  attempts integer not null default 0,
  counts jsonb not null default '{}',
  failure text
);
--> statement-breakpoint
create index bulk_job_open on exchange.bulk_job (received_at) where state in ('queued', 'running');
--> statement-breakpoint
create index bulk_job_peer on exchange.bulk_job (peer_id, received_at);
--> statement-breakpoint
create table exchange.bulk_file (
  job_id text not null references exchange.bulk_job,
  id text not null,
  position integer not null,
  kind text not null check (kind in ('output', 'deleted', 'error')),
  type text not null,
  blob_key text not null,
  lines integer not null,
  bytes bigint not null,
  stored_bytes bigint not null,
  sha256 text not null,
  primary key (job_id, id)
);
--> statement-breakpoint
-- Groups that a bulk match made. `resource` is the Group as it was sent.
create table exchange.match_group (
  id text primary key,
  job_id text not null references exchange.bulk_job,
  peer_id text not null references exchange.peer,
  code text not null check (code in ('match', 'nomatch', 'consentconstraint')),
  created_at timestamptz not null,
  resource text not null
);
--> statement-breakpoint
-- One row per submitted member: what was decided, by which rule, and under which consent.
create table exchange.match_member (
  job_id text not null references exchange.bulk_job,
  position integer not null,
  submitted_id text not null,
  outcome text not null check (outcome in ('match', 'nomatch', 'consentconstraint')),
  reason text not null,
  rule smallint,
  member_id text,
  group_id text,
  consent jsonb,
  consent_policy text,
  consent_from date,
  consent_to date,
  primary key (job_id, position)
);
--> statement-breakpoint
create index match_member_group on exchange.match_member (group_id, member_id) where member_id is not null;
--> statement-breakpoint
-- What we ask of peers. The row is the work: whoever holds the lease takes one step.
create table exchange.pull (
  id text primary key,
  peer_id text not null references exchange.peer,
  state text not null check (state in ('due', 'discovered', 'authorized', 'matching', 'matched', 'exporting', 'downloading', 'reconciling', 'done', 'review', 'unbalanced', 'partial', 'refused', 'failed', 'withdrawn')),
  cause text not null,
  is_full boolean not null default false,
  created_at timestamptz not null,
  due_at timestamptz not null,
  next_at timestamptz not null,
  attempts integer not null default 0,
  lease_owner text,
  lease_until timestamptz,
  reason text,
  match_status_url text,
  group_id text,
  export_status_url text,
  manifest text,
  since timestamptz(3),
  transaction_time timestamptz(3),
  kicked_off_at timestamptz,
  finished_at timestamptz,
  accepted_by text,
  accepted_at timestamptz
);
--> statement-breakpoint
create index pull_due on exchange.pull (next_at) where state in ('due', 'discovered', 'authorized', 'matching', 'matched', 'exporting', 'downloading', 'reconciling');
--> statement-breakpoint
create index pull_peer on exchange.pull (peer_id, created_at);
--> statement-breakpoint
create table exchange.pull_event (
  id bigint generated always as identity primary key,
  pull_id text not null references exchange.pull,
  at timestamptz not null,
  state text not null,
  detail text not null default ''
);
--> statement-breakpoint
create index pull_event_pull on exchange.pull_event (pull_id, id);
--> statement-breakpoint
create table exchange.pull_member (
  pull_id text not null references exchange.pull,
  submitted_id text not null,
  member_id text not null references exchange.member,
  other_coverage_id text references exchange.other_coverage,
  consent_id text not null references exchange.consent,
  policy text not null,
  outcome text check (outcome in ('matched', 'not-matched', 'constrained', 'missing', 'uncorrelated', 'contradictory', 'conflict')),
  peer_patient_id text,
  primary key (pull_id, submitted_id)
);
--> statement-breakpoint
create index pull_member_member on exchange.pull_member (member_id, pull_id);
--> statement-breakpoint
create table exchange.pull_file (
  pull_id text not null references exchange.pull,
  position integer not null,
  kind text not null check (kind in ('output', 'deleted', 'error')),
  type text not null,
  url text not null,
  declared integer,
  state text not null check (state in ('pending', 'downloaded', 'staged', 'failed')),
  attempts integer not null default 0,
  blob_key text,
  bytes bigint,
  sha256 text,
  units integer,
  lines integer,
  failure text,
  primary key (pull_id, position)
);
--> statement-breakpoint
-- The ledger: one row for every received unit, each with exactly one outcome. Insert-only.
create table exchange.ledger (
  pull_id text not null references exchange.pull,
  file integer not null,
  line integer not null,
  entry integer not null,
  outcome text not null check (outcome in ('created', 'updated', 'unchanged', 'linked-duplicate', 'echo', 'shared', 'retracted', 'quarantined', 'rejected')),
  reason text,
  type text,
  source_id text,
  member_id text,
  local_id text,
  hash bytea,
  last_updated timestamptz(3),
  primary key (pull_id, file, line, entry)
);
--> statement-breakpoint
create index ledger_member on exchange.ledger (member_id, type, local_id);
--> statement-breakpoint
-- Identity map: what a peer calls a record, and what we call it.
create table exchange.identity (
  peer_id text not null,
  type text not null,
  source_id text not null,
  local_id text not null,
  member_id text,
  state text not null check (state in ('visible', 'retracted', 'quarantined', 'echo')),
  hash bytea,
  last_updated timestamptz(3),
  first_pull text not null,
  last_pull text not null,
  primary key (peer_id, type, source_id)
);
--> statement-breakpoint
create table exchange.finding (
  id bigint generated always as identity primary key,
  pull_id text not null references exchange.pull,
  kind text not null,
  file integer,
  line integer,
  entry integer,
  type text,
  source_id text,
  member_id text,
  local_id text,
  amount integer not null default 1,
  detail text not null default '',
  state text not null default 'open' check (state in ('open', 'decided'))
);
--> statement-breakpoint
create index finding_pull on exchange.finding (pull_id, kind);
--> statement-breakpoint
-- Received units on their way into the store; emptied when a pull is committed.
create unlogged table exchange.staging (
  pull_id text not null,
  file integer not null,
  line integer not null,
  entry integer not null,
  outcome text,
  reason text,
  type text,
  source_id text,
  member_id text,
  local_id text,
  is_shared boolean not null default false,
  hash bytea,
  last_updated timestamptz(3),
  npi text,
  targets text[],
  keys text[],
  findings text[],
  service_end date,
  pa_state text,
  pa_changed date,
  pa_end date,
  label smallint,
  withheld text,
  has_body boolean not null default false,
  links text[],
  echo_of text,
  primary key (pull_id, file, line, entry)
);
--> statement-breakpoint
create index staging_key on exchange.staging (pull_id, type, source_id);
--> statement-breakpoint
-- Texts of staged units, apart from what is decided about them: deciding rewrites rows, and texts are long.
create unlogged table exchange.staged_text (
  pull_id text not null,
  file integer not null,
  line integer not null,
  entry integer not null,
  body text not null,
  shared text,
  primary key (pull_id, file, line, entry)
);
--> statement-breakpoint
-- The same with their references rewritten to our ids.
create unlogged table exchange.rewritten (
  pull_id text not null,
  file integer not null,
  line integer not null,
  entry integer not null,
  final text not null,
  links text[],
  targets text[],
  primary key (pull_id, file, line, entry)
);
--> statement-breakpoint
create table exchange.clock (
  id text primary key,
  kind text not null,
  subject text not null,
  member_id text,
  peer_id text,
  starts_at timestamptz not null,
  due_at timestamptz not null,
  state text not null check (state in ('open', 'met', 'met-late', 'attempted', 'blocked', 'withdrawn', 'not-applicable')),
  closed_at timestamptz,
  reason text,
  unique (kind, subject)
);
--> statement-breakpoint
create index clock_open on exchange.clock (due_at) where state = 'open';
--> statement-breakpoint
-- Who did what, insert-only. `hash` covers the row; a sealer chains the rows in batches.
create table exchange.audit (
  seq bigint generated always as identity primary key,
  at timestamptz not null,
  actor_kind text not null check (actor_kind in ('peer', 'staff', 'system', 'command')),
  actor text not null,
  action text not null,
  object text not null default '',
  member_id text,
  peer_id text,
  consent_id text,
  outcome text not null default 'ok',
  reason text not null default '',
  request_id text not null default '',
  detail jsonb not null default '{}',
  hash bytea not null
);
--> statement-breakpoint
create index audit_member on exchange.audit (member_id, at) where member_id is not null;
--> statement-breakpoint
create index audit_object on exchange.audit (object, at) where object <> '';
--> statement-breakpoint
create function exchange.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is insert-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;
--> statement-breakpoint
create trigger audit_insert_only before update or delete or truncate on exchange.audit for each statement execute function exchange.refuse_change();
--> statement-breakpoint
create trigger ledger_insert_only before update or delete or truncate on exchange.ledger for each statement execute function exchange.refuse_change();
--> statement-breakpoint
-- The conservation law, held by the database: a pull is done only when every unit of every file stands in the ledger once,
-- and the files hold what the manifest declared (or a person accepted the difference).
create function exchange.hold_conservation() returns trigger language plpgsql as $$
declare bad record;
begin
  for bad in
    select f.position, f.units, f.declared, count(l.line) as booked
    from exchange.pull_file f left join exchange.ledger l on l.pull_id = f.pull_id and l.file = f.position
    where f.pull_id = new.id and f.kind <> 'error'
    group by f.position, f.units, f.declared
  loop
    if bad.units is null or bad.booked <> bad.units then
      raise exception 'pull %: file % has % units and % ledger rows', new.id, bad.position, bad.units, bad.booked using errcode = 'check_violation';
    end if;
    if bad.declared is not null and bad.declared <> bad.units and new.accepted_by is null then
      raise exception 'pull %: file % has % units and the manifest declared %', new.id, bad.position, bad.units, bad.declared using errcode = 'check_violation';
    end if;
  end loop;
  return null;
end
$$;
--> statement-breakpoint
create constraint trigger pull_conservation after update of state on exchange.pull deferrable initially deferred
  for each row when (new.state = 'done') execute function exchange.hold_conservation();
--> statement-breakpoint
create table exchange.staff_session (
  id_hash bytea primary key,
  csrf text not null,
  subject text not null,
  name text not null,
  roles text[] not null,
  development boolean not null,
  created_at timestamptz not null,
  seen_at timestamptz not null,
  expires_at timestamptz not null
);
--> statement-breakpoint
create table exchange.staff_sign_in (
  id_hash bytea primary key,
  state text not null,
  nonce text not null,
  verifier text not null,
  return_to text not null,
  expires_at timestamptz not null
);
--> statement-breakpoint
-- Two strings within one insertion, deletion, substitution or swap of neighbours, both of five letters or more.
create function exchange.dl1(a text, b text) returns boolean language plpgsql immutable parallel safe as $$
declare la int := length(a); lb int := length(b); p int := 0; m int;
begin
  if a is null or b is null then return false; end if;
  if a = b then return true; end if;
  if la < 5 or lb < 5 or abs(la - lb) > 1 then return false; end if;
  m := least(la, lb);
  while p < m and substr(a, p + 1, 1) = substr(b, p + 1, 1) loop p := p + 1; end loop;
  if la = lb then
    return substr(a, p + 2) = substr(b, p + 2)
        or (substr(a, p + 1, 1) = substr(b, p + 2, 1) and substr(a, p + 2, 1) = substr(b, p + 1, 1) and substr(a, p + 3) = substr(b, p + 3));
  elsif la = lb + 1 then return substr(a, p + 2) = substr(b, p + 1);
  else return substr(b, p + 2) = substr(a, p + 1);
  end if;
end
$$;
--> statement-breakpoint
create function exchange.any_dl1(x text[], y text[]) returns boolean language sql immutable parallel safe as $$
  select exists (select 1 from unnest(x) a, unnest(y) b where exchange.dl1(a, b))
$$;

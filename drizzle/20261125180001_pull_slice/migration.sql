-- safe
-- A pull is committed in slices of members: what a slice holds stands in one transaction, all of a member in one slice.
-- `bucket` puts members in order of nothing but their hash; -1 are units that are no member's. `booked`: the unit stands in
-- the ledger already, and what was staged and decided anew leaves it alone.
alter table exchange.staging
  add column bucket integer generated always as (case when member_id is null or is_shared then -1 else hashtext(member_id) & 1023 end) stored,
  add column booked boolean not null default false;
--> statement-breakpoint
create index staging_bucket on exchange.staging (pull_id, bucket);
--> statement-breakpoint
create index rewritten_open on exchange.rewritten (pull_id, file, line, entry) where unresolved is not null;
--> statement-breakpoint
create index judged_member on exchange.judged (pull_id, member_id);
--> statement-breakpoint
create table exchange.pull_slice (
  pull_id text not null references exchange.pull,
  slice integer not null,
  first_bucket integer not null,
  last_bucket integer not null,
  units integer not null,
  -- rows that the ledger took while this slice was being booked: counted by trigger
  booked integer not null default 0,
  state text not null default 'open' check (state in ('open', 'booking', 'committed')),
  committed_at timestamptz(3),
  primary key (pull_id, slice)
);
--> statement-breakpoint
-- The law for each slice: as many rows in the ledger as units were to be booked, and no slice half way.
create function exchange.hold_slice() returns trigger language plpgsql as $$
declare now_is exchange.pull_slice;
begin
  select * into now_is from exchange.pull_slice s where s.pull_id = new.pull_id and s.slice = new.slice;
  if now_is.state = 'booking' or (now_is.state = 'committed' and now_is.booked <> now_is.units) then
    raise exception 'pull %: slice % has % units and % ledger rows', new.pull_id, new.slice, now_is.units, now_is.booked using errcode = 'check_violation';
  end if;
  return null;
end
$$;
--> statement-breakpoint
create constraint trigger pull_slice_conservation after insert or update of state on exchange.pull_slice deferrable initially deferred
  for each row when (new.state <> 'open') execute function exchange.hold_slice();
--> statement-breakpoint
create function exchange.keep_committed_slices() returns trigger language plpgsql as $$
begin
  if old.state = 'committed' then
    raise exception 'pull %: slice % is committed', old.pull_id, old.slice using errcode = 'insufficient_privilege';
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
--> statement-breakpoint
create trigger pull_slice_stays before update or delete on exchange.pull_slice for each row execute function exchange.keep_committed_slices();
--> statement-breakpoint
-- A pull that is committed in slices takes rows only while one is being booked.
create or replace function exchange.hold_ledger_pulls() returns trigger language plpgsql as $$
declare stray text;
begin
  select w.pull_id into stray from (select distinct pull_id from written) w
  where not exists (select from exchange.pull p where p.id = w.pull_id) limit 1;
  if found then
    raise exception 'the ledger has a row of pull %, which does not exist', stray using errcode = 'foreign_key_violation';
  end if;
  select w.pull_id into stray from (select distinct pull_id from written) w
  join exchange.pull p on p.id = w.pull_id and p.state = 'reconciling'
  where exists (select from exchange.pull_slice s where s.pull_id = w.pull_id)
    and not exists (select from exchange.pull_slice s where s.pull_id = w.pull_id and s.state = 'booking') limit 1;
  if found then
    raise exception 'the ledger has a row of pull % outside of its slices', stray using errcode = 'check_violation';
  end if;
  update exchange.pull_slice s set booked = s.booked + w.n from (select pull_id, count(*) as n from written group by pull_id) w
  where s.pull_id = w.pull_id and s.state = 'booking';
  return null;
end
$$;
--> statement-breakpoint
-- The law for the whole, as it was: and no slice may be left.
create or replace function exchange.hold_conservation() returns trigger language plpgsql as $$
declare bad record;
begin
  for bad in
    select f.position, f.units, f.declared, count(l.line) as booked, count(distinct l.line) as lines
    from exchange.pull_file f left join exchange.ledger l on l.pull_id = f.pull_id and l.file = f.position
    where f.pull_id = new.id and f.kind <> 'error'
    group by f.position, f.units, f.declared
  loop
    if bad.units is null or bad.booked <> bad.units then
      raise exception 'pull %: file % has % units and % ledger rows', new.id, bad.position, bad.units, bad.booked using errcode = 'check_violation';
    end if;
    if bad.declared is not null and bad.declared <> bad.lines and new.accepted_by is null then
      raise exception 'pull %: file % has % lines and the manifest declared %', new.id, bad.position, bad.lines, bad.declared using errcode = 'check_violation';
    end if;
  end loop;
  for bad in select s.slice from exchange.pull_slice s where s.pull_id = new.id and s.state <> 'committed'
  loop
    raise exception 'pull %: slice % is not committed', new.id, bad.slice using errcode = 'check_violation';
  end loop;
  return null;
end
$$;
--> statement-breakpoint
-- What was decided and not committed by an earlier version has no slices: it is decided anew.
alter table exchange.pull drop constraint pull_phase_check;
--> statement-breakpoint
update exchange.pull set phase = null where phase is not null;
--> statement-breakpoint
alter table exchange.pull add constraint pull_phase_check check (phase = 'planned');
--> statement-breakpoint
-- Of a file that is being staged: up to which line its units are staged, and how many they are. A process that dies goes on there.
alter table exchange.pull_file add column staged_lines integer not null default 0, add column staged_units integer not null default 0;

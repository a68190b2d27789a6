-- breaking
-- What a peer sends again word for word makes no row of the ledger for each line any more, but one for the lines of a type and a
-- member that stand together in a file. The ledger is both, seen as rows.
alter table exchange.ledger rename to ledger_unit;
--> statement-breakpoint
create table exchange.ledger_block (
  pull_id text not null,
  file integer not null,
  -- the first line of what was read together: lines of one stretch stand between each other, those of two do not
  stretch integer not null,
  first_line integer not null,
  last_line integer not null,
  type text not null,
  -- null: directory records
  member_id text,
  units integer not null,
  lines integer[] not null,
  source_ids text[] not null,
  local_ids text[] not null,
  hashes bytea[] not null,
  updated timestamptz(3)[] not null,
  primary key (pull_id, file, stretch, first_line),
  check (units > 0 and cardinality(lines) = units and cardinality(source_ids) = units and cardinality(local_ids) = units and cardinality(hashes) = units and cardinality(updated) = units)
);
--> statement-breakpoint
create index ledger_block_member on exchange.ledger_block (member_id, pull_id);
--> statement-breakpoint
-- Written once and hardly read: not worth compressing.
alter table exchange.ledger_block alter source_ids set storage external, alter local_ids set storage external, alter hashes set storage external,
  alter lines set storage external, alter updated set storage external;
--> statement-breakpoint
alter table exchange.ledger_block set (toast_tuple_target = 8160);
--> statement-breakpoint
create view exchange.ledger as
  select pull_id, file, line, entry, outcome, reason, type, source_id, member_id, local_id, hash, last_updated from exchange.ledger_unit
  union all
  select b.pull_id, b.file, u.line, 0, 'unchanged', null, b.type, u.source_id, b.member_id, u.local_id, u.hash, u.last_updated
  from exchange.ledger_block b cross join lateral unnest(b.lines, b.source_ids, b.local_ids, b.hashes, b.updated) as u(line, source_id, local_id, hash, last_updated);
--> statement-breakpoint
-- For who counts: nothing is taken apart.
create view exchange.ledger_count as
  select pull_id, file, type, outcome, reason, member_id, 1 as units from exchange.ledger_unit
  union all
  select pull_id, file, type, 'unchanged', null, member_id, units from exchange.ledger_block;
--> statement-breakpoint
create trigger ledger_block_insert_only before update or delete or truncate on exchange.ledger_block for each statement execute function exchange.refuse_change();
--> statement-breakpoint
-- The same of lines that came before: on their way, emptied when a pull is committed. `findings` of all lines, one after the other.
create unlogged table exchange.staging_block (
  pull_id text not null,
  file integer not null,
  -- the first line of what was read together: lines of one stretch stand between each other, those of two do not
  stretch integer not null,
  first_line integer not null,
  last_line integer not null,
  type text not null,
  member_id text,
  units integer not null,
  lines integer[] not null,
  source_ids text[] not null,
  local_ids text[] not null,
  hashes bytea[] not null,
  updated timestamptz(3)[] not null,
  findings text[],
  bucket integer not null generated always as (case when member_id is null then -1 else hashtext(member_id) & 1023 end) stored,
  primary key (pull_id, file, stretch, first_line)
);
--> statement-breakpoint
create index staging_block_bucket on exchange.staging_block (pull_id, bucket);
--> statement-breakpoint
alter table exchange.staging_block alter source_ids set storage external, alter local_ids set storage external, alter hashes set storage external,
  alter lines set storage external, alter updated set storage external;
--> statement-breakpoint
alter table exchange.staging_block set (toast_tuple_target = 8160);
--> statement-breakpoint
-- Members of a pull whose lines may be known: of whom earlier pulls knew the same person under the same choice.
alter table exchange.pull_member add column steady boolean not null default false;
--> statement-breakpoint
-- How many units of each file the ledger has taken: counted as they are written, by who writes nothing else.
create table exchange.ledger_sum (
  pull_id text not null,
  file integer not null,
  units bigint not null,
  -- the first entry of each line
  lines bigint not null,
  primary key (pull_id, file)
);
--> statement-breakpoint
insert into exchange.ledger_sum (pull_id, file, units, lines)
select l.pull_id, l.file, count(*), count(*) filter (where l.entry = 0)
from exchange.ledger_unit l join exchange.pull p on p.id = l.pull_id where p.state <> 'done' group by l.pull_id, l.file;
--> statement-breakpoint
create function exchange.keep_ledger_sum() returns trigger language plpgsql as $$
begin
  if tg_op in ('DELETE', 'TRUNCATE') or pg_trigger_depth() < 2 then
    raise exception 'sums of the ledger are counted by the ledger' using errcode = 'insufficient_privilege';
  end if;
  return null;
end
$$;
--> statement-breakpoint
create trigger ledger_sum_counted before insert or update or delete or truncate on exchange.ledger_sum for each statement execute function exchange.keep_ledger_sum();
--> statement-breakpoint
-- What was written of a file is of a pull that is there, and of a slice that is being booked.
create function exchange.book(pull text, at_file integer, units bigint, lines bigint) returns void language plpgsql as $$
begin
  if not exists (select from exchange.pull p where p.id = book.pull) then
    raise exception 'the ledger has a row of pull %, which does not exist', pull using errcode = 'foreign_key_violation';
  end if;
  if exists (select from exchange.pull p where p.id = book.pull and p.state = 'reconciling')
    and exists (select from exchange.pull_slice s where s.pull_id = book.pull)
    and not exists (select from exchange.pull_slice s where s.pull_id = book.pull and s.state = 'booking') then
    raise exception 'the ledger has a row of pull % outside of its slices', pull using errcode = 'check_violation';
  end if;
  update exchange.pull_slice s set booked = s.booked + book.units where s.pull_id = book.pull and s.state = 'booking';
  insert into exchange.ledger_sum (pull_id, file, units, lines) values (book.pull, book.at_file, book.units, book.lines)
  on conflict on constraint ledger_sum_pkey do update set units = ledger_sum.units + excluded.units, lines = ledger_sum.lines + excluded.lines;
end
$$;
--> statement-breakpoint
create or replace function exchange.hold_ledger_pulls() returns trigger language plpgsql as $$
begin
  perform exchange.book(pull_id, file, count(*), count(*) filter (where entry = 0)) from written group by pull_id, file;
  return null;
end
$$;
--> statement-breakpoint
create function exchange.hold_ledger_blocks() returns trigger language plpgsql as $$
begin
  perform exchange.book(pull_id, file, sum(units), sum(units)) from written group by pull_id, file;
  return null;
end
$$;
--> statement-breakpoint
create trigger ledger_block_pulls after insert on exchange.ledger_block referencing new table as written for each statement execute function exchange.hold_ledger_blocks();
--> statement-breakpoint
create or replace function exchange.keep_booked_pulls() returns trigger language plpgsql as $$
begin
  if exists (select from exchange.ledger_unit l where l.pull_id = old.id) or exists (select from exchange.ledger_block l where l.pull_id = old.id) then
    raise exception 'pull % has rows in the ledger', old.id using errcode = 'foreign_key_violation';
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
--> statement-breakpoint
-- The law for the whole, as it was. Rows are one of each place by their key; of lines in blocks it is looked at here.
create or replace function exchange.hold_conservation() returns trigger language plpgsql as $$
declare bad record;
begin
  for bad in
    select f.position, f.units, f.declared, coalesce(l.units, 0) as booked, coalesce(l.lines, 0) as lines
    from exchange.pull_file f left join exchange.ledger_sum l on l.pull_id = f.pull_id and l.file = f.position
    where f.pull_id = new.id and f.kind <> 'error'
  loop
    if bad.units is null or bad.booked <> bad.units then
      raise exception 'pull %: file % has % units and % ledger rows', new.id, bad.position, bad.units, bad.booked using errcode = 'check_violation';
    end if;
    if bad.declared is not null and bad.declared <> bad.lines and new.accepted_by is null then
      raise exception 'pull %: file % has % lines and the manifest declared %', new.id, bad.position, bad.lines, bad.declared using errcode = 'check_violation';
    end if;
  end loop;
  for bad in
    select b.file, count(*) as lines, count(distinct line) as places from exchange.ledger_block b cross join unnest(b.lines) line
    where b.pull_id = new.id group by b.file having count(*) <> count(distinct line)
    union all
    select u.file, 2, 1 from exchange.ledger_unit u
    join (select b.file, line from exchange.ledger_block b cross join unnest(b.lines) line where b.pull_id = new.id) x on x.file = u.file and x.line = u.line
    where u.pull_id = new.id and u.file in (select b.file from exchange.ledger_block b where b.pull_id = new.id)
  loop
    raise exception 'pull %: a line of file % stands twice in the ledger', new.id, bad.file using errcode = 'check_violation';
  end loop;
  for bad in select s.slice from exchange.pull_slice s where s.pull_id = new.id and s.state <> 'committed'
  loop
    raise exception 'pull %: slice % is not committed', new.id, bad.slice using errcode = 'check_violation';
  end loop;
  return null;
end
$$;

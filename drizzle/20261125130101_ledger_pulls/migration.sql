-- safe
-- That a row of the ledger is of a pull that exists was looked up for each row. It is looked up once a statement now, and a
-- pull with rows in the ledger cannot go.
alter table exchange.ledger drop constraint ledger_pull_id_fkey;
--> statement-breakpoint
create function exchange.hold_ledger_pulls() returns trigger language plpgsql as $$
declare stray text;
begin
  select w.pull_id into stray from (select distinct pull_id from written) w
  where not exists (select from exchange.pull p where p.id = w.pull_id) limit 1;
  if found then
    raise exception 'the ledger has a row of pull %, which does not exist', stray using errcode = 'foreign_key_violation';
  end if;
  return null;
end
$$;
--> statement-breakpoint
create trigger ledger_pulls after insert on exchange.ledger referencing new table as written for each statement execute function exchange.hold_ledger_pulls();
--> statement-breakpoint
create function exchange.keep_booked_pulls() returns trigger language plpgsql as $$
begin
  if exists (select from exchange.ledger l where l.pull_id = old.id) then
    raise exception 'pull % has rows in the ledger', old.id using errcode = 'foreign_key_violation';
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
--> statement-breakpoint
create trigger pull_booked before delete or update of id on exchange.pull for each row execute function exchange.keep_booked_pulls();

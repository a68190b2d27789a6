-- safe
-- Members of whom it was told that they have died: the next tick ends their clocks (store/clock-end.ts), also of who has no other coverage.
create table exchange.death_told (member_id text primary key);
--> statement-breakpoint
create function exchange.tell_death() returns trigger language plpgsql as $$
begin
  insert into exchange.death_told (member_id) values (new.member_id) on conflict do nothing;
  return null;
end
$$;
--> statement-breakpoint
create trigger member_profile_dead after insert on exchange.member_profile for each row when (new.died is not null) execute function exchange.tell_death();
--> statement-breakpoint
create trigger member_profile_death after update of died on exchange.member_profile for each row when (new.died is not null and old.died is distinct from new.died)
  execute function exchange.tell_death();

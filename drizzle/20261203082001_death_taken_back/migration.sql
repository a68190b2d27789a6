-- safe
-- A death that is taken back, as one that is told: the next tick has the duties run again (store/members/clock-end.ts).
create or replace trigger member_profile_death after update of died on exchange.member_profile for each row when (old.died is distinct from new.died)
  execute function exchange.tell_death();
--> statement-breakpoint
-- duties of who had died that were left running, as they are due in weeks
insert into exchange.death_told (member_id)
select distinct k.member_id from exchange.clock k join exchange.member_profile p on p.member_id = k.member_id
where p.died is not null and k.state in ('open', 'attempted', 'blocked')
on conflict do nothing;

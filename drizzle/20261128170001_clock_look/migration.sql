-- safe
-- Up to when of which day clocks have been looked at whether they still apply (store/clock-end.ts): one row.
create table exchange.clock_look (one boolean primary key default true check (one), day date not null, until timestamptz);
--> statement-breakpoint
insert into exchange.clock_look (day) values ('-infinity');
--> statement-breakpoint
-- who has died, too, is looked at
drop trigger member_profile_look on exchange.member_profile;
--> statement-breakpoint
create trigger member_profile_look after update of died on exchange.member_profile for each row when (old.died is distinct from new.died)
  execute function exchange.look_at_member();
--> statement-breakpoint
-- and whom a payer did not find
create or replace function exchange.look_at_asked() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set ask_at = '-infinity',
    look_on = case when new.state in ('failed', 'withdrawn') or exists (
      select from exchange.pull_member m where m.pull_id = new.id and m.other_coverage_id = o.id and m.outcome in ('not-matched', 'constrained'))
      then '-infinity' else o.look_on end
  where o.id in (select m.other_coverage_id from exchange.pull_member m where m.pull_id = new.id);
  return null;
end
$$;

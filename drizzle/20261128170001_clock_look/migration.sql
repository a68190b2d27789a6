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
    look_on = case when new.state in ('failed', 'withdrawn') or m.in_vain then '-infinity' else o.look_on end
  from (
    select other_coverage_id, coalesce(bool_or(outcome in ('not-matched', 'constrained')), false) as in_vain
    from exchange.pull_member where pull_id = new.id group by other_coverage_id) m
  where o.id = m.other_coverage_id;
  return null;
end
$$;

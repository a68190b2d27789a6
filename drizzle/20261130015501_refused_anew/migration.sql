-- safe
-- who was refused by the payer was not asked either
create or replace function exchange.look_at_asked() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set ask_at = '-infinity',
    look_on = case when new.state in ('failed', 'refused', 'withdrawn') or m.in_vain then '-infinity' else o.look_on end
  from (
    select other_coverage_id, coalesce(bool_or(outcome in ('not-matched', 'constrained')), false) as in_vain
    from exchange.pull_member where pull_id = new.id group by other_coverage_id) m
  where o.id = m.other_coverage_id;
  return null;
end
$$;
--> statement-breakpoint
-- those that an older program left to the next quarter are looked at
update exchange.other_coverage o set ask_at = '-infinity'
where o.id in (select m.other_coverage_id from exchange.pull_member m join exchange.pull p on p.id = m.pull_id where p.state = 'refused');

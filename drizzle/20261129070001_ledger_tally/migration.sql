-- safe
-- What the ledger's single rows come to, by pull, member, type and outcome: reports of a period count these, a tenth of the rows. Counted by the
-- ledger itself, like its sums.
create table exchange.ledger_tally (
  pull_id text not null,
  member_id text,
  type text,
  outcome text not null,
  units integer not null
);
--> statement-breakpoint
create unique index ledger_tally_key on exchange.ledger_tally (pull_id, member_id, type, outcome) nulls not distinct;
--> statement-breakpoint
lock table exchange.ledger_unit in share row exclusive mode;
--> statement-breakpoint
insert into exchange.ledger_tally (pull_id, member_id, type, outcome, units)
select pull_id, member_id, type, outcome, count(*) from exchange.ledger_unit group by 1, 2, 3, 4;
--> statement-breakpoint
create trigger ledger_tally_counted before insert or update or delete or truncate on exchange.ledger_tally
  for each statement execute function exchange.keep_ledger_sum();
--> statement-breakpoint
create or replace function exchange.hold_ledger_pulls() returns trigger language plpgsql as $$
begin
  perform exchange.book(pull_id, file, count(*), count(*) filter (where entry = 0)) from written group by pull_id, file;
  insert into exchange.ledger_tally as t (pull_id, member_id, type, outcome, units)
  select pull_id, member_id, type, outcome, count(*) from written group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict (pull_id, member_id, type, outcome) do update set units = t.units + excluded.units;
  return null;
end
$$;
--> statement-breakpoint
create view exchange.ledger_by_member as
select pull_id, member_id, type, outcome, units from exchange.ledger_tally
union all
select pull_id, member_id, type, 'unchanged', units from exchange.ledger_block;
--> statement-breakpoint
create index audit_disclosed on exchange.audit (at)
  where action in ('export-member', 'read', 'search', 'everything') and member_id is not null and outcome = 'ok';
--> statement-breakpoint
create index audit_decided on exchange.audit (at)
  where actor_kind in ('staff', 'command') and outcome = 'ok' and action not in ('view', 'sign-in', 'sign-out', 'export-report');

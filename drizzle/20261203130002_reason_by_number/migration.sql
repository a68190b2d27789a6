-- safe
-- A reason that nobody said: the number of the member's card was typed. Until now that stood in the audit alone.
alter table exchange.staff_reason add column by_number boolean not null default false;
--> statement-breakpoint
update exchange.staff_reason r set by_number = true
  where r.about like 'member/%' and exists (
    select from exchange.audit a where a.member_id = substr(r.about, 8) and a.action = 'reason-given'
      and a.detail->>'by' = 'number' and a.detail->>'reason' = r.id::text);

-- safe
-- Groups end: thirty days after the last consent in them, or two years after a match that found nobody. Then their text, which
-- holds who was asked for, goes.
alter table exchange.match_group add column if not exists expires_on date;
--> statement-breakpoint
update exchange.match_group g set expires_on = coalesce(
  (select max(m.consent_to) + 30 from exchange.match_member m where m.group_id = g.id and m.outcome = 'match'),
  (g.created_at + interval '24 months')::date)
where g.expires_on is null;
--> statement-breakpoint
create index if not exists match_group_expiry on exchange.match_group (expires_on) where resource <> '';

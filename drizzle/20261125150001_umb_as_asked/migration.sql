-- safe
-- Unique member ids as questions are normalised: without hyphens. With them no question by such an id was ever answered.
update exchange.member_profile set umb = array(select replace(u, '-', '') from unnest(umb) u) where umb::text like '%-%';
--> statement-breakpoint
delete from exchange.member_token where kind = 8;
--> statement-breakpoint
insert into exchange.member_token (kind, hash, member_id)
select distinct 8::smallint, hashtextextended(u, 8), member_id from exchange.member_profile cross join unnest(umb) u;

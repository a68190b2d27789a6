-- safe
-- A statement that changed no match, or only emptied the text of a Group, takes no grant: housekeeping makes such ones every few seconds, and each had
-- every export looked at as a whole again.
drop trigger match_member_grants on exchange.match_member;
--> statement-breakpoint
drop trigger match_group_grants on exchange.match_group;
--> statement-breakpoint
drop trigger match_single_grants on exchange.match_single;
--> statement-breakpoint
create function exchange.note_matches_that_were() returns trigger language plpgsql as $$
begin
  if exists (select from was) then insert into exchange.grant_change default values; end if;
  return null;
end
$$;
--> statement-breakpoint
create trigger match_member_updated after update on exchange.match_member referencing old table as was for each statement execute function exchange.note_matches_that_were();
--> statement-breakpoint
create trigger match_member_deleted after delete on exchange.match_member referencing old table as was for each statement execute function exchange.note_matches_that_were();
--> statement-breakpoint
create trigger match_member_truncated after truncate on exchange.match_member for each statement execute function exchange.note_match_change();
--> statement-breakpoint
create trigger match_group_updated after update of id, peer_id on exchange.match_group for each statement execute function exchange.note_match_change();
--> statement-breakpoint
create trigger match_group_deleted after delete on exchange.match_group referencing old table as was for each statement execute function exchange.note_matches_that_were();
--> statement-breakpoint
create trigger match_group_truncated after truncate on exchange.match_group for each statement execute function exchange.note_match_change();
--> statement-breakpoint
create trigger match_single_updated after update on exchange.match_single referencing old table as was for each statement execute function exchange.note_matches_that_were();
--> statement-breakpoint
create trigger match_single_deleted after delete on exchange.match_single referencing old table as was for each statement execute function exchange.note_matches_that_were();
--> statement-breakpoint
create trigger match_single_truncated after truncate on exchange.match_single for each statement execute function exchange.note_match_change();

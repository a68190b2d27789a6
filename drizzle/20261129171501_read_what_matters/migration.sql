-- safe
-- A match that begins clears what an earlier attempt of it left, which is nothing as a rule: that takes nobody's grant, and is no change of grants.
create function exchange.note_match_rows() returns trigger language plpgsql as $$
begin
  if exists (select from was) then insert into exchange.grant_change default values; end if;
  return null;
end
$$;
--> statement-breakpoint
drop trigger match_member_grants on exchange.match_member;
--> statement-breakpoint
drop trigger match_group_grants on exchange.match_group;
--> statement-breakpoint
drop trigger match_single_grants on exchange.match_single;
--> statement-breakpoint
create trigger match_member_emptied after truncate on exchange.match_member for each statement execute function exchange.note_match_change();
--> statement-breakpoint
create trigger match_group_emptied after truncate on exchange.match_group for each statement execute function exchange.note_match_change();
--> statement-breakpoint
create trigger match_single_emptied after truncate on exchange.match_single for each statement execute function exchange.note_match_change();
--> statement-breakpoint
create trigger match_member_changed after update on exchange.match_member referencing old table as was for each statement execute function exchange.note_match_rows();
--> statement-breakpoint
create trigger match_member_gone after delete on exchange.match_member referencing old table as was for each statement execute function exchange.note_match_rows();
--> statement-breakpoint
create trigger match_group_changed after update on exchange.match_group referencing old table as was for each statement execute function exchange.note_match_rows();
--> statement-breakpoint
create trigger match_group_gone after delete on exchange.match_group referencing old table as was for each statement execute function exchange.note_match_rows();
--> statement-breakpoint
create trigger match_single_changed after update on exchange.match_single referencing old table as was for each statement execute function exchange.note_match_rows();
--> statement-breakpoint
create trigger match_single_gone after delete on exchange.match_single referencing old table as was for each statement execute function exchange.note_match_rows();
--> statement-breakpoint
-- What the housekeeping looks for among all jobs there ever were: exports whose files are still there, requests that are kept, jobs that failed.
create index bulk_job_kept on exchange.bulk_job (expires_at) where kind = 'export' and state = 'complete';
--> statement-breakpoint
create index bulk_job_request on exchange.bulk_job (received_at, id) where body_key is not null;
--> statement-breakpoint
create index bulk_job_failed on exchange.bulk_job (id) where state = 'failed';
--> statement-breakpoint
-- Anybody may begin to sign in; each time those whose time is over are forgotten.
create index staff_sign_in_expiry on exchange.staff_sign_in (expires_at);

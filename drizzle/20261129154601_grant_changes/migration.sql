-- safe
-- That somebody may have lost a grant: a member has said something else than yes, or a match was changed or taken back. Whoever has looked at all members
-- of an export need not look again while no transaction that their look did not see has left a row here: `xid` tells it without an order of commits.
create table exchange.grant_change (
  xid xid8 not null default pg_current_xact_id(),
  at timestamptz not null default clock_timestamp()
);
--> statement-breakpoint
create index grant_change_xid on exchange.grant_change (xid);
--> statement-breakpoint
create function exchange.note_choice() returns trigger language plpgsql as $$
begin
  if exists (select from told where choice <> 'opt-in') then insert into exchange.grant_change default values; end if;
  return null;
end
$$;
--> statement-breakpoint
create trigger consent_grants after insert on exchange.consent referencing new table as told for each statement execute function exchange.note_choice();
--> statement-breakpoint
create function exchange.note_match_change() returns trigger language plpgsql as $$
begin
  insert into exchange.grant_change default values;
  return null;
end
$$;
--> statement-breakpoint
create trigger match_member_grants after update or delete or truncate on exchange.match_member for each statement execute function exchange.note_match_change();
--> statement-breakpoint
create trigger match_group_grants after update or delete or truncate on exchange.match_group for each statement execute function exchange.note_match_change();
--> statement-breakpoint
create trigger match_single_grants after update or delete or truncate on exchange.match_single for each statement execute function exchange.note_match_change();

-- safe
-- Other coverage whose duties the next tick looks at: that day has come, or something changed that they depend on. Null: nothing but a change makes a
-- difference; `ask_at` the same of whether its payer is to be asked. What changes is told by triggers, whoever writes it; they write also where it stands already, so that a look that is under way is repeated.
alter table exchange.other_coverage add column look_on date default '-infinity', add column ask_at timestamptz default '-infinity';
--> statement-breakpoint
create index other_coverage_ask on exchange.other_coverage (ask_at) where ask_at is not null;
--> statement-breakpoint
create index other_coverage_look on exchange.other_coverage (look_on) where look_on is not null;
--> statement-breakpoint
create function exchange.look_at_members() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set look_on = '-infinity', ask_at = '-infinity' where o.member_id in (select n.member_id from told n);
  return null;
end
$$;
--> statement-breakpoint
create trigger consent_look after insert on exchange.consent referencing new table as told for each statement execute function exchange.look_at_members();
--> statement-breakpoint
create trigger enrolment_look after insert on exchange.enrolment referencing new table as told for each statement execute function exchange.look_at_members();
--> statement-breakpoint
create function exchange.look_at_enrolled() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set look_on = '-infinity', ask_at = '-infinity' where o.member_id in (
    select c.member_id from (select member_id, member_number, starts, ends from told except select member_id, member_number, starts, ends from was) c);
  return null;
end
$$;
--> statement-breakpoint
create trigger enrolment_look_again after update on exchange.enrolment referencing old table as was new table as told for each statement
  execute function exchange.look_at_enrolled();
--> statement-breakpoint
create function exchange.look_at_coverages() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set look_on = '-infinity', ask_at = '-infinity' where o.id in (select n.other_coverage_id from told n);
  return null;
end
$$;
--> statement-breakpoint
create trigger member_request_look after insert on exchange.member_request referencing new table as told for each statement execute function exchange.look_at_coverages();
--> statement-breakpoint
-- a duty that is met begins anew for a coverage that had begun before
create function exchange.look_at_met() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set look_on = '-infinity', ask_at = '-infinity'
  where o.id in (select split_part(n.subject, '/', 1) from told n where n.kind = 'C2' and n.state in ('met', 'met-late'));
  return null;
end
$$;
--> statement-breakpoint
create trigger clock_look after update on exchange.clock referencing new table as told for each statement execute function exchange.look_at_met();
--> statement-breakpoint
create function exchange.look_at_this() returns trigger language plpgsql as $$
begin
  new.look_on := '-infinity';
  new.ask_at := '-infinity';
  return new;
end
$$;
--> statement-breakpoint
create trigger other_coverage_look before update of member_id, peer_id, starts, ends, ends_known_at on exchange.other_coverage for each row execute function exchange.look_at_this();
--> statement-breakpoint
-- the person lives after all
create function exchange.look_at_member() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set look_on = '-infinity', ask_at = '-infinity' where o.member_id = new.member_id;
  return null;
end
$$;
--> statement-breakpoint
create trigger member_profile_look after update of died on exchange.member_profile for each row when (old.died is not null and new.died is null)
  execute function exchange.look_at_member();
--> statement-breakpoint
-- a payer that can be asked now
create function exchange.look_at_peer() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set ask_at = '-infinity',
    look_on = case when exists (select from exchange.clock k where k.kind = 'C2' and k.subject = o.id and k.state = 'blocked') then '-infinity' else o.look_on end
  where o.peer_id = new.id;
  return null;
end
$$;
--> statement-breakpoint
create trigger peer_look after update of state, fhir_base, client_id_there on exchange.peer for each row
  when (new.state = 'active' and new.fhir_base is not null and (old.state <> 'active' or old.fhir_base is null or (old.client_id_there is null and new.client_id_there is not null)))
  execute function exchange.look_at_peer();
--> statement-breakpoint
-- who was asked is asked again in some time; who was asked in vain was not asked
create function exchange.look_at_asked() returns trigger language plpgsql as $$
begin
  update exchange.other_coverage o set ask_at = '-infinity', look_on = case when new.state in ('failed', 'withdrawn') then '-infinity' else o.look_on end
  where o.id in (select m.other_coverage_id from exchange.pull_member m where m.pull_id = new.id);
  return null;
end
$$;
--> statement-breakpoint
create trigger pull_look after update of state on exchange.pull for each row when (old.state <> new.state
    and new.state not in ('due', 'discovered', 'authorized', 'matching', 'matched', 'exporting', 'downloading', 'reconciling'))
  execute function exchange.look_at_asked();

-- safe
-- When what a member is known by (name, birth date) was corrected last: a payer that had no such member is asked again. Apart from member_profile, which is
-- compared as a whole and may be made anew.
create table exchange.identity_corrected (
  member_id text primary key,
  at timestamptz not null default now()
);
--> statement-breakpoint
create function exchange.note_identity() returns trigger language plpgsql as $$
begin
  insert into exchange.identity_corrected (member_id) values (new.member_id) on conflict (member_id) do update set at = now();
  -- an answer that comes later is looked at when it comes
  update exchange.other_coverage o set look_on = '-infinity' where o.member_id = new.member_id
    and exists (select from exchange.clock k where k.member_id = o.member_id and k.kind = 'C2' and k.reason = 'no-unique-match');
  return null;
end
$$;
--> statement-breakpoint
create trigger member_profile_identity after update of family, given, suffix, dob on exchange.member_profile for each row
  when ((old.family, old.given, old.suffix, old.dob) is distinct from (new.family, new.given, new.suffix, new.dob)) execute function exchange.note_identity();

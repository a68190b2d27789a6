-- safe
-- Duties that a death had ended which was taken back under an older version: of who lives after all they run again with the next tick (store/members/clock-end.ts).
-- What had begun anew since stays ended.
insert into exchange.death_told (member_id)
select distinct k.member_id from exchange.clock k join exchange.member_profile p on p.member_id = k.member_id
where p.died is null and k.state = 'not-applicable' and k.reason = 'member-deceased' and right(k.subject, length(k.id) + 1) <> '/' || k.id
on conflict do nothing;

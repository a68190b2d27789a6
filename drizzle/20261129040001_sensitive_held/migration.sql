-- safe
-- Records that a payer sent of a member and that were held because they are sensitive beyond the member's choice (`consent-scope`): what refers to one
-- would reveal it.
create table exchange.sensitive_held (
  member_id text not null,
  peer_id text not null,
  type text not null,
  source_id text not null,
  label smallint not null,
  primary key (member_id, peer_id, type, source_id)
);
--> statement-breakpoint
-- How sensitive those are that came before was not kept: as if all were under 42 CFR Part 2, until they come again.
insert into exchange.sensitive_held (member_id, peer_id, type, source_id, label)
select i.member_id, i.peer_id, i.type, i.source_id, 2
from exchange.review_item v join exchange.identity i
  on i.peer_id = v.peer_id and i.type = v.type and i.state = 'quarantined' and i.member_id = v.member_id and v.id = md5(concat_ws('|', 'held', i.peer_id, i.type, i.source_id))
where v.kind = 'consent-scope' and v.state <> 'gone'
on conflict do nothing;

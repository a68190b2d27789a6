-- safe
-- Whose claim a number is, across the members of a payer: so that a claim which names another person's claim as a version of itself is
-- found, in whatever pulls the two come. The number of a claim (a hash of insurer, type and number) stands with its identity; a hash
-- index, because nothing but equality is asked. What claims name, and further numbers of one, are few: rows of their own, each of one
-- version of a claim.
alter table exchange.identity add column claim_number bigint;
--> statement-breakpoint
create table exchange.claim_name (
  peer_id text not null,
  number bigint not null,
  source_id text not null,
  -- names the number as a version before or after itself; else it is a further number of its own
  names boolean not null,
  -- of the version that says so
  hash bytea not null,
  system text,
  primary key (peer_id, number, source_id, names, hash)
);
--> statement-breakpoint
-- Units of a pull that are held because of claims of other members, and those claims.
create table exchange.stray (
  pull_id text not null,
  file integer not null,
  line integer not null,
  entry integer not null,
  other_id text not null,
  number bigint not null,
  value text not null,
  -- the other one names the number of this; else this names the number of the other
  is_named boolean not null,
  primary key (pull_id, file, line, entry, other_id, number, is_named)
);
--> statement-breakpoint
update exchange.identity i
set claim_number = hashtextextended(concat_ws('|', coalesce(r.claim->>'insurerId', r.claim->>'insurer', ''), r.claim->>'type', r.claim #>> '{numbers,0,value}'), 0)
from exchange.resource r
where i.type = 'ExplanationOfBenefit' and i.state = 'visible' and r.member_id = i.member_id and r.type = i.type and r.id = i.local_id
  and r.origin = i.peer_id and r.claim->>'use' = 'claim' and r.claim #>> '{numbers,0,value}' is not null;
--> statement-breakpoint
create index identity_claim_number on exchange.identity using hash (claim_number) where claim_number is not null;
--> statement-breakpoint
insert into exchange.claim_name (peer_id, number, source_id, names, hash, system)
select distinct on (i.peer_id, n.number, i.source_id, x.names) i.peer_id, n.number, i.source_id, x.names, i.hash, x.number->>'system'
from exchange.identity i
join exchange.resource r on r.member_id = i.member_id and r.type = i.type and r.id = i.local_id and r.origin = i.peer_id
cross join lateral (
  select true as names, e as number from jsonb_array_elements((r.claim->'prior') || (r.claim->'next')) e
  union all
  select false, e from jsonb_array_elements(r.claim->'numbers') with ordinality a(e, place) where place > 1
) x
cross join lateral (
  select hashtextextended(concat_ws('|', coalesce(r.claim->>'insurerId', r.claim->>'insurer', ''), r.claim->>'type', x.number->>'value'), 0) as number) n
where i.type = 'ExplanationOfBenefit' and i.state = 'visible' and i.hash is not null and r.claim->>'use' = 'claim';

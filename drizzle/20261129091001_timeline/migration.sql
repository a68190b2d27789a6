-- safe
-- The day that a member's record is about, YYYY, YYYY-MM or YYYY-MM-DD as far as it says, '' when it says none: what staff read stands in that
-- order. Of a record that an older program wrote it is null until a person looks at the member.
alter table exchange.resource add column day text collate "C";
--> statement-breakpoint
alter table exchange.staging add column day text;
--> statement-breakpoint
create index resource_day on exchange.resource (member_id, day desc, type collate "C", id collate "C")
  where not deleted and type <> 'Patient' and type <> 'Provenance';

-- safe
-- How sensitive a directory-type record is, by which version of the labeller: what names one is as sensitive as it. Null until it is decided.
alter table exchange.shared_resource add column label smallint, add column labeller smallint;
--> statement-breakpoint
create index shared_resource_labelled on exchange.shared_resource (type, id) where label > 0;
--> statement-breakpoint
-- Who names a Medication: a member's records, or `Medication/id` of one that is made of it. So that what becomes of it reaches them. It may name more
-- than still do.
create table exchange.drug_named (
  named_by text not null,
  id text not null,
  primary key (named_by, id)
);
--> statement-breakpoint
create index drug_named_id on exchange.drug_named (id);
--> statement-breakpoint
insert into exchange.drug_named (named_by, id)
select distinct r.member_id, substr(k, 12) from exchange.resource r cross join unnest(r.links) k where starts_with(k, 'Medication/');
--> statement-breakpoint
insert into exchange.drug_named (named_by, id)
select distinct 'Medication/' || s.id, substr(k, 12) from exchange.shared_resource s cross join unnest(s.links) k
where s.type = 'Medication' and starts_with(k, 'Medication/');

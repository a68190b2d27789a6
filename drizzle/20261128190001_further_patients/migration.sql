-- safe
-- A payer may have one person as several Patients: the further ones, whose records are the member's as well.
alter table exchange.pull_member add column further_patients text[] not null default '{}';

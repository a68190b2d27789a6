-- safe
-- The day on which a member died, as an enrolment file says; what the Patient says stands in its record.
alter table exchange.member add column died date;

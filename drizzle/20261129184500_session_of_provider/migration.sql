-- safe
-- How the identity provider names its session with a person: it may tell that this one has ended.
alter table exchange.staff_session add column sid text;

-- safe
-- How many members a payer was found to take in one request since it said that there were too many (413): null of one that never said so. Payers are few.
alter table exchange.peer add column takes integer, add column refuses_alone integer not null default 0, add column takes_at timestamptz;

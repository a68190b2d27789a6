-- safe
-- The number of the card that the one of a coverage took the place of, as the file said that told of it: a later file that has the former card alone does not
-- open its coverage again.
alter table exchange.enrolment add column former_number text;

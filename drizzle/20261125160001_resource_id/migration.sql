-- safe
-- A record that a peer asks for by its id alone names no member. Hash: a few bytes a record, and only equality is asked.
create index resource_id on exchange.resource using hash (id);

-- safe
-- The reports of a period count the members who were asked for one by one: written in the order of time, read by time.
create index match_single_at on exchange.match_single using brin (at);

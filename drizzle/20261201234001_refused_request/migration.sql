-- safe
-- Requests of payers that are refused for what is wrong with them, counted by hour: the audit has the first of each hour at once, and when the hour is over how many
-- more there were, so that nobody fills it by asking.
create table exchange.refused_request (
  peer_id text references exchange.peer,
  reason text not null,
  route text not null,
  hour timestamptz not null,
  more integer not null,
  unique nulls not distinct (peer_id, reason, route, hour)
);

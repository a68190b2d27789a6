-- safe
-- Addresses from which payers were given tokens, as keyed hashes: one from which a payer has not asked for long is told.
create table exchange.peer_address (
  peer_id text not null references exchange.peer,
  mark text not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (peer_id, mark)
);

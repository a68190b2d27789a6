-- safe
-- Members whose profile for matching is to be made anew: noted in the transaction that changes their Patient, so that an import that ends
-- before it comes to them leaves none behind.
create table exchange.profile_due (
  member_id text primary key
);

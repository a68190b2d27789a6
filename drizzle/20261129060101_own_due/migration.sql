-- safe
-- Members whose own records an import has written and not yet compared with what payers sent. What is staged is lost with the database's process; this is not.
create table exchange.own_due (
  work text not null,
  member_id text not null,
  primary key (work, member_id)
);

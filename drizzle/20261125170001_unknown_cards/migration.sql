-- safe
-- What tells a person whose card nobody here knows (rules 01 to 03), and the day of death: the first day of all when only the
-- fact is known. They are filled as members are imported or changed.
alter table exchange.member_profile add column street text[] not null default '{}', add column phone text[] not null default '{}',
  add column email text[] not null default '{}', add column died date;

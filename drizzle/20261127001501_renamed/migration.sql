-- safe
-- Whether a record answers to other names than before: those that do not, which are most of what changes, keep theirs.
alter table federation.change add column if not exists renamed boolean not null default true;

-- safe
-- How long the peer said that a file is which is not whole yet: a rest of another length is of another file, whatever its tag says.
alter table exchange.pull_file add column part_of bigint;

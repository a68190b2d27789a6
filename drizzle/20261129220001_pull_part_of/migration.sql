-- safe
-- Of a pull whose members were taken from another one, as their payer takes fewer at once or has them in another Group: that one. Few are.
alter table exchange.pull add column part_of text;
create index pull_part_of on exchange.pull (part_of) where part_of is not null;

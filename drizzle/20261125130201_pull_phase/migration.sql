-- safe
-- How far reconciling a pull has come, when, and what it then stood on: a process that dies need not begin again at the staged
-- units.
alter table exchange.pull add column phase text check (phase in ('decided', 'rewritten', 'linked')), add column phase_at timestamptz, add column phase_of text;

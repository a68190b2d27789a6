-- safe
-- What a member was known by (name, birth date) when the payer was asked, as a hash: the same is not asked in vain once more.
alter table exchange.pull_member add column identity text;

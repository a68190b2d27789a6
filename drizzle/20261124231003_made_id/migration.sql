-- safe
-- The id that was made for a unit, where deciding led it to another: decided once more, it begins from this one.
alter table exchange.staging add column made_id text;

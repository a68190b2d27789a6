-- safe
-- When it was learned that, or on which other day, a coverage elsewhere ended: where only previous payers are asked, the week to ask begins no
-- earlier. Null: with the coverage itself.
alter table exchange.other_coverage add column ends_known_at timestamptz;

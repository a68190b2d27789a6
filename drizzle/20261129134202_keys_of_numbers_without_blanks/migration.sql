-- safe
-- What is stored from here on is keyed by rules of number 7 (numbers without the blanks around them, those of claims without a value by none); where
-- nothing is, nothing is to be keyed anew but what a pull that has begun before has staged.
update exchange.keys_made set rules = 7, begun_at = now()
where rules = 6 and done_at is not null and not exists (select from exchange.resource) and not exists (select from exchange.shared_resource);

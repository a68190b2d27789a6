-- safe
-- What is stored from here on is keyed by rules of number 14 (the substance of what came with money is that of what is left); where nothing is, nothing is to be
-- keyed anew but what a pull that has begun before has staged.
update exchange.keys_made set rules = 14, begun_at = now()
where rules = 13 and done_at is not null and not exists (select from exchange.resource) and not exists (select from exchange.shared_resource);

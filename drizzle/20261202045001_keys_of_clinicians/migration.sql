-- safe
-- What is stored from here on is keyed by rules of number 15 (clinicians without the numbers of whom they work for); where nothing is, nothing is to be
-- keyed anew but what a pull that has begun before has staged.
update exchange.keys_made set rules = 15, begun_at = now()
where rules = 14 and done_at is not null and not exists (select from exchange.resource) and not exists (select from exchange.shared_resource);

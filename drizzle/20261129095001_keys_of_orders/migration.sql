-- safe
-- What is stored from here on is keyed by rules of number 4 (orders by their day, diagnoses apart from problems); where nothing is, nothing is to be keyed anew.
update exchange.keys_made set rules = 4
where rules = 3 and done_at is not null and not exists (select from exchange.resource) and not exists (select from exchange.shared_resource);

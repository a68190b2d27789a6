-- safe
-- What is stored from here on is keyed by rules of number 3 (answers by their day, specimens by their accession); where nothing is, nothing is to be keyed anew.
update exchange.keys_made set rules = 3
where rules = 2 and done_at is not null and not exists (select from exchange.resource) and not exists (select from exchange.shared_resource);

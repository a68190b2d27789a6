-- safe
-- What is stored from here on is keyed by rules of number 2 (a record that names a Medication by its drug); where nothing is, nothing is to be keyed anew.
update exchange.keys_made set rules = 2
where rules = 1 and done_at is not null and not exists (select from exchange.resource) and not exists (select from exchange.shared_resource);

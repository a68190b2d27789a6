-- safe
-- What is stored from here on is keyed by rules of number 11 (the keys of 10; what chains know of claims is made anew with them: inpatient or outpatient); where
-- nothing is, nothing is to be keyed anew but what a pull that has begun before has staged.
update exchange.keys_made set rules = 11, begun_at = now()
where rules = 10 and done_at is not null and not exists (select from exchange.resource) and not exists (select from exchange.shared_resource);

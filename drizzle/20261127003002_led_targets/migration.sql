-- safe
-- What a staged Provenance is about, in our keys, where its targets were led when it was read. It need not be written a second time.
alter table exchange.staging add column about text[];

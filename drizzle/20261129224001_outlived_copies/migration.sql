-- safe
-- Copies of records that their payers took back: none are there yet, and few will be. The index is empty, but each table is read once for it.
create index resource_outlived on exchange.resource (member_id) where withheld = 'outlived';

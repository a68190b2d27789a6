-- safe
-- Lines that were kept out, which reports read of the pulls of a period: few among all.
create index ledger_held on exchange.ledger_unit (pull_id, file, line, entry) include (reason, type) where outcome in ('quarantined', 'rejected');

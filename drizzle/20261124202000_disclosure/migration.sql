-- safe
-- The accounting of disclosures asks which files of an export were fetched: audit rows whose object begins with the export's.
create index audit_file on exchange.audit (object text_pattern_ops, at) where action = 'file';

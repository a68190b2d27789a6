-- safe
-- What was sent with a single match (Consent and CoverageToLink), as text: to be kept it need not be taken apart, which took the
-- server longer than writing it. Rows from before have it in the columns consent and coverage_to_link.
alter table exchange.match_single add column sent text;

-- safe
-- The accounting of disclosures names the recipient and, if known, its address (45 CFR 164.528).
alter table exchange.peer add column postal_address text;

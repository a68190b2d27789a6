-- safe
-- Of whom somebody had numbers and birth dates shown, or took them along: each look under a reason has what it was for.
create index audit_seen on exchange.audit (at) where action = 'view' and member_id is not null and detail->>'purpose' is not null;

-- safe
-- Who a subject of the identity provider is: the name stands in the audit row of each sign-in, and the newest is looked up for a page.
create index audit_sign_in on exchange.audit (actor, at desc) where action = 'sign-in' and actor_kind = 'staff' and outcome = 'ok';

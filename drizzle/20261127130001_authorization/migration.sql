-- safe
-- The authorizations of a member, which are few: each of a member's documents asks which of them it supports, and all of the member's
-- claims were read for each.
create index resource_authorization on exchange.resource (member_id) where pa_state is not null;

-- safe
-- Duties to ask a payer that ended without being met, which each tick looks at for those that begin anew: few among all clocks.
create index clock_ended on exchange.clock (member_id) where kind = 'C2' and state in ('withdrawn', 'not-applicable');

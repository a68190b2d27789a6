-- safe
-- Duties of which a payer took the question and did not finish: few among all clocks, looked at with the running ones.
create index clock_attempted on exchange.clock (due_at) where state = 'attempted';

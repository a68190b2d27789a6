-- safe
-- Members who came back to a coverage with us after a gap: the clock of their offer says so, and a duty to ask their payers begins anew as days pass.
create index clock_anew on exchange.clock (starts_at) where start_event = 'coverage-anew';

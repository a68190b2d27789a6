-- safe
-- What the staff pages count and page through: records in quarantine, and clocks by due time.
create index identity_quarantined on exchange.identity (peer_id) where state = 'quarantined';
--> statement-breakpoint
create index clock_due on exchange.clock (due_at, id);

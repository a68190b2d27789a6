-- safe
-- Evidence packs have what was said in their period.
create index staff_reason_at on exchange.staff_reason (at);

-- safe
-- Releases, and releases that are taken back, that are decided and not carried out: the row commits with the decision and goes with what is
-- taken in, so that a process which dies in between leaves it to the next one.
create table exchange.release_due (
  item_id text primary key,
  is_undo boolean not null,
  subject text not null,
  request_id text not null,
  due_at timestamptz not null
);
--> statement-breakpoint
-- what was left behind before this was looked for
insert into exchange.release_due (item_id, is_undo, subject, request_id, due_at)
select v.id, false, d.by_subject, '', now()
from exchange.review_item v
join lateral (select by_subject from exchange.review_decision where item_id = v.id and decision = 'release' and undoes is null order by id desc limit 1) d on true
join exchange.ledger_unit l on l.pull_id = v.pull_id and l.file = v.file and l.line = v.line and l.entry = coalesce(v.entry, 0)
join exchange.identity i on i.peer_id = v.peer_id and i.type = l.type and i.source_id = l.source_id and i.state = 'quarantined'
where v.state = 'decided' and v.decision = 'release'
  and not exists (
    select from exchange.unit_revision r where r.pull_id = l.pull_id and r.file = l.file and r.line = l.line and r.entry = l.entry and r.cause = 'release');

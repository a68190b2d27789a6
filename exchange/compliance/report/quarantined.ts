// What is kept out, as of an instant, for the report of a period and its evidence pack.

/**
 * A version of a record waits for a person although another one is shown, as the one that changed its person does, or
 * was taken back before. `i` its identity, `l` its line. By the primary key of review_item.
 */
export const WAITS = `((i.state = 'retracted' or (i.state in ('visible', 'echo') and i.hash is distinct from l.hash)) and exists (
  select from exchange.review_item v where v.id = md5(concat_ws('|', 'held', i.peer_id, i.type, i.source_id)) and v.b_hash = l.hash
    and v.state <> 'gone'))`;

/** Lines that were taken in and went into quarantine later, by a replay or because of what came after them. */
export const LATER_HELD = `
  select l.* from (select distinct pull_id, file, line, entry from exchange.unit_revision where outcome = 'quarantined'
    and outcome_before <> 'quarantined') v
  join exchange.ledger_unit l using (pull_id, file, line, entry) where l.outcome <> 'quarantined'`;

/**
 * Lines `l` of pulls `p` of payers `r` whose records `i` were in quarantine at the end of a period ($2), of whichever
 * pull: by the revisions of the line before it, else by the first after it; and where none is after it, it left with
 * the last pull that changed it. `before`, `since` tell why and since when, `d` what was decided.
 */
export const QUARANTINED = `(select * from exchange.ledger_unit where outcome = 'quarantined' union all ${LATER_HELD}) l
    join exchange.pull p on p.id = l.pull_id join exchange.peer r on r.id = p.peer_id
    join exchange.identity i on i.peer_id = p.peer_id and i.type = l.type and i.source_id = l.source_id
    left join exchange.pull x on x.id = i.last_pull
    left join lateral (select outcome, reason, at from exchange.unit_revision v where v.pull_id = l.pull_id and v.file = l.file
      and v.line = l.line and v.entry = l.entry and v.at < $2 order by v.id desc limit 1) before on true
    left join lateral (select max(at) as at from exchange.unit_revision v where v.pull_id = l.pull_id and v.file = l.file
      and v.line = l.line and v.entry = l.entry and v.at < $2
      and v.outcome = 'quarantined' and v.outcome_before <> 'quarantined') since on true
    left join exchange.review_item q on q.id = md5(concat_ws('|', 'held', i.peer_id, i.type, i.source_id))
    left join lateral (select case when x.undoes is null then x.decision end as decision from exchange.review_decision x
      where x.item_id = q.id and x.at < $2 and (x.at >= q.opened_at or q.opened_at >= $2) order by x.id desc limit 1) d on true
    left join lateral (select outcome_before from exchange.unit_revision v where v.pull_id = l.pull_id and v.file = l.file
      and v.line = l.line and v.entry = l.entry and v.at >= $2 order by v.id limit 1) after on true
    where p.finished_at < $2 and p.finished_at is not null
      and coalesce(before.outcome, after.outcome_before, l.outcome) = 'quarantined'
      and (after.outcome_before is not null or i.state = 'quarantined' or x.finished_at >= $2 or ${WAITS})`;

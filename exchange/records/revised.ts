// What a line of a pull is today: what its ledger row says, or what a replay, a release or an arrival made of it last.

/** Of ledger row `l`, its last revision as `v`: `outcome` and `reason`, null where nothing changed since. Index unit_revision_unit. */
export const LAST_REVISION = `left join lateral (
    select r.outcome, r.reason from exchange.unit_revision r
    where r.pull_id = l.pull_id and r.file = l.file and r.line = l.line and r.entry = l.entry order by r.id desc limit 1) v on true`;

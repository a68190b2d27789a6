// Files whose units are staged, looked at as a whole before anything of them is taken in.
import type { Queryable } from '../../src/db/database.ts';
import { noteFaults } from './pull-fault.ts';

/**
 * Files of a work whose last line is no JSON and has no line end, while others are: who sent them may have been cut off
 * in it, without anything else to tell it by. Served by the primary keys.
 */
export async function endingWithin(sql: Queryable, work: string): Promise<ReadonlySet<number>> {
  const rows = await sql<{ file: number }[]>`
    select f.position as file from exchange.pull_file f cross join lateral (
      select line, outcome, reason from exchange.staging s where s.pull_id = f.pull_id and s.file = f.position order by line desc limit 1) s
    where f.pull_id = ${work} and f.kind = 'output' and f.ends_within is not false and s.outcome = 'rejected' and s.reason = 'invalid-json'
      and not exists (select from exchange.staging_block b where b.pull_id = f.pull_id and b.file = f.position and b.last_line > s.line)
      and (exists (select from exchange.staging u where u.pull_id = f.pull_id and u.file = f.position
        and u.outcome is distinct from 'rejected')
        or exists (select from exchange.staging_block b where b.pull_id = f.pull_id and b.file = f.position))`;
  return new Set(rows.map((r) => r.file));
}

/** Up to so many lines a file may hold what is held back before its share is looked at. */
const FEW = 50;

/**
 * A staged file of which more lines than `most`, or than one in twenty of more than fifty, are none or are about people that
 * were not asked for, or of which no line is a record (a web page, another encoding, the message of a fault); undefined
 * when there is none. `mayHaveOthers`: a peer that cannot be asked for some sends others as well. Served by the primary
 * key.
 */
export async function mostlyHeld(
  sql: Queryable,
  work: string,
  most: number,
  mayHaveOthers = false,
): Promise<{ file: number; lines: number } | undefined> {
  const [row] = await sql<{ file: number; lines: number }[]>`
    select file, held::int as lines from (
      select file, count(*) + (select coalesce(sum(b.units), 0) from exchange.staging_block b
        where b.pull_id = ${work} and b.file = s.file) as units, count(*) filter (where outcome = 'rejected' or (reason = 'wrong-patient'
        and not ${mayHaveOthers})) as held,
        bool_and(coalesce(outcome = 'rejected' and (reason = 'invalid-json' or exists (
            select from exchange.pull_file o where o.pull_id = ${work} and o.position = s.file and o.kind = 'output'
              and o.type is distinct from 'OperationOutcome')), false))
          and not exists (select from exchange.staging_block b where b.pull_id = ${work} and b.file = s.file) as unreadable
      from exchange.staging s where pull_id = ${work} group by file) f
    where held > ${most} or (held > ${FEW} and held * 20 > units) or unreadable order by file limit 1`;
  return row;
}

/** Files of records in which lines of a pull that are in the ledger are none. ledger_held. */
export async function filesWithNone(sql: Queryable, pullId: string): Promise<ReadonlySet<number>> {
  const rows = await sql<{ file: number }[]>`
    select distinct l.file from exchange.ledger_unit l join exchange.pull_file f on f.pull_id = l.pull_id and f.position = l.file
      and f.kind = 'output'
    where l.pull_id = ${pullId} and l.outcome = 'rejected' and l.reason = 'not-a-resource'`;
  return new Set(rows.map((r) => r.file));
}

/**
 * Are lines of a pull in the ledger that could not be read, or are of records without an id? What they were no one
 * knows, and who asks for what changed would not be sent it again when it is mended there: that moves no `lastUpdated`.
 * A file that broke off within a line has such a one. ledger_held.
 */
export async function hasUnread(sql: Queryable, pullId: string): Promise<boolean> {
  const rows = await sql`
    select from exchange.ledger_unit l join exchange.pull_file f on f.pull_id = l.pull_id and f.position = l.file and f.kind <> 'error'
    where l.pull_id = ${pullId} and l.outcome = 'rejected' and l.reason in ('invalid-json', 'missing-id') limit 1`;
  return rows.length > 0;
}

/**
 * What a payer could not give would not come by itself: the next request begins where this one did. What a person has
 * accepted is as it is.
 */
export async function keepNoTime(tx: Queryable, pullId: string): Promise<void> {
  const lacking = await tx`
    update exchange.pull set transaction_time = null where id = ${pullId} and accepted_by is null returning 1`;
  if (lacking.length > 0) await noteFaults(tx, pullId, new Map([['peer-incomplete', 1]]));
}

/** Is anything staged under a work id, of whichever file? Served by the primary keys. */
export async function hasStaged(sql: Queryable, work: string): Promise<boolean> {
  const rows = await sql`
    select from exchange.staging where pull_id = ${work} union all select from exchange.staging_block where pull_id = ${work}
    union all select from exchange.staged_text where pull_id = ${work} limit 1`;
  return rows.length > 0;
}

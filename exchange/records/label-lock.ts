// How sensitive a directory entry is, while others write what names it. Who changes it looks for those who name it, and who writes a record looks
// at what it names: of two at once neither would see the other, and the record would leave under `#regular` until its member is decided again.
import type { TransactionSql } from 'postgres';
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { RELABELLED_COPIES } from './entry-labels.ts';
import { ANY_LABELLED } from './revealed.ts';
import { revealedBy } from './revealing.ts';
import { itsOwn } from './told-by-others.ts';

const LABELS_LOCK = 7_206_020;

/**
 * Until the transaction ends no directory entry becomes more or less sensitive. Any number of writers hold it at once. It is taken before any
 * record is written, as who changes a label holds it alone and then writes records of any member; and after the lock of slices (pull/pull-slice.ts).
 */
export async function labelsStay(tx: Queryable): Promise<void> {
  await tx`select pg_advisory_xact_lock_shared(${LABELS_LOCK})`;
}

/** Seconds that others may go on beginning to write, while one waits that all have ended; after that they wait for it. */
const PATIENCE = 10;
const PAUSE = 0.05;
const LONGEST_PAUSE = 1;

/** Transactions that hold the lock in this database, as pg_locks calls them. */
const HOLDERS = `
  select array_agg(virtualtransaction) from pg_locks where locktype = 'advisory' and classid = 0 and objid = ${LABELS_LOCK} and objsubid = 1 and granted
    and database = (select oid from pg_database where datname = current_database())`;

/**
 * Until the transaction ends nobody else writes what could name a directory entry. Taken like {@link labelsStay}, and not after it. Who was writing
 * already is waited for without holding anybody up, however long that takes (an import of millions): only then do others wait in line.
 * @param patience seconds
 */
export async function labelsChange(tx: Queryable, patience = PATIENCE): Promise<void> {
  const [before] = await tx.unsafe<{ holders: string[] | null }[]>(`select (${HOLDERS}) as holders`);
  let pause = PAUSE;
  for (let waited = 0; ; waited += pause) {
    const [row] = await tx.unsafe<{ ok: boolean; work: boolean }[]>(
      `select pg_try_advisory_xact_lock(${LABELS_LOCK}) as ok, coalesce((${HOLDERS}) && $1::text::text[], false) as work`,
      [arrayLiteral(before?.holders ?? [])],
    );
    if (row?.ok === true) return;
    if (row?.work !== true && waited >= patience) break;
    await tx`select pg_sleep(${pause})`;
    pause = Math.min(pause * 1.5, LONGEST_PAUSE);
  }
  await tx`select pg_advisory_xact_lock(${LABELS_LOCK})`;
}

/** A work would make a directory entry more or less sensitive. */
export class LabelsChange extends Error {
  constructor() {
    super('labels of directory entries change');
  }
}

/**
 * {@link labelsStay} for a work that is staged.
 * @param origin 'own' or the peer's id
 * @throws LabelsChange when the work itself changes a label: then nothing is held that was not before
 */
export async function labelsStayWith(tx: TransactionSql, work: string, origin: string): Promise<void> {
  const may = async (q: Queryable) => {
    if (await changesLabels(q, work, origin)) throw new LabelsChange();
  };
  await may(tx);
  // another one may have written the same entry before: what was taken for this look goes with it
  await tx.savepoint(async (look) => {
    await labelsStay(look);
    await may(look);
  });
}

/** Takes the one or the other for a work that is staged. */
export async function holdLabels(tx: TransactionSql, work: string, origin: string): Promise<void> {
  try {
    await labelsStayWith(tx, work, origin);
  } catch (error) {
    if (!(error instanceof LabelsChange)) throw error;
    await labelsChange(tx);
  }
}

/** Directory-type records of a work that are not written yet, and those under their ids. staging_bucket, shared_resource_pkey. */
const STAGED = `
  select s.type, coalesce(s.local_id, s.source_id) as id, coalesce(s.label, 0) as label, coalesce(w.links, s.links, '{}') as links,
    r.type is not null as is_known, coalesce(r.label, 0) as was_label, coalesce(r.links, '{}') as was_links
  from exchange.staging s
  left join lateral (select links from exchange.staged_reference w where w.pull_id = s.pull_id and w.file = s.file and w.line = s.line and w.entry = s.entry offset 0) w on true
  left join lateral (select * from exchange.shared_resource r where r.type = s.type and r.id = coalesce(s.local_id, s.source_id) offset 0) r on true
  where s.pull_id = $1 and s.bucket = -1 and s.is_shared and s.has_body and not s.booked and (s.outcome is null or s.outcome in ('created', 'updated'))
    and ${itsOwn('r', '$2')}`;

/**
 * Does a work make a directory entry reveal another label than before, by its own or by what it names? An entry of a peer that is new is named
 * by nothing yet.
 */
async function changesLabels(q: Queryable, work: string, origin: string): Promise<boolean> {
  const [row] = await q.unsafe<{ changes: boolean; labelled: string[] | null; turned: string[] | null }[]>(
    `with entry as materialized (${STAGED}), labelled as materialized (
       select s.type || '/' || coalesce(s.local_id, s.source_id) as key from exchange.staging s
       where s.pull_id = $1 and s.bucket = -1 and s.is_shared and s.has_body and s.label > 0
     )
     select exists (select from entry where label <> was_label)
       or exists (${RELABELLED_COPIES('exchange.staging', "s.pull_id = $1 and s.bucket = -1 and not s.booked and s.outcome in ('shared', 'created', 'updated')", '$2')}) as changes,
       (select array_agg(key) from labelled) as labelled,
       -- what others name now, or did
       (select array_agg(distinct l) from entry e cross join unnest(e.links || e.was_links) l
        where e.links <> e.was_links and (${ANY_LABELLED} or exists (select from labelled))) as turned`,
    [work, origin],
  );
  if (row?.changes === true) return true;
  const turned = row?.turned ?? [];
  const labelled = new Set(row?.labelled);
  return turned.some((key) => labelled.has(key)) || (await revealedBy(q, turned)).size > 0;
}

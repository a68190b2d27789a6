// The slices of a pull: planned when everything is decided, and committed a few at a time. What is committed stays so,
// whatever dies; the database counts what each has put into the ledger.

import { underLock } from '../../src/db/advisory-lock.ts';
import type { Database, Queryable } from '../../src/db/database.ts';
import { bucketsOf, type Range, slicesOf } from '../records/slice.ts';
import { LeaseLost } from './pull.ts';
import { PLANNED } from './pull-phase.ts';

/** Records of our own came since the pull was decided: it has to be decided again. */
export class DecideAnew extends Error {
  constructor() {
    super('records of our own came meanwhile');
  }
}

export type PullSlice = Range & { slice: number };

/** Plans the slices of what is not in the ledger yet, in place of those that were planned and not committed. pull_slice_pkey. */
export async function planSlices(tx: Queryable, pullId: string, most: number): Promise<void> {
  await dropOpenSlices(tx, pullId);
  const ranges = await evenRanges(tx, pullId, most);
  await tx`
    insert into exchange.pull_slice (pull_id, slice, first_bucket, last_bucket, units)
    select ${pullId}, coalesce((select max(slice) + 1 from exchange.pull_slice where pull_id = ${pullId}), 0) + n - 1, first, last, units
    from unnest(${ranges.map((r) => r.first)}::int[], ${ranges.map((r) => r.last)}::int[], ${ranges.map((r) => r.units)}::int[]) with
      ordinality as r(first, last, units, n)`;
}

/** A pull is cut into at least so many slices, unless they would be small: several are committed at once. */
const FEWEST = 4;
const SMALL = 5000;

async function evenRanges(tx: Queryable, pullId: string, most: number): Promise<Range[]> {
  const buckets = await bucketsOf(tx, pullId);
  const units = buckets.reduce((n, b) => n + (b.bucket < 0 ? 0 : b.units), 0);
  const even = Math.max(SMALL, Math.ceil(units / FEWEST));
  return slicesOf(buckets, Math.min(even, most));
}

/** What was planned no longer holds. pull_slice_pkey. */
async function dropOpenSlices(sql: Queryable, pullId: string): Promise<void> {
  await sql`delete from exchange.pull_slice where pull_id = ${pullId} and state = 'open'`;
}

/** The slices to be committed, in order. pull_slice_pkey. */
export async function openSlices(sql: Queryable, pullId: string): Promise<PullSlice[]> {
  return [
    ...(await sql<PullSlice[]>`
      select slice, first_bucket as first, last_bucket as last, units from exchange.pull_slice
      where pull_id = ${pullId} and state = 'open' order by slice`),
  ];
}

/** Has anything of a pull been committed? pull_slice_pkey. */
export async function hasCommitted(sql: Queryable, pullId: string): Promise<boolean> {
  return (
    (await sql`select from exchange.pull_slice where pull_id = ${pullId} and state = 'committed' limit 1`).length > 0
  );
}

/** Held, shared, by each slice while it is committed, and alone by who compares records of our own with those that are there. */
const SLICES_LOCK = 7_206_015;

/** Does something while no slice is committed: what is there of members stays as it is. */
export const betweenSlices = <T>(database: Pick<Database, 'lend'>, work: () => Promise<T>): Promise<T> =>
  underLock(database, { key: SLICES_LOCK }, work);

/** Opens the books of a slice: from here on the database counts its rows of the ledger. */
export async function beginSlice(tx: Queryable, pullId: string, slice: number): Promise<void> {
  await tx`select pg_advisory_xact_lock_shared(${SLICES_LOCK})`;
  const begun = await tx`
    update exchange.pull_slice set state = 'booking' where pull_id = ${pullId} and slice = ${slice} and state = 'open' returning 1`;
  if (begun.length === 0) throw new LeaseLost('the slice is committed elsewhere');
}

/**
 * Takes a pull for the rest of this transaction, if we still hold it: slices that are committed at the same time wait for each
 * other here, before they write what is counted for the pull as a whole.
 * @throws LeaseLost, DecideAnew
 */
export async function holdPull(
  tx: Queryable,
  pull: { id: string; owner: string; now: Date; leaseSeconds: number },
): Promise<void> {
  const [ours] = await tx<{ holds: boolean }[]>`
    update exchange.pull set lease_until = ${pull.now}::timestamptz + make_interval(secs => ${pull.leaseSeconds})
    where id = ${pull.id} and lease_owner = ${pull.owner} returning phase is not distinct from ${PLANNED} as holds`;
  if (ours?.holds === false) throw new DecideAnew();
  if (ours === undefined) throw new LeaseLost('the pull is worked on elsewhere');
}

/** Closes the books of a slice. At the commit the database refuses a slice that is not whole. */
export async function endSlice(tx: Queryable, pullId: string, slice: number): Promise<void> {
  await tx`
    update exchange.pull_slice set state = 'committed', committed_at = now() where pull_id = ${pullId} and slice = ${slice}`;
}

/** Outcomes of all units of a pull. ledger_tally_key. */
export async function countOutcomes(sql: Queryable, pullId: string): Promise<{ outcome: string; n: number }[]> {
  return [
    ...(await sql<{ outcome: string; n: number }[]>`
      select outcome, sum(units)::int as n from exchange.ledger_by_member where pull_id = ${pullId} group by outcome order by outcome`),
  ];
}

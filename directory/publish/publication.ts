// Publications and their lease. A publication that has no published_at is being made, and shown to no one.

import { eq, isNull } from 'drizzle-orm';
import type { Database, Queryable, Sql } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { publication, publishLease } from '../schema.ts';

export type Publication = {
  number: number;
  change: string;
  /** everything that changed up to this instant is in it, nothing later */
  covers: Date;
  startedAt: Date;
  publishedAt: Date | null;
  /** live resources by type number, the first is number 1 */
  counts: number[];
  fullSet: string | null;
  chain: number | null;
  changesSet: string | null;
  rootSet: string | null;
};

const COLUMNS = `number, change::text as change, covers, started_at as "startedAt", published_at as "publishedAt",
  counts::int[] as counts, full_set::text as "fullSet", chain, changes_set::text as "changesSet", root_set::text as "rootSet"`;

/** Published ones, newest first. publication_pkey. */
export async function publications(sql: Queryable, count: number): Promise<Publication[]> {
  return sql.unsafe<Publication[]>(
    `select ${COLUMNS} from directory.publication where published_at is not null order by number desc limit $1`,
    [count],
    { prepare: true },
  );
}

/** The newest with a full set of files, or that of a number. */
export async function newestFull(sql: Queryable, number?: number): Promise<Publication | undefined> {
  const [row] = await sql.unsafe<Publication[]>(
    `select ${COLUMNS} from directory.publication where published_at is not null and full_set is not null
       and ($1::int is null or number = $1::int) order by number desc limit 1`,
    [number ?? null],
    { prepare: true },
  );
  return row;
}

/** The newest that has a page of the bulk channel, and the newest root. */
export async function bulkHead(
  sql: Queryable,
): Promise<{ last: Publication | undefined; root: Publication | undefined; chainSince: Date | undefined }> {
  const one = async (where: string, values: number[] = []) =>
    (
      await sql.unsafe<Publication[]>(
        `select ${COLUMNS} from directory.publication where published_at is not null and ${where} order by number desc limit 1`,
        values,
        { prepare: true },
      )
    )[0];
  const last = await one('chain is not null');
  const first = last?.chain == null ? undefined : await one('number = $1', [last.chain]);
  return { last, root: await one('root_set is not null'), chainSince: first?.publishedAt ?? undefined };
}

export type Snapshot = { publication: Publication; id: string; end: () => Promise<void> };

/**
 * Opens the next publication: its number, the instant it covers, and a snapshot that other connections can take. Writers
 * are kept out for that moment, and later changes are dated after what it covers (directory/resource/resource-merge.ts).
 */
export async function openPublication(database: Database, now: Date): Promise<Snapshot> {
  const { end, id, covers, change, counts } = await settle(database, now, async (tx, state) => {
    await tx`insert into directory.publication (number, change, covers, started_at, counts)
      select coalesce(max(number), 0) + 1, ${state.change}, ${state.covers}, ${now}, ${state.counts}::bigint[] from directory.publication`;
  });
  const [row] = await database.sql<{ number: number }[]>`
    select max(number) as number from directory.publication where published_at is null`;
  if (!row) {
    await end();
    throw new Error('The publication has no number.');
  }
  const publication: Publication = {
    number: row.number,
    change,
    covers,
    startedAt: now,
    publishedAt: null,
    counts: counts.map(Number),
    fullSet: null,
    chain: null,
    changesSet: null,
    rootSet: null,
  };
  return { publication, id, end };
}

type State = { change: string; covers: Date; counts: string[] };

/** A snapshot of everything up to an instant. Ends with `end`. */
export async function settle(
  database: Database,
  now: Date,
  within: (tx: Queryable, state: State) => Promise<void> = async () => {},
): Promise<State & { holder: Sql; id: string; end: () => Promise<void> }> {
  const holder = database.dedicated('export');
  const end = () => holder.end({ timeout: 0 });
  try {
    const state = await database.sql.begin(async (tx) => {
      // the lock of all writers: anyone who changed something has committed
      const [row] = await tx<{ change: string; at: Date | null; through: Date | null; counts: string[] }[]>`
        select change::text as change, changed_at as at, published_through as through, counts::text[] as counts
        from directory.state for update`;
      if (!row) throw new Error('The directory has no state.');
      const covers = new Date(Math.max(now.getTime(), row.at?.getTime() ?? 0, row.through?.getTime() ?? 0));
      await holder.unsafe('begin isolation level repeatable read read only');
      const [snapshot] = await holder.unsafe<{ id: string }[]>('select pg_export_snapshot() as id');
      if (!snapshot) throw new Error('The database exports no snapshot.');
      await tx`update directory.state set published_through = ${covers}`;
      const found = { change: row.change, covers, counts: row.counts };
      await within(tx, found);
      return { ...found, id: snapshot.id };
    });
    return { ...state, holder, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Work on a connection of its own within a snapshot; the connection ends with it, whatever happens. */
export async function inSnapshot<T>(database: Database, id: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  if (!/^[0-9A-F-]+$/.test(id)) throw new Error('bad snapshot id');
  const client = database.dedicated('export');
  try {
    await client.unsafe('begin isolation level repeatable read');
    await client.unsafe(`set transaction snapshot '${id}'`);
    return await work(client);
  } finally {
    await client.end({ timeout: 0 });
  }
}

/** The same with two connections, which see the same: one gives rows by a cursor and does nothing else meanwhile, the other looks up what they name. */
export function inSnapshots<T>(
  database: Database,
  id: string,
  work: (sql: Sql, beside: Sql) => Promise<T>,
): Promise<T> {
  return inSnapshot(database, id, (beside) => inSnapshot(database, id, (sql) => work(sql, beside)));
}

/** Takes or keeps the lease of publishing. False when another process has it. */
export async function takeLease(sql: Queryable, owner: string, now: Date, seconds: number): Promise<boolean> {
  const { count } = await sql`
    update directory.publish_lease set owner = ${owner}, lease_until = ${new Date(now.getTime() + seconds * 1000)}
    where owner is null or owner = ${owner} or lease_until < ${now}`;
  return count === 1;
}

export async function leaveLease(sql: Queryable, owner: string): Promise<void> {
  await orm(sql).update(publishLease).set({ owner: null, leaseUntil: null }).where(eq(publishLease.owner, owner));
}

/** Is the lease ours? Locks it until the transaction ends, so that what is shown is shown by its holder. */
export async function holdsLease(tx: Queryable, owner: string): Promise<boolean> {
  const { one } = publishLease;
  const rows = await orm(tx).select({ one }).from(publishLease).where(eq(publishLease.owner, owner)).for('update');
  return rows.length === 1;
}

/** When the next publication is due; undefined: at once. */
export async function nextDue(sql: Queryable): Promise<Date | undefined> {
  const [row] = await orm(sql).select({ at: publishLease.nextDue }).from(publishLease);
  return row?.at ?? undefined;
}

export async function setNextDue(sql: Queryable, at: Date): Promise<void> {
  await orm(sql).update(publishLease).set({ nextDue: at });
}

/** Shows a publication. */
export async function showPublication(tx: Queryable, p: Publication): Promise<void> {
  await tx`
    update directory.publication set published_at = ${p.publishedAt}, full_set = ${p.fullSet}, chain = ${p.chain},
      changes_set = ${p.changesSet}, root_set = ${p.rootSet} where number = ${p.number}`;
}

/** Numbers that were begun and never shown: their process died. */
export async function unfinished(sql: Queryable): Promise<number[]> {
  const { number, publishedAt } = publication;
  const rows = await orm(sql).select({ number }).from(publication).where(isNull(publishedAt));
  return rows.map((r) => r.number);
}

export async function forgetPublication(sql: Sql, number: number): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`delete from directory.file_set where publication = ${number} and channel <> 'export' and state in ('making', 'failed')
      and not exists (select from directory.current_set c where c.set_id = file_set.id)`;
    await tx`delete from directory.publication where number = ${number} and published_at is null`;
  });
}

// Verification and ghost signals of our own directory, kept for the plan's staff. federation.md 11, 12.

import { and, asc, desc, eq, isNull } from 'drizzle-orm';
import { copyIn } from '../../src/db/copy.ts';
import { copyField, type Queryable, type Sql } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { signal } from './schema.ts';
import { STATEMENTS } from './signal-statements.ts';

export type SignalName = keyof typeof STATEMENTS;
export const SIGNAL_NAMES = Object.keys(STATEMENTS) as SignalName[];

/**
 * Looks for one signal in all of our directory. What has gone is forgotten; what a person has settled stays silent until its
 * evidence is another. signal_pkey
 * @returns how many there are
 */
export async function findSignals(tx: Queryable, name: SignalName, weight: number, now: Date): Promise<number> {
  const statement = STATEMENTS[name];
  const values: string[] = statement.includes('$1') ? [now.toISOString()] : [];
  const bind = (v: string | number) => `$${values.push(String(v))}`;
  const n = `${bind(name)}::text`;
  const rows = await tx.unsafe(
    `with found as materialized (select distinct on (rk) * from (${statement}) x order by rk),
     gone as (delete from federation.signal g where g.name = ${n} and not exists (select from found f where f.rk = g.rk))
     insert into federation.signal as s (rk, name, key, weight, evidence, found_at)
     select rk, ${n}, key, ${bind(weight)}::smallint, evidence, ${bind(now.toISOString())}::timestamptz from found
     on conflict (rk, name) do update set weight = excluded.weight, evidence = excluded.evidence,
       found_at = case when s.evidence = excluded.evidence then s.found_at else excluded.found_at end,
       settled_by = case when s.evidence = excluded.evidence then s.settled_by end, settled_at = case when s.evidence = excluded.evidence then s.settled_at end`,
    values,
  );
  return rows.count;
}

export async function signalCounts(sql: Queryable): Promise<{ name: string; n: number; settled: number }[]> {
  return sql<{ name: string; n: number; settled: number }[]>`
    select name, (count(*) filter (where settled_by is null))::int as n, (count(*) filter (where settled_by is not null))::int as settled
    from federation.signal group by 1 order by 1`;
}

export type Signal = Pick<typeof signal.$inferSelect, 'rk' | 'key' | 'evidence' | 'foundAt'>;

/** signal_name */
export async function signalList(sql: Queryable, name: string, count: number): Promise<Signal[]> {
  const { rk, key, evidence, foundAt } = signal;
  return orm(sql)
    .select({ rk, key, evidence, foundAt })
    .from(signal)
    .where(and(eq(signal.name, name), isNull(signal.settledBy)))
    .orderBy(desc(signal.weight), asc(key))
    .limit(count);
}

/** A person has looked. signal_pkey */
export async function settleSignal(sql: Queryable, rk: string, name: string, by: string, at: Date): Promise<boolean> {
  const rows = await orm(sql)
    .update(signal)
    .set({ settledBy: by, settledAt: at })
    .where(and(eq(signal.rk, rk), eq(signal.name, name)))
    .returning({ rk: signal.rk });
  return rows.length > 0;
}

export type AccuracyRow = { day: string; measure: string; n: number; of: number };

/**
 * Writes the measures of a day: counts of the whole directory, never of a person. Signals are grouped with what they are about: the planner
 * knows nothing of those that the transaction has just written, and would read all of them for each entry.
 */
export async function measureAccuracy(tx: Queryable, now: Date): Promise<void> {
  await tx`
    with own as (select f.rk, f.type, (select max(v.lo) from directory.verification v where v.target = f.rk) as done
      from federation.feature f where f.peer = '' and not f.is_network and f.type in (5, 7)),
    looked as (select rk, true as is_own from own
      union all select s.rk, false from federation.signal s where s.settled_by is null and s.name not in ('never-verified', 'verify-due', 'verify-overdue')),
    m as (
      select 'verified in time' as measure, (count(*) filter (where done >= ${now}::timestamptz - case when type = 5 then interval '365 days' else interval '90 days' end))::int as n, count(*)::int as of from own
      union all select 'ever verified', (count(*) filter (where done is not null))::int, count(*)::int from own
      union all select 'without a signal', (select count(*) from (select rk from looked group by rk having bool_and(is_own)) w)::int, count(*)::int from own)
    insert into federation.accuracy (day, measure, n, of) select ${now}::date, measure, n, of from m
    on conflict (day, measure) do update set n = excluded.n, of = excluded.of`;
}

/** The newest days. accuracy_pkey */
export async function accuracy(sql: Queryable, days: number): Promise<AccuracyRow[]> {
  return sql<AccuracyRow[]>`select day::text as day, measure, n, of from federation.accuracy
    where day > (select max(day) from federation.accuracy) - ${days}::int order by day desc, measure`;
}

/** Middles of ZIP code areas, for the signals of one transaction. */
export async function zipCentres(
  tx: Queryable,
  centres: readonly { zip: string; latitude: number; longitude: number }[],
): Promise<void> {
  await tx`create temp table zip_centre on commit drop as select z.zip, z.latitude as lat, z.longitude as lon
    from jsonb_to_recordset(${JSON.stringify(centres)}::text::jsonb) z(zip text, latitude real, longitude real)`;
}

export type RegistryRow = { npi: string; type: 5 | 7; name: string; state: string; deactivated: string | undefined };

/**
 * Replaces the extract of the registry. One that breaks off changes nothing.
 * @param client dedicated
 */
export async function replaceRegistry(client: Sql, rows: AsyncIterable<RegistryRow>, asOf: string): Promise<number> {
  await client`create temp table fresh_registry (like federation.registry)`;
  const n = await copyIn(
    client,
    'copy fresh_registry (npi, type, name, state, deactivated, as_of) from stdin',
    (async function* () {
      for await (const r of rows)
        yield `${r.npi}\t${r.type}\t${copyField(r.name)}\t${copyField(r.state)}\t${r.deactivated ?? '\\N'}\t${asOf}`;
    })(),
  );
  await client.begin(async (tx) => {
    await tx`truncate federation.registry`;
    await tx`insert into federation.registry select distinct on (npi) * from fresh_registry order by npi`;
  });
  await client`analyze federation.registry`;
  await client`drop table fresh_registry`;
  return n;
}

/** Replaces the list of deactivated NPIs. */
export async function replaceDeactivated(
  tx: Queryable,
  rows: readonly { npi: string; since: string | null }[],
  asOf: string,
): Promise<void> {
  await tx`delete from federation.npi_deactivated`;
  for (let i = 0; i < rows.length; i += 10_000)
    await tx`insert into federation.npi_deactivated (npi, since, as_of)
      select distinct on (x.npi) x.npi, x.since, ${asOf}::date from jsonb_to_recordset(${JSON.stringify(rows.slice(i, i + 10_000))}::text::jsonb) x(npi bigint, since date)`;
}

/** Days that were measured, the newest first. accuracy_pkey */
export async function accuracyDays(sql: Queryable, count: number): Promise<string[]> {
  const rows = await sql<
    { day: string }[]
  >`select distinct day::text as day from federation.accuracy order by 1 desc limit ${count}`;
  return rows.map((r) => r.day);
}

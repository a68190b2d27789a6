// Verification and ghost signals of our own directory: each signal one statement over the set. federation.md 11, 12.
import type { Queryable } from '../../../src/store/database.ts';

/** Days after which a verification is due again: individuals and groups; hospitals and facilities. */
export const DUE_DAYS = { person: 90, facility: 365 } as const;
export const DUE_SOON_DAYS = 14;
export const SHARED_PHONE = 20;

const OWN = `f.peer = '' and not f.is_network`;

/** Each gives rk, key and evidence. Names and weights are the table of federation/signals.ts. */
const STATEMENTS = {
  // lookup of NPIs that fail the check digit: features hold valid ones only, so the body is asked
  'npi-check-digit': `select r.rk, r.key, 'NPI ' || (i ->> 'value') || ' fails its check digit' as evidence
    from directory.resource r, jsonb_array_elements(case when jsonb_typeof(r.body::jsonb -> 'identifier') = 'array' then r.body::jsonb -> 'identifier' else '[]' end) i
    where r.type in (5, 7) and not r.deleted and i ->> 'system' = 'http://hl7.org/fhir/sid/us-npi'
      and not exists (select from federation.feature f where f.rk = r.rk and f.npi is not null)`,
  'npi-deactivated': `select f.rk, f.key, 'NPI ' || f.npi || ' deactivated' || coalesce(' ' || d.since, '') || ' by the extract of ' || d.as_of as evidence
    from federation.feature f join federation.npi_deactivated d on d.npi = f.npi
    join directory.resource r on r.rk = f.rk where ${OWN} and r.last_updated::date <= d.as_of`,
  'shared-phone': `select f.rk, f.key, 'the phone is that of ' || p.n || ' organizations' as evidence from federation.feature f join (
      select phone, count(distinct name) as n from federation.feature where type = 5 and phone is not null and name <> '' group by 1 having count(distinct name) > ${SHARED_PHONE}) p on p.phone = f.phone
    where ${OWN} and f.type = 5`,
  // ended records are in no index of their own; they are few
  'ended-elsewhere': `with e as (
      select s.peer, i ->> 'value' as npi from federation.source s,
        jsonb_array_elements(case when jsonb_typeof(s.raw::jsonb -> 'identifier') = 'array' then s.raw::jsonb -> 'identifier' else '[]' end) i
      where s.type = 7 and s.state = 'e' and s.flags & 1 > 0 and i ->> 'value' ~ '^[0-9]{10}$')
    select f.rk, f.key, 'listed as ended by ' || string_agg(distinct e.peer, ', ') as evidence
    from e join federation.feature f on f.npi = e.npi::bigint and f.type = 7 where ${OWN} group by 1, 2`,
  'never-verified': `select f.rk, f.key, 'no successful verification is known' as evidence from federation.feature f
    where ${OWN} and f.type in (5, 7) and not exists (select from directory.verification v where v.target = f.rk)`,
  'verify-overdue': `select f.rk, f.key, 'verified last on ' || max(v.lo)::date as evidence from federation.feature f join directory.verification v on v.target = f.rk
    where ${OWN} and f.type in (5, 7) group by 1, 2, f.type
    having max(v.lo) < $1::timestamptz - case when f.type = 5 then interval '${DUE_DAYS.facility} days' else interval '${DUE_DAYS.person} days' end`,
  'verify-due': `select f.rk, f.key, 'verified last on ' || max(v.lo)::date as evidence from federation.feature f join directory.verification v on v.target = f.rk
    where ${OWN} and f.type in (5, 7) group by 1, 2, f.type
    having max(v.lo) between $1::timestamptz - case when f.type = 5 then interval '${DUE_DAYS.facility} days' else interval '${DUE_DAYS.person} days' end
      and $1::timestamptz - case when f.type = 5 then interval '${DUE_DAYS.facility - DUE_SOON_DAYS} days' else interval '${DUE_DAYS.person - DUE_SOON_DAYS} days' end`,
  'phone-differs': `select f.rk, f.key, 'phone differs from ' || string_agg(distinct g.peer, ', ') as evidence from federation.feature f
    join federation.cluster c on c.rk = f.rk join federation.cluster d on d.cluster = c.cluster join federation.feature g on g.rk = d.rk
    where ${OWN} and g.peer <> '' and f.phone is not null and g.phone is not null and g.phone <> f.phone group by 1, 2`,
} as const;

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

export type Signal = { rk: string; key: string; evidence: string; foundAt: Date };

/** signal_name */
export async function signalList(sql: Queryable, name: string, count: number): Promise<Signal[]> {
  return sql<Signal[]>`select rk::text as rk, key, evidence, found_at as "foundAt" from federation.signal
    where name = ${name} and settled_by is null order by weight desc, key limit ${count}`;
}

/** A person has looked. signal_pkey */
export async function settleSignal(sql: Queryable, rk: string, name: string, by: string, at: Date): Promise<boolean> {
  const rows =
    await sql`update federation.signal set settled_by = ${by}, settled_at = ${at} where rk = ${rk} and name = ${name} returning 1`;
  return rows.length > 0;
}

export type AccuracyRow = { day: string; measure: string; n: number; of: number };

/** Writes the measures of a day: counts of the whole directory, never of a person. */
export async function measureAccuracy(tx: Queryable, now: Date): Promise<void> {
  await tx`
    with own as (select f.rk, f.type, (select max(v.lo) from directory.verification v where v.target = f.rk) as done
      from federation.feature f where f.peer = '' and not f.is_network and f.type in (5, 7)),
    m as (
      select 'verified in time' as measure, (count(*) filter (where done >= ${now}::timestamptz - case when type = 5 then interval '365 days' else interval '90 days' end))::int as n, count(*)::int as of from own
      union all select 'ever verified', (count(*) filter (where done is not null))::int, count(*)::int from own
      union all select 'without a signal', (count(*) filter (where not exists (select from federation.signal s where s.rk = own.rk and s.settled_by is null
        and s.name not in ('never-verified', 'verify-due', 'verify-overdue'))))::int, count(*)::int from own)
    insert into federation.accuracy (day, measure, n, of) select ${now}::date, measure, n, of from m
    on conflict (day, measure) do update set n = excluded.n, of = excluded.of`;
}

/** The newest days. accuracy_pkey */
export async function accuracy(sql: Queryable, days: number): Promise<AccuracyRow[]> {
  return sql<AccuracyRow[]>`select day::text as day, measure, n, of from federation.accuracy
    where day > (select max(day) from federation.accuracy) - ${days}::int order by day desc, measure`;
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

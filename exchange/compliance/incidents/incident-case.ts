// Cases of incidents and their entries. They are few; nothing of them is ever changed.

import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { incidentEntry } from '../schema.ts';

export type CaseRow = {
  number: number;
  openedAt: Date;
  openedBy: string;
  kind: string;
  title: string;
  /** what it was opened from, as `event/17` or `pull/ID`; empty: from nothing here */
  origin: string;
  /** YYYY-MM-DD */
  discoveredOn: string;
  /** in their order */
  entries: EntryRow[];
};
export type EntryRow = {
  at: string;
  by: string;
  what: string;
  on: string | null;
  verdict: string | null;
  affected: number | null;
  inOneState: number | null;
  words: string;
};

/** Keeps two who open one at once from the same number, and an entry from a case that is closed meanwhile. */
const CASE_LOCK = 7_206_025;

/** Until the transaction ends no one else opens a case or adds to one. */
export async function holdCases(tx: Queryable): Promise<void> {
  await tx`select pg_advisory_xact_lock(${CASE_LOCK})`;
}

/**
 * Was a case open at an instant, or later? As SQL: what closed it before then is not the newest word of whether it is
 * open. incident_entry_case.
 */
export const WAS_OPEN = (c: string, at: string): string =>
  `not exists (select from exchange.incident_entry x where x.case_number = ${c}.number and x.what = 'closed' and x.at < ${at}
    and not exists (select from exchange.incident_entry y where y.case_number = x.case_number and y.what = 'reopened' and y.id > x.id))`;

/** Entries of a case `c` up to an instant, as SQL. incident_entry_case. */
export const ENTRIES_UNTIL = (
  until: string,
): string => `select jsonb_agg(jsonb_build_object('at', e.at, 'by', e.by_subject, 'what', e.what, 'on', e.on_day, 'verdict', e.verdict,
  'affected', e.affected, 'inOneState', e.in_one_state, 'words', e.words) order by e.id) from exchange.incident_entry e
    where e.case_number = c.number and e.at <= ${until}`;
const ENTRIES = `coalesce((${ENTRIES_UNTIL("'infinity'")}), '[]') as entries`;

/** The newest first. incident_case_pkey, incident_case_origin, incident_entry_case. */
export async function incidentCases(
  sql: Queryable,
  of: { number?: number | undefined; origin?: string | undefined; before?: number | undefined; most: number },
): Promise<CaseRow[]> {
  return [
    ...(await sql.unsafe<CaseRow[]>(
      `select c.number, c.opened_at as "openedAt", c.opened_by as "openedBy", c.kind, c.title, c.origin,
        c.discovered_on::text as "discoveredOn", ${ENTRIES}
       from exchange.incident_case c
       where ($1::int is null or c.number = $1) and ($2::text is null or c.origin = $2) and ($3::int is null or c.number < $3)
         order by c.number desc limit $4`,
      [of.number ?? null, of.origin ?? null, of.before ?? null, of.most],
    )),
  ];
}

/** Those whose newest word on it is not that they are closed. incident_entry_case. */
export async function openCases(sql: Queryable): Promise<CaseRow[]> {
  return [
    ...(await sql.unsafe<CaseRow[]>(
      `select c.number, c.opened_at as "openedAt", c.opened_by as "openedBy", c.kind, c.title, c.origin,
        c.discovered_on::text as "discoveredOn", ${ENTRIES}
       from exchange.incident_case c
       where coalesce((select e.what from exchange.incident_entry e where e.case_number = c.number and e.what in ('closed', 'reopened')
         order by e.id desc limit 1), '') <> 'closed'
       order by c.number`,
    )),
  ];
}

/** In a transaction that {@link holdCases holds} them. @returns its number */
export async function addCase(tx: Queryable, c: Omit<CaseRow, 'number' | 'entries'>): Promise<number> {
  const [row] = await tx<{ number: number }[]>`
    insert into exchange.incident_case (number, opened_at, opened_by, kind, title, origin, discovered_on)
    select coalesce(max(number), 0) + 1, ${c.openedAt}, ${c.openedBy}, ${c.kind}, ${c.title}, ${c.origin}, ${c.discoveredOn}::date
      from exchange.incident_case returning number`;
  if (!row) throw new Error('the case was not written');
  return row.number;
}

export async function addEntry(tx: Queryable, number: number, e: Omit<EntryRow, 'at'> & { at: Date }): Promise<void> {
  const { at, what, verdict, affected, inOneState, words } = e;
  await orm(tx)
    .insert(incidentEntry)
    .values({ caseNumber: number, at, bySubject: e.by, what, onDay: e.on, verdict, affected, inOneState, words });
}

/** Is there what a case says it was opened from? Primary keys of audit, pull, review_item and bulk_job. */
export async function hasOrigin(sql: Queryable, kind: string, id: string): Promise<boolean> {
  const [row] = await sql<{ there: boolean }[]>`
    select case ${kind}
      when 'event' then ${id} ~ '^[0-9]{1,18}$' and exists (select from exchange.audit where seq = case when ${id} ~ '^[0-9]{1,18}$'
        then ${id}::text::bigint end)
      when 'pull' then exists (select from exchange.pull where id = ${id})
      when 'item' then exists (select from exchange.review_item where id = ${id})
      when 'request' then exists (select from exchange.bulk_job where id = ${id})
      else false end as there`;
  return row?.there === true;
}

// What the labeller decides of records: which are undecided, who decides, and what was decided, written with the facts by which records leave.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { leavingForm } from './attachment.ts';
import { LABELLER } from './facts/label.ts';
import { DENIED_SINCE } from './hidden-pa.ts';
import { OUTLIVED } from './outlived.ts';

/** `isStripped`: lines of it that must not leave were not kept when it came, as the findings of its line tell. */
export type Unclassified = {
  memberId: string;
  type: string;
  id: string;
  isOwn: boolean;
  isStripped: boolean;
  version: number;
  body: string;
};

/** Ids of the next members after one. member_pkey. */
export async function membersAfter(sql: Queryable, after: string, most: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from exchange.member where id > ${after} order by id limit ${most}`;
  return rows.map((r) => r.id);
}

/** Those of some members who have records that another labeller decided, with how many. resource_pkey. */
export async function undecidedOf(
  sql: Queryable,
  memberIds: readonly string[],
): Promise<{ id: string; records: number }[]> {
  const rows = await sql<{ id: string; records: number }[]>`
    select m.id, r.records from unnest(${arrayLiteral(memberIds)}::text::text[]) m(id)
    cross join lateral (
      select count(*)::int as records from exchange.resource r where r.member_id = m.id and r.labeller is distinct from ${LABELLER}) r
    where r.records > 0`;
  return [...rows];
}

/** Records of some members that another labeller decided, or none. By the primary keys of resource and identity. */
export async function unclassifiedOf(sql: Queryable, memberIds: readonly string[]): Promise<Unclassified[]> {
  const records = await sql<Unclassified[]>`
    select r.member_id as "memberId", r.type, r.id, r.version, r.origin = 'own' as "isOwn", r.body,
      r.type = 'ExplanationOfBenefit' and coalesce((select 'denied-pa' = any(i.line_findings) from exchange.identity i
        where i.peer_id = r.origin and i.type = r.type and i.source_id = r.source_id), false) as "isStripped"
    from unnest(${arrayLiteral(memberIds)}::text::text[]) m(id)
    cross join lateral (select * from exchange.resource r where r.member_id = m.id offset 0) r
    where r.labeller is distinct from ${LABELLER}`;
  return [...records];
}

/** What is decided of a record: its key, the facts by which it leaves, and the form for peers, when that is another. */
export type Decided = Omit<Unclassified, 'body' | 'isOwn' | 'isStripped'> & {
  label: number;
  serviceEnd: string | undefined;
  paState: string | undefined;
  paChanged: string | undefined;
  paEnd: string | undefined;
  withheld: string | undefined;
  shared: string | undefined;
  refers: readonly string[];
};

/**
 * Writes what the labeller says as the record's own label, which is to be inherited anew from it, and the facts beside it. A record of
 * which anything but the label becomes another moves. One that was written or decided meanwhile stays as it is.
 */
export async function writeDecided(
  tx: Queryable,
  records: readonly Decided[],
  at: string,
): Promise<{ relabelled: number }> {
  const column = (of: (r: Decided) => string | number | undefined) => arrayLiteral(records.map((r) => of(r) ?? null));
  const FACTS = (r: string) =>
    `${r}.service_end, ${r}.pa_state, ${r}.pa_changed, ${r}.pa_end, ${r}.withheld, ${r}.shared`;
  const [row] = await tx.unsafe<{ n: number }[]>(
    `with said as (
      select member_id, type, id, version, label, service_end::date, pa_state, pa_changed::date, pa_end::date, withheld, shared, nullif(refers::text[], '{}') as refers
      from unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::smallint[], $5::text::text[], $6::text::text[],
        $7::text::text[], $8::text::text[], $9::text::text[], $10::text::text[], $11::text::text[], $13::text::integer[])
        s(member_id, type, id, label, service_end, pa_state, pa_changed, pa_end, withheld, shared, refers, version)
    ), formed as (
      select s.member_id, s.type, s.id, s.version, s.label, s.service_end, s.pa_state, s.pa_changed, s.pa_end, case when o.withheld in ('${OUTLIVED}', '${DENIED_SINCE}') then o.withheld else s.withheld end as withheld, s.refers,
        coalesce(${leavingForm('o', 'coalesce(s.shared, o.body)')}, s.shared) as shared
      from said s join exchange.resource o on o.member_id = s.member_id and o.type = s.type and o.id = s.id
    ), written as (
      update exchange.resource r set labeller = ${LABELLER}, own_label = s.label, refers = s.refers,
        service_end = s.service_end, pa_state = s.pa_state, pa_changed = s.pa_changed, pa_end = s.pa_end, withheld = s.withheld,
        shared = case when o.shared is distinct from s.shared then s.shared else o.shared end,
        moved_at = case when (${FACTS('o')}) is distinct from (${FACTS('s')}) then $12::text::timestamptz else r.moved_at end
      from formed s join exchange.resource o on o.member_id = s.member_id and o.type = s.type and o.id = s.id
      where r.member_id = s.member_id and r.type = s.type and r.id = s.id and r.version = s.version and r.labeller is distinct from ${LABELLER}
      returning o.own_label is distinct from s.label or (${FACTS('o')}) is distinct from (${FACTS('s')}) as changed
    )
    select count(*) filter (where changed)::int as n from written`,
    [
      column((r) => r.memberId),
      column((r) => r.type),
      column((r) => r.id),
      column((r) => r.label),
      column((r) => r.serviceEnd),
      column((r) => r.paState),
      column((r) => r.paChanged),
      column((r) => r.paEnd),
      column((r) => r.withheld),
      column((r) => r.shared),
      column((r) => arrayLiteral(r.refers)),
      at,
      column((r) => r.version),
    ],
  );
  return { relabelled: row?.n ?? 0 };
}

/** What the audit calls it when a process begins to decide all records by its rules, and when it is through. */
export const RELABEL_BEGUN = { action: 'relabel-begun', object: 'own-records' } as const;
export const RELABELLING = { action: 'relabel', object: 'own-records' } as const;

/** `program`: rises with versions that decide otherwise; 0 when it is not known. `isDone`: all records were decided then. */
export type Decider = { labeller: string; program: number; at: Date; isDone: boolean };

/**
 * Whose rules hold: of whoever began or ended last to decide all records, as the audit tells; undefined when nobody ever did. The rows stand in
 * the order in which they were written, whatever the clocks of the processes say. audit_object.
 */
export async function lastDecider(sql: Queryable): Promise<Decider | undefined> {
  const [row] = await sql<Decider[]>`
    select coalesce(detail ->> 'labeller', '') as labeller, coalesce((detail ->> 'program')::int, 0) as program, at,
      action = ${RELABELLING.action} as "isDone" from exchange.audit
    where object = ${RELABELLING.object} and action in (${RELABELLING.action}, ${RELABEL_BEGUN.action}) order by seq desc limit 1`;
  return row;
}

/** Has any of some members a record that another labeller decided? The first one found is enough. resource_pkey. */
export async function anyUndecided(sql: Queryable, memberIds: readonly string[]): Promise<boolean> {
  const [row] = await sql`
    select from unnest(${arrayLiteral(memberIds)}::text::text[]) m(id)
    cross join lateral (
      select from exchange.resource r where r.member_id = m.id and r.labeller is distinct from ${LABELLER} and not r.deleted limit 1) r
    limit 1`;
  return row !== undefined;
}

/** Has an export of this labeller left out what was not decided, after a time? Whoever wrote that is an older program, or was when it began. */
export async function leftUndecided(sql: Queryable, since: Date): Promise<boolean> {
  const [row] = await sql`
    select from exchange.bulk_job where kind = 'export' and labeller = ${LABELLER} and transaction_time > ${since}
      and coalesce((counts ->> 'withheld-unclassified')::int, 0) > 0 limit 1`;
  return row !== undefined;
}

const RELABELLING_LOCK = 7_206_006;
const DECIDING_LOCK = 7_206_013;

/**
 * Until the transaction ends nobody else decides of these members: two who write the same records would wait for each other. All take the locks
 * in one order.
 */
export async function decideAlone(tx: Queryable, memberIds: readonly string[]): Promise<void> {
  await tx`
    select pg_advisory_xact_lock(${DECIDING_LOCK}, n) from (
      select distinct hashtext(m) as n from unnest(${arrayLiteral(memberIds)}::text::text[]) m order by n offset 0) x`;
}

/** Takes the lock of the one process that labels anew, for as long as the connection lasts. False when another has it. */
export async function holdsRelabelling(connection: Queryable): Promise<boolean> {
  const [row] = await connection<{ ok: boolean }[]>`select pg_try_advisory_lock(${RELABELLING_LOCK}) as ok`;
  return row?.ok === true;
}

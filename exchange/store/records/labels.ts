// Labels that a record inherits: what refers to a labelled record would reveal it, and is labelled like it.
import { arrayLiteral, type Queryable } from '../../../src/store/database.ts';
import { inheritedLabels } from '../../transform/inherited-labels.ts';
import { LABELLER } from '../../transform/label.ts';
import { leavingForm } from './attachment.ts';
import { ANY_LABELLED } from './revealed.ts';
import { revealingOf } from './revealing.ts';

/** Types that inherit no label: people and their cover. */
const PEOPLE = `'{Patient,Coverage,RelatedPerson}'::text[]`;
/** Types whose label is no other record's. */
const OF_THEMSELVES = `'{Patient,Coverage,RelatedPerson,Provenance}'::text[]`;

/**
 * Decides again what the records of the members of the open slice inherit, as far as references lead, and those of others. A label
 * that a record loses or gains here moves it: the next export with `_since` tells of it. Members without labelled records cost one
 * look at the primary key. Once a slice, when its records and links are written: of a member with a long history all that refers to
 * anything is read.
 * @param others members of whom something else became another that labels follow
 */
export async function inheritLabels(tx: Queryable, at: string, others: readonly string[] = []): Promise<void> {
  const members = `select member_id from pg_temp.slice
    where not is_shared and member_id is not null and outcome in ('created', 'updated', 'linked-duplicate', 'retracted')
    union select unnest($1::text::text[])`;
  await inherit(tx, members, [arrayLiteral(others)], at);
}

/** The same for all records of some members. */
export async function inheritLabelsOf(tx: Queryable, memberIds: readonly string[], at: string): Promise<number> {
  return inherit(tx, 'select unnest($1::text::text[]) as member_id', [arrayLiteral(memberIds)], at);
}

/** What is read of a record, a pair, or a label that a record has to pass on. One row each: all that it refers to stands in one text. */
type LabelRow = {
  member: string;
  what: 'record' | 'refers' | 'same' | 'seed';
  key: string;
  /** what it refers to, a key a line; the other one of a pair */
  to: string | null;
  /** of a record: its own; of a seed: what is passed on */
  label: number | null;
  /** of a record: what it has now */
  now: number | null;
};

/** Between the keys that one record refers to: in none that leads to a record. */
const BREAK = '\n';

/**
 * What refers to what is followed here and not in the statement: that would look through all references again at each step of a chain.
 * @param members select of `member_id`. @param of its parameters, from `$1`
 * @returns records whose label changed
 */
async function inherit(tx: Queryable, members: string, of: string[], at: string): Promise<number> {
  const revealing = await revealingOf(
    tx,
    `select distinct k as key from (${members}) t join exchange.resource r on r.member_id = t.member_id cross join unnest(r.links) k where ${ANY_LABELLED}`,
    of,
  );
  const [root, origin, label] = [of.length + 1, of.length + 2, of.length + 3];
  const rows = await tx.unsafe<LabelRow[]>(
    `with asked as materialized (${members}), revealing as materialized (
       select * from unnest($${root}::text::text[], $${origin}::text::text[], $${label}::text::smallint[]) v(root, origin, label)
     ), concerned as materialized (
       select t.member_id
       from asked t
       join exchange.resource r on r.member_id = t.member_id
       where r.own_label > 0 or (r.own_label is not null and r.label is distinct from r.own_label)
       union
       select r.member_id from asked t join exchange.resource r on r.member_id = t.member_id cross join unnest(r.links) k
       join revealing v on v.root = k where ${revealing.length > 0}
       union
       select t.member_id from asked t join exchange.sensitive_held h on h.member_id = t.member_id
     ), held as materialized (
       select r.member_id, r.type, r.id, r.type || '/' || r.id as key, r.origin, r.source_id, r.own_label, r.label, r.refers, r.links
       from concerned c join exchange.resource r on r.member_id = c.member_id
     ), urn as materialized (
       -- by themselves first: a plan that puts them behind the next join pairs all records of a member
       select h.member_id, h.key, h.origin, u from held h cross join unnest(h.refers) u where h.type <> all(${PEOPLE}) and u like 'urn:%'
     ), withheld as materialized (
       -- what was not taken in as it is sensitive: by what waits for it, and by what was here of it before
       select n.member_id, n.peer_id, n.type, n.source_id, n.label
       from (select distinct member_id from concerned) c join exchange.sensitive_held n on n.member_id = c.member_id
     ), waiting as materialized (
       select w.member_id, d.type || '/' || d.id as key, w.label
       from withheld w join exchange.dangling d on d.peer_id = w.peer_id and d.target_type = w.type and d.target_id = w.source_id and d.member_id = w.member_id
       where d.type <> all(${PEOPLE})
       union all
       -- or by the id that it has where it comes from
       select w.member_id, f.key, w.label
       from withheld w join urn f on f.member_id = w.member_id and f.origin = w.peer_id and f.u = 'urn:uuid:' || lower(w.source_id)
       union all
       select w.member_id, h.key, w.label
       from withheld w join held h on h.member_id = w.member_id and h.origin = w.peer_id and h.type = w.type and h.source_id = w.source_id
       where h.type <> all(${OF_THEMSELVES})
     ), seed as (
       select member_id, key, own_label as label from held where own_label > 0 and type <> all(${OF_THEMSELVES})
       union
       select h.member_id, h.key, v.label from held h cross join unnest(h.links) k join revealing v on v.root = k and (v.origin is null or v.origin = h.origin) where h.type <> all(${PEOPLE})
       union
       select member_id, key, label from waiting
     )
     select member_id as member, 'record' as what, key, null as "to", own_label as label, label as now from held where own_label > 0 or label is distinct from own_label and own_label is not null
     union all
     select member_id, 'refers', key, array_to_string(refers, e'\\n'), null, null from held where refers is not null and type <> all(${PEOPLE})
     union all
     -- by the id that the record had where it comes from, whatever its type
     select f.member_id, 'refers', f.key, t.key, null, null from urn f
     join held t on t.member_id = f.member_id and t.origin = f.origin and 'urn:uuid:' || lower(t.source_id) = f.u
     union all
     -- what is told twice is told by either
     select l.member_id, 'same', l.type || '/' || l.a_id, coalesce(l.b_type, l.type) || '/' || l.b_id, null, null from (select distinct member_id from concerned) c
     join exchange.link l on l.member_id = c.member_id and l.state = 'confirmed' and l.kind <> 'conflict' and l.type <> all(${PEOPLE})
     union all
     select member_id, 'seed', key, null, label, null from seed`,
    [
      ...of,
      arrayLiteral(revealing.map((r) => r.key)),
      arrayLiteral(revealing.map((r) => r.origin)),
      arrayLiteral(revealing.map((r) => r.label)),
    ],
  );
  const changed = changedLabels(rows);
  if (changed.length === 0) return 0;
  const moved = await tx`
    update exchange.resource r set label = d.label, moved_at = ${at}::text::timestamptz
    from unnest(${arrayLiteral(changed.map((c) => c.member))}::text::text[], ${arrayLiteral(changed.map((c) => c.key))}::text::text[],
      ${arrayLiteral(changed.map((c) => c.label))}::text::smallint[]) d(member_id, key, label)
    where r.member_id = d.member_id and r.type = split_part(d.key, '/', 1) and r.id = split_part(d.key, '/', 2)
      and r.own_label is not null and r.label is distinct from d.label`;
  return moved.count;
}

const isOfPerson = (key: string): boolean => /^(?:Patient|Coverage|RelatedPerson)\//.test(key);

/** What each record of a member would reveal. */
function edgesOf(rows: readonly LabelRow[]): { key: string; to: string }[] {
  return rows.flatMap(({ what, key, to }) => {
    const other = to ?? '';
    if (what === 'refers') return other.split(BREAK).flatMap((one) => (isOfPerson(one) ? [] : [{ key, to: one }]));
    return what === 'same'
      ? [
          { key, to: other },
          { key: other, to: key },
        ]
      : [];
  });
}

/** Records that are to have another label than now. One of which no label is read has none of its own, and shows none. */
function changedLabels(rows: readonly LabelRow[]): { member: string; key: string; label: number }[] {
  const changed: { member: string; key: string; label: number }[] = [];
  for (const [member, of] of Map.groupBy(rows, (r) => r.member)) {
    const reached = inheritedLabels({
      seeds: of.filter((r) => r.what === 'seed').map((r) => ({ key: r.key, label: r.label ?? 0 })),
      edges: edgesOf(of),
    });
    for (const r of of) {
      if (r.what !== 'record') continue;
      const label = Math.max(r.label ?? 0, reached.get(r.key) ?? 0);
      reached.delete(r.key);
      if (label !== r.now) changed.push({ member, key: r.key, label });
    }
    for (const [key, label] of reached) changed.push({ member, key, label });
  }
  return changed;
}

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
      select s.member_id, s.type, s.id, s.version, s.label, s.service_end, s.pa_state, s.pa_changed, s.pa_end, s.withheld, s.refers,
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

// Sensitivity of directory-type records: whoever names a labelled one would reveal it, and is as sensitive as it (inherit-labels.ts). What becomes of
// a Medication reaches the records that named it before, whatever the order in which they came.

import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { type LateDrug, tellLateDrugs } from './drug.ts';
import { DRUG_TYPES } from './facts/drug.ts';
import { LABELLER, labelOf } from './facts/label.ts';
import { inheritLabelsOf } from './inherit-labels.ts';
import { labelsChange } from './label-lock.ts';
import { ANY_LABELLED } from './revealed.ts';
import { namersInTurn, revealedBy, revealingOf } from './revealing.ts';
import { itsOwn } from './told-by-others.ts';

/** Notes which Medications the records of the open slice name. resource_pkey. */
export async function noteNamedDrugs(tx: Queryable): Promise<void> {
  await tx`
    insert into exchange.medication_reference (named_by, id)
    select distinct r.member_id, substr(k, 12)
    from pg_temp.slice s
    join exchange.resource r on r.member_id = s.member_id and r.type = s.type and r.id = s.local_id
    cross join unnest(r.links) k
    where not s.is_shared and s.outcome in ('created', 'updated', 'linked-duplicate')
      and exists (select from unnest(s.links) l where starts_with(l, 'Medication/')) and starts_with(k, 'Medication/')
    on conflict do nothing`;
}

/** Notes the same of records that were led to Medications that came after them. */
export async function noteLateDrugs(
  tx: Queryable,
  places: readonly { memberId: string; type: string; id: string }[],
): Promise<void> {
  if (places.length === 0) return;
  await tx`
    insert into exchange.medication_reference (named_by, id)
    select distinct r.member_id, substr(k, 12)
    from unnest(${arrayLiteral(places.map((p) => p.memberId))}::text::text[], ${arrayLiteral(places.map((p) => p.type))}::text::text[], ${arrayLiteral(places.map((p) => p.id))}::text::text[]) as p(member_id, type, id)
    join exchange.resource r on r.member_id = p.member_id and r.type = p.type and r.id = p.id
    cross join unnest(r.links) k where starts_with(k, 'Medication/') on conflict do nothing`;
}

/** The same of all that some members' records name: a program of an older version noted nothing. */
export async function noteDrugsOf(tx: Queryable, memberIds: readonly string[]): Promise<void> {
  await tx`
    insert into exchange.medication_reference (named_by, id)
    select distinct r.member_id, substr(k, 12) from unnest(${arrayLiteral(memberIds)}::text::text[]) m
    cross join lateral (select r.member_id, r.links from exchange.resource r where r.member_id = m offset 0) r
    cross join unnest(r.links) k where starts_with(k, 'Medication/') on conflict do nothing`;
}

const MEMBERS = 200;

/** Members whose records name some Medications, by themselves or by what these are made of. medication_reference_id. */
const namers = (first: string) => `
  with recursive hit(id) as (
    ${first}
    union
    select substr(n.named_by, 12) from hit h join exchange.medication_reference n on n.id = h.id and starts_with(n.named_by, 'Medication/')
  )
  select distinct n.named_by as "memberId" from hit h join exchange.medication_reference n on n.id = h.id
  where not starts_with(n.named_by, 'Medication/') order by 1`;

/** What Medications have become reaches the records of members that named them before: what these are known by, and how sensitive they are. */
async function tellNamers(tx: Queryable, named: readonly { memberId: string }[], at: string): Promise<void> {
  for (let i = 0; i < named.length; i += MEMBERS) {
    const members = named.slice(i, i + MEMBERS).map((n) => n.memberId);
    const orders = await tx<LateDrug[]>`
      select r.member_id as "memberId", r.type, r.id, r.body
      from unnest(${arrayLiteral(members)}::text::text[]) m
      cross join lateral (select * from exchange.resource r where r.member_id = m and r.type = any(${arrayLiteral(DRUG_TYPES)}::text::text[]) offset 0) r
      where not r.deleted and exists (select from unnest(r.links) k where starts_with(k, 'Medication/'))`;
    await tellLateDrugs(tx, orders);
    await inheritLabelsOf(tx, members, at);
  }
}

/** An entry that may reveal another label than before, and what it named. */
type RelabelledEntry = { key: string; links: string[] | null; isOther: boolean };

/**
 * Before the directory-type records of the open slice are written: those other than Medications whose label will be another, and, where any is
 * labelled, those that will name others. An entry of a peer that is new is named by nothing yet: what came before it is led to it later.
 */
export async function relabelledOfSlice(tx: Queryable, origin: string): Promise<readonly RelabelledEntry[]> {
  return tx.unsafe<RelabelledEntry[]>(
    `select s.type || '/' || s.local_id as key, r.links, coalesce(r.label, 0) <> coalesce(s.label, 0) as "isOther"
     from pg_temp.slice s left join exchange.shared_resource r on r.type = s.type and r.id = s.local_id
     where s.is_shared and s.type <> 'Medication' and s.outcome in ('created', 'updated')
       and ${itsOwn('r', '$1')}
       and (coalesce(r.label, 0) <> coalesce(s.label, 0) or ${ANY_LABELLED} or exists (select from pg_temp.slice where is_shared and label > 0))`,
    [origin],
  );
}

/**
 * Who names some entries, by themselves or by other entries. It is rare that one is labelled that was not: shared_resource and resource are read
 * as a whole. People and their cover inherit no label (inherit-labels.ts), but what may leave of those whom they name is another now: they move.
 */
async function namersOfEntries(tx: Queryable, first: readonly string[], at: string): Promise<string[]> {
  const keys = arrayLiteral(await namersInTurn(tx, first));
  const rows = await tx<{ memberId: string }[]>`
    select distinct member_id as "memberId" from exchange.resource where links && ${keys}::text::text[] order by 1`;
  const members = rows.map((r) => r.memberId);
  await tx`
    update exchange.resource set moved_at = ${at}::text::timestamptz
    where member_id = any(${arrayLiteral(members)}::text::text[]) and type in ('Patient', 'Coverage', 'RelatedPerson') and not deleted and links && ${keys}::text::text[]`;
  return members;
}

/** Of entries that name others than before those that reveal a label now, or did. shared_resource_pkey. */
async function turnedRevealing(tx: Queryable, entries: readonly RelabelledEntry[]): Promise<string[]> {
  if (entries.length === 0) return [];
  const were = new Map(entries.map((e) => [e.key, e.links ?? []]));
  const now = await tx<{ key: string; links: string[] }[]>`
    select k as key, coalesce(s.links, '{}') as links from unnest(${arrayLiteral([...were.keys()])}::text::text[]) k
    join exchange.shared_resource s on s.type = split_part(k, '/', 1) and s.id = split_part(k, '/', 2)`;
  const turned = now.filter((e) => e.links.join(' ') !== were.get(e.key)?.join(' ')).map((e) => e.key);
  const reveals = await revealedBy(tx, [...turned, ...turned.flatMap((key) => were.get(key) ?? [])]);
  return turned.filter((key) => reveals.has(key) || were.get(key)?.some((link) => reveals.has(link)));
}

/**
 * After the directory-type records of the open slice were written.
 * @param at instant of the transaction
 * @param copies entries of ours that are more or less sensitive now in the copy of the slice's payer
 */
export async function tellNamersOfSlice(
  tx: Queryable,
  at: string,
  entries: readonly RelabelledEntry[],
  copies: readonly string[],
): Promise<void> {
  // of one that names others now: what it reveals, or did
  const turned = entries.filter((e) => !e.isOther);
  const other = await turnedRevealing(tx, turned);
  const changed = [...entries.filter((e) => e.isOther).map((e) => e.key), ...other, ...copies];
  if (changed.length > 0) {
    const members = await namersOfEntries(tx, changed, at);
    for (let i = 0; i < members.length; i += MEMBERS) await inheritLabelsOf(tx, members.slice(i, i + MEMBERS), at);
  }
  const come = `s.is_shared and s.type = 'Medication' and s.outcome in ('created', 'updated')`;
  await tx.unsafe(
    `insert into exchange.medication_reference (named_by, id)
     select distinct 'Medication/' || s.local_id, substr(k, 12)
     from pg_temp.slice s join exchange.shared_resource r on r.type = s.type and r.id = s.local_id cross join unnest(r.links) k
     where ${come} and starts_with(k, 'Medication/') on conflict do nothing`,
  );
  const named = await tx.unsafe<{ memberId: string }[]>(namers(`select s.local_id from pg_temp.slice s where ${come}`));
  await tellNamers(tx, named, at);
}

/** `label` null: nobody decided it. */
type Undecided = { type: string; id: string; version: number; label: number | null; body: string };

const ENTRIES_LOCK = 7_206_014;

/** Two who decide the same would wait for each other: one after the other. First in a transaction. */
async function decide(tx: Queryable, records: readonly Undecided[], at: string): Promise<void> {
  if (records.length === 0) return;
  const labels = records.map((r) => labelOf(JSON.parse(r.body) as Resource));
  if (records.some((r, i) => (r.label ?? 0) !== labels[i])) await labelsChange(tx);
  await tx`select pg_advisory_xact_lock(${ENTRIES_LOCK})`;
  const raised = await tx<{ id: string }[]>`
    with said as (
      select * from unnest(${arrayLiteral(records.map((r) => r.type))}::text::text[], ${arrayLiteral(records.map((r) => r.id))}::text::text[],
        ${arrayLiteral(records.map((r) => r.version))}::text::integer[], ${arrayLiteral(labels)}::text::smallint[])
        s(type, id, version, label)
    ), was as materialized (
      select s.type, s.id, coalesce(r.label, 0) as label from said s join exchange.shared_resource r on r.type = s.type and r.id = s.id
    ), written as (
      update exchange.shared_resource r set label = s.label, labeller = ${LABELLER} from said s
      where r.type = s.type and r.id = s.id and r.version = s.version returning r.type, r.id, r.label
    )
    select w.id from written w join was using (type, id) where w.type = 'Medication' and w.label <> was.label`;
  const drugs = records.filter((r) => r.type === 'Medication').map((r) => r.id);
  await tx`
    insert into exchange.medication_reference (named_by, id)
    select distinct 'Medication/' || s.id, substr(k, 12) from exchange.shared_resource s cross join unnest(s.links) k
    where s.type = 'Medication' and s.id = any(${arrayLiteral(drugs)}::text::text[]) and starts_with(k, 'Medication/') on conflict do nothing`;
  if (raised.length === 0) return;
  const named = await tx.unsafe<{ memberId: string }[]>(namers('select unnest($1::text::text[])'), [
    arrayLiteral(raised.map((r) => r.id)),
  ]);
  for (let i = 0; i < named.length; i += MEMBERS)
    await inheritLabelsOf(
      tx,
      named.slice(i, i + MEMBERS).map((n) => n.memberId),
      at,
    );
}

/** Decides those that some members' records name, and that these name in turn, where another labeller did, or none. Primary keys. */
export async function decideSharedOf(tx: Queryable, memberIds: readonly string[], at: string): Promise<void> {
  const records = await tx<Undecided[]>`
    with recursive named(key) as (
      select distinct k from unnest(${arrayLiteral(memberIds)}::text::text[]) m
      cross join lateral (select r.links from exchange.resource r where r.member_id = m offset 0) r cross join unnest(r.links) k
      union
      select l from named n join exchange.shared_resource s on s.type = split_part(n.key, '/', 1) and s.id = split_part(n.key, '/', 2) cross join unnest(s.links) l
    )
    select s.type, s.id, s.version, s.label, s.body from named n
    join exchange.shared_resource s on s.type = split_part(n.key, '/', 1) and s.id = split_part(n.key, '/', 2)
    where s.labeller is distinct from ${LABELLER} order by s.type, s.id`;
  await decide(tx, records, at);
}

/** Which of some members have a record that is less sensitive than an entry that it names, or that such a one names in turn. Primary keys. */
export async function lessThanNamed(tx: Queryable, memberIds: readonly string[]): Promise<string[]> {
  const links = `from unnest($1::text::text[]) m
     cross join lateral (select r.origin, r.label, r.links from exchange.resource r where r.member_id = m and not r.deleted and ${ANY_LABELLED} offset 0) r
     cross join unnest(r.links) k`;
  const members = arrayLiteral(memberIds);
  const revealing = await revealingOf(tx, `select distinct k as key ${links}`, [members]);
  if (revealing.length === 0) return [];
  const rows = await tx.unsafe<{ id: string }[]>(
    `select distinct m as id ${links}
     join unnest($2::text::text[], $3::text::text[], $4::text::smallint[]) v(key, origin, label)
       on v.key = k and (v.origin is null or v.origin = r.origin) and v.label > coalesce(r.label, 0)`,
    [
      members,
      arrayLiteral(revealing.map((r) => r.key)),
      arrayLiteral(revealing.map((r) => r.origin)),
      arrayLiteral(revealing.map((r) => r.label)),
    ],
  );
  return rows.map((r) => r.id);
}

const PAGE = 1000;

/**
 * Decides the next ones of all after a place.
 * @returns the place to go on from; undefined when there are no more. shared_resource_pkey
 */
export async function decideSharedAfter(
  tx: Queryable,
  [type, id]: readonly [string, string],
  at: string,
): Promise<[string, string] | undefined> {
  const records = await tx<Undecided[]>`
    select s.type, s.id, s.version, s.label, s.body from exchange.shared_resource s
    where (s.type, s.id) > (${type}, ${id}) and s.labeller is distinct from ${LABELLER} order by s.type, s.id limit ${PAGE}`;
  await decide(tx, records, at);
  const last = records.at(-1);
  return last && [last.type, last.id];
}

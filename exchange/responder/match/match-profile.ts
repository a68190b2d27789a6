// What matching compares: one row a member, and the tokens by which it is found. Made of the member's own Patient (every name) and
// enrolment (every card), and of what the Patients of those say who go on as the member, but for the birth date; never of a peer's data.

import { arrayLiteral, type Queryable, type Sql } from '../../../src/db/database.ts';
import { objects, type Resource, strings, text } from '../../../src/fhir/resource.ts';
import { birthDate, emails, familyName, givenNames, memberIds, phones, streets, tokens } from './normalize.ts';

const MBI_SYSTEM = 'http://hl7.org/fhir/sid/us-mbi';
const PAGE = 1000;

/** A member whose profile is to be made, with the texts of the Patient, if there is one, and of those who go on as the member. */
type PersonRow = {
  id: string;
  umbs: string[];
  body: string | null;
  formers: string[];
  numbers: string[] | null;
  subscribers: string[] | null;
  /** YYYY-MM-DD, as an enrolment file says, of any whose cards the member has */
  died: string | null;
};

/** What a Patient says of death, as the last day that may be meant; `-infinity` when it says only that. */
function dayOfDeath(patient: Resource): string | null {
  const stated = text(patient['deceasedDateTime']) ?? (patient['deceasedBoolean'] === true ? 'true' : undefined);
  if (stated === undefined) return null;
  if (/^\d{4}-\d\d-\d\d/.test(stated)) return stated.slice(0, 10);
  if (/^\d{4}-\d\d$/.test(stated))
    return new Date(Date.UTC(Number(stated.slice(0, 4)), Number(stated.slice(5)), 0)).toISOString().slice(0, 10);
  return /^\d{4}$/.test(stated) ? `${stated}-12-31` : '-infinity';
}

function profileOf(row: PersonRow, now: Date) {
  const patient: Resource = row.body === null ? { resourceType: 'Patient' } : (JSON.parse(row.body) as Resource);
  const all = [patient, ...row.formers.map((f) => JSON.parse(f) as Resource)];
  const every = (element: string) => all.flatMap((p) => objects(p[element]));
  const names = every('name');
  const families = names.map((n) => familyName(text(n['family']), strings(n['suffix'])));
  const telecoms = (systems: readonly string[]) =>
    every('telecom')
      .filter((t) => systems.includes(text(t['system']) ?? ''))
      .map((t) => text(t['value']));
  const mbis = every('identifier').filter((i) => i['system'] === MBI_SYSTEM);
  const numbers = row.numbers ?? [];
  const died = dayOfDeath(patient);
  return {
    id: row.id,
    family: [...new Set(families.flatMap((f) => f.names))],
    given: [...new Set(names.flatMap((n) => givenNames(strings(n['given']))))],
    suffix: [...new Set(families.flatMap((f) => f.suffix))],
    dob: birthDate(text(patient['birthDate']), now),
    mb: numbers.flatMap(memberIds),
    // a card number may be all that a peer knows of the policy: it counts as subscriber id too, with the full name
    sub: [...new Set([...(row.subscribers ?? []), ...numbers].flatMap(memberIds))],
    mbi: [...new Set(mbis.flatMap((i) => memberIds(text(i['value']))))],
    umb: row.umbs.flatMap(memberIds),
    street: every('address').flatMap((a) => streets(strings(a['line'])[0], text(a['postalCode']))),
    phone: telecoms(['phone', 'sms']).flatMap(phones),
    email: telecoms(['email']).flatMap(emails),
    // the record of the person before what a file says, unless it does not say when
    died: died === null || died === '-infinity' ? (row.died ?? died) : died,
  };
}

/** Those of some members who go on as another are not found any more. Returns them with the other. member_merge_former. */
async function forgetFormers(tx: Queryable, members: readonly string[]): Promise<{ id: string; stays: string }[]> {
  const formers = await tx<{ id: string; stays: string }[]>`
    select former_id as id, member_id as stays from exchange.member_merge where former_id = any(${arrayLiteral(members)}::text::text[])
      and undone_at is null`;
  if (formers.length === 0) return [];
  const ids = arrayLiteral(formers.map((f) => f.id));
  await tx`delete from exchange.member_token where member_id = any(${ids}::text::text[])`;
  await tx`delete from exchange.member_profile where member_id = any(${ids}::text::text[])`;
  return [...formers];
}

/**
 * Makes the profiles of members again, of who goes on as another that one's, and writes those that differ, with their
 * tokens, which follow from them alone: a program that makes tokens in another way has a migration that empties both.
 * member_profile_pkey, member_token_member.
 */
export async function refreshProfiles(tx: Queryable, members: readonly string[], now: Date): Promise<void> {
  if (members.length === 0) return;
  const formers = await forgetFormers(tx, members);
  const gone = new Set(formers.map((f) => f.id));
  const people = await tx<PersonRow[]>`
    select m.id, p.body,
      coalesce(m.died, (
        select max(f.died) from exchange.member_merge g join exchange.member f on f.id = g.former_id where g.member_id = m.id
          and g.undone_at is null))::text as died,
      array[m.umb] || array(
        select f.umb from exchange.member_merge g join exchange.member f on f.id = g.former_id where g.member_id = m.id
          and g.undone_at is null) as umbs,
      array(
        select r.body from exchange.member_merge g join exchange.resource r on r.member_id = g.former_id and r.type = 'Patient'
          and r.id = g.former_id and not r.deleted
        where g.member_id = m.id and g.undone_at is null order by g.at, g.id) as formers,
      (select array_agg(distinct e.member_number) from exchange.enrolment e where e.member_id = m.id) as numbers,
      (select array_agg(distinct e.subscriber_id) from exchange.enrolment e where e.member_id = m.id
        and e.subscriber_id is not null) as subscribers
    from exchange.member m
    left join lateral (
      select r.body from exchange.resource r where r.member_id = m.id and r.type = 'Patient' and r.id = m.id and not r.deleted offset 0) p
        on true
    where m.id = any(${arrayLiteral([...members.filter((id) => !gone.has(id)), ...formers.map((f) => f.stays)])}::text::text[])`;
  const profiles = people.map((row) => profileOf(row, now));
  const written = await tx<{ id: string }[]>`
    insert into exchange.member_profile as known (member_id, family, given, suffix, dob, mb, sub, mbi, umb, street, phone, email, died)
    select id, family, given, suffix, dob, mb, sub, mbi, umb, street, phone, email, died
    from jsonb_to_recordset(${JSON.stringify(profiles)}::text::jsonb) as p(id text, family text[], given text[], suffix text[], dob text[],
      mb text[], sub text[], mbi text[], umb text[],
      street text[], phone text[], email text[], died date)
    on conflict (member_id) do update set family = excluded.family, given = excluded.given, suffix = excluded.suffix, dob = excluded.dob,
      mb = excluded.mb, sub = excluded.sub, mbi = excluded.mbi, umb = excluded.umb,
      street = excluded.street, phone = excluded.phone, email = excluded.email, died = excluded.died
    where known.* is distinct from excluded.*
    returning member_id as id`;
  if (written.length === 0) return;
  const changed = new Set(written.map((w) => w.id));
  const all = profiles.filter((p) => changed.has(p.id)).flatMap((p) => tokens(p).map((t) => ({ id: p.id, ...t })));
  await tx`delete from exchange.member_token where member_id = any(${arrayLiteral([...changed])}::text::text[])`;
  await tx`
    insert into exchange.member_token (kind, hash, member_id)
    select distinct kind, hashtextextended(t, kind), id
    from unnest(${all.map((t) => t.kind)}::smallint[], ${all.map((t) => t.text)}::text[], ${all.map((t) => t.id)}::text[]) as x(kind, t,
      id)`;
}

/** Whose Patient the open slice changes: their profiles are due, also when the import ends before it comes to them. */
export async function noteDueProfiles(tx: Queryable): Promise<void> {
  await tx`
    insert into exchange.profile_due (member_id)
    select member_id from pg_temp.slice where type = 'Patient' and outcome in ('created', 'updated', 'retracted') and member_id = local_id
    on conflict do nothing`;
}

/** Takes those of some members that are due; the caller makes them in the same transaction. profile_due_pkey. */
export async function takeDueProfiles(tx: Queryable, members: readonly string[]): Promise<string[]> {
  const due = await tx<{ id: string }[]>`
    delete from exchange.profile_due where member_id = any(${arrayLiteral(members)}::text::text[]) returning member_id as id`;
  return due.map((d) => d.id);
}

/** Makes all that are due, a page a transaction. */
export async function refreshDueProfiles(sql: Sql, now: Date): Promise<void> {
  for (;;) {
    const taken = await sql.begin(async (tx) => {
      const due = await tx<{ id: string }[]>`
        delete from exchange.profile_due where member_id = any(array(
          select member_id from exchange.profile_due order by member_id limit ${PAGE} for update skip locked)) returning member_id as id`;
      await refreshProfiles(
        tx,
        due.map((d) => d.id),
        now,
      );
      return due.length;
    });
    if (taken === 0) return;
  }
}

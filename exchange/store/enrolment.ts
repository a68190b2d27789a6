// Writing enrolment: coverage with us, other coverage, choices, and what matching compares. Set-based, a batch at a time.
import { arrayLiteral, type Queryable } from '../../src/store/database.ts';
import { birthDate, emails, familyName, givenNames, memberIds, phones, streets, tokens } from '../match/normalize.ts';
import type { CoverageRow } from '../members/coverage.ts';
import type { Enrolment } from '../members/enrolment.ts';
import { notSaidYet, type Said } from '../members/said-choices.ts';
import { isFormerSql } from './member-merge.ts';

/** How many of each were new. */
export type EnrolmentCounts = { members: number; enrolments: number; otherCoverages: number; choices: number };

/** Members that a batch names and that are not there yet become members. */
export async function addEnrolled(tx: Queryable, rows: readonly Enrolment[]): Promise<number> {
  const added = await tx`
    insert into exchange.member (id, umb)
    select id, 'U-' || replace(gen_random_uuid()::text, '-', '') from (select distinct unnest(${rows.map((r) => r.memberId)}::text[]) as id) d
    on conflict do nothing returning id`;
  return added.length;
}

/**
 * Coverage, other payers and choices of a batch. A payer is linked to a registered peer by id, NPI or name.
 * Running it again changes nothing; a new end date of a known coverage is taken over. Who says no after a yes withdraws; of one day the
 * later row holds, and that of the later file.
 */
export async function writeEnrolment(
  tx: Queryable,
  rows: readonly CoverageRow[],
  source: string,
): Promise<Omit<EnrolmentCounts, 'members'>> {
  const enrolments = await tx`
    insert into exchange.enrolment (member_id, member_number, subscriber_id, plan, starts, ends, lob, accepted_on)
    select distinct on (m, n, s) m, n, sub, p, s::date, e::date, l, a::date
    from unnest(${rows.map((r) => r.memberId)}::text[], ${rows.map((r) => r.memberNumber)}::text[], ${rows.map((r) => r.subscriberId ?? null)}::text[],
      ${rows.map((r) => r.plan)}::text[], ${rows.map((r) => r.starts)}::text[], ${rows.map((r) => r.ends ?? null)}::text[],
      ${rows.map((r) => r.lob)}::text[], ${rows.map((r) => r.acceptedOn ?? null)}::text[]) with ordinality as t(m, n, sub, p, s, e, l, a, place)
    order by m, n, s, place desc
    on conflict (member_id, member_number, starts) do update set ends = excluded.ends, plan = excluded.plan, subscriber_id = excluded.subscriber_id,
        lob = excluded.lob, accepted_on = coalesce(excluded.accepted_on, exchange.enrolment.accepted_on)
      where (exchange.enrolment.ends, exchange.enrolment.plan, exchange.enrolment.subscriber_id, exchange.enrolment.lob, exchange.enrolment.accepted_on)
        is distinct from (excluded.ends, excluded.plan, excluded.subscriber_id, excluded.lob, coalesce(excluded.accepted_on, exchange.enrolment.accepted_on))
    returning 1`;
  const prior = rows.filter((r) => r.prior !== undefined);
  const other = await tx`
    insert into exchange.other_coverage (id, member_id, payer, peer_id, member_number, starts, ends)
    select distinct on (m, p, n) gen_random_uuid()::text, m, p,
      (select id from exchange.peer where id = p or npi = p or lower(name) = lower(p) order by id = p desc, npi = p desc, id limit 1), n, s::date, e::date
    from unnest(${prior.map((r) => r.memberId)}::text[], ${prior.map((r) => r.prior?.payer ?? '')}::text[], ${prior.map((r) => r.prior?.memberNumber ?? '')}::text[],
      ${prior.map((r) => r.prior?.starts ?? null)}::text[], ${prior.map((r) => r.prior?.ends ?? null)}::text[]) as t(m, p, n, s, e)
    on conflict (member_id, payer, member_number) do update set peer_id = excluded.peer_id, starts = excluded.starts, ends = excluded.ends,
        ends_known_at = case when exchange.other_coverage.ends is distinct from excluded.ends then now() else exchange.other_coverage.ends_known_at end
      where (exchange.other_coverage.peer_id, exchange.other_coverage.starts, exchange.other_coverage.ends) is distinct from (excluded.peer_id, excluded.starts, excluded.ends)
    returning 1`;
  const choices = await writeChoices(
    tx,
    rows.flatMap(({ memberId, choice }) => (choice === undefined ? [] : [{ memberId, ...choice }])),
    source,
  );
  return { enrolments: enrolments.length, otherCoverages: other.length, choices };
}

/** Writes those that are new, for one writer of a member at a time. Returns how many. consent_member. */
async function writeChoices(tx: Queryable, said: readonly Said[], source: string): Promise<number> {
  if (said.length === 0) return 0;
  const members = arrayLiteral([...new Set(said.map((s) => s.memberId))].sort());
  await tx`select from exchange.member where id = any(${members}::text::text[]) order by id for update`;
  const known = await tx<Said[]>`
    select member_id as "memberId", choice = 'opt-in' as "optIn", policy, recorded_on::text as on from exchange.consent
    where member_id = any(${members}::text::text[]) and given_at is null order by recorded_on, created_at`;
  const fresh = notSaidYet(known, said);
  const choices = await tx`
    with t as materialized (
      select m, c, p, d::date as d, a, place from unnest(${fresh.map((s) => s.memberId)}::text[], ${fresh.map((s) => (s.optIn ? 'opt-in' : 'decline'))}::text[],
      ${fresh.map((s) => s.policy)}::text[], ${fresh.map((s) => s.on)}::text[], ${fresh.map((s) => s.again)}::smallint[]) with ordinality as t(m, c, p, d, a, place)
    )
    insert into exchange.consent (id, member_id, choice, policy, recorded_on, again, source, created_at)
    select gen_random_uuid()::text, t.m, case when t.c = 'decline' and before.choice = 'opt-in' then 'withdraw' else t.c end, t.p, t.d, t.a, ${source}, now() + t.place * interval '1 microsecond'
    from t left join lateral (
      select b.choice from (
        select x.choice, x.recorded_on as d, 0 as is_here, extract(epoch from x.created_at) as place from exchange.consent x where x.member_id = t.m and x.recorded_on <= t.d
        union all
        select o.c, o.d, 1, o.place from t o where o.m = t.m and (o.d, o.place) < (t.d, t.place)
      ) b order by b.d desc, b.is_here desc, b.place desc limit 1) before on true
    order by t.place returning 1`;
  return choices.length;
}

/**
 * Ends coverage that is known: what one member has under a number (and birth date, where it is said) and began by then. Known to have
 * ended then, or before, it stays as it is. In the order given: whose it is, null when nobody's, and how many changed.
 */
export async function endCoverage(
  tx: Queryable,
  ends: readonly { memberNumber: string; birthDate: string | undefined; endsOn: string }[],
): Promise<{ memberId: string | null; changed: number }[]> {
  if (ends.length === 0) return [];
  const rows = await tx<{ place: number; memberId: string | null; changed: number }[]>`
    with said as materialized (
      select n, b, e::date as e, place::int as place
      from unnest(${ends.map((x) => x.memberNumber)}::text[], ${ends.map((x) => x.birthDate ?? null)}::text[], ${ends.map((x) => x.endsOn)}::text[]) with ordinality as t(n, b, e, place)
    ), whose as materialized (
      select s.place, s.n, s.e, min(c.member_id) as member_id
      from said s join exchange.enrolment c on c.member_number = s.n and c.starts <= s.e
      left join exchange.member_profile p on p.member_id = c.member_id
      where s.b is null or p.dob is null or cardinality(p.dob) = 0 or s.b = any(p.dob)
      group by s.place, s.n, s.e having count(distinct c.member_id) = 1
    ), changed as (
      update exchange.enrolment c set ends = w.e
      from (select n, member_id, min(e) as e from whose group by n, member_id) w
      where c.member_id = w.member_id and c.member_number = w.n and c.starts <= w.e and (c.ends is null or c.ends > w.e) returning c.member_id
    )
    select s.place, w.member_id as "memberId", (select count(*)::int from changed x where x.member_id = w.member_id) as changed
    from said s left join whose w using (place) order by s.place`;
  return rows.map(({ memberId, changed }) => ({ memberId, changed }));
}

/**
 * Coverage under a card that another one took the place of is over when that under the new one begins; of the same day, it lasted that day.
 * Returns how many changed. enrolment_pkey.
 */
export async function endFormer(
  tx: Queryable,
  rows: readonly Pick<Enrolment, 'memberId' | 'formerNumber' | 'starts'>[],
): Promise<number> {
  const named = rows.filter((r) => r.formerNumber !== undefined);
  if (named.length === 0) return 0;
  const ended = await tx`
    update exchange.enrolment c set ends = greatest(c.starts, t.starts - 1)
    from (select m, n, min(s::date) as starts
      from unnest(${named.map((r) => r.memberId)}::text[], ${named.map((r) => r.formerNumber ?? '')}::text[], ${named.map((r) => r.starts)}::text[]) as t(m, n, s) group by m, n) t
    where c.member_id = t.m and c.member_number = t.n and (c.ends is null or c.ends > greatest(c.starts, t.starts - 1)) returning 1`;
  return ended.length;
}

/** Who holds a card, with the birth dates that we know of the person and all numbers of the person's cards. */
export type CardHolder = { memberId: string; born: string[]; numbers: string[] };

/** Holders of numbers that exactly one member has. */
export async function cardHolders(sql: Queryable, numbers: readonly string[]): Promise<Map<string, CardHolder>> {
  const rows = await sql<{ n: string; memberId: string; born: string[] | null; numbers: string[] }[]>`
    select c.n, c.member_id as "memberId", p.dob as born,
      array(select distinct e.member_number from exchange.enrolment e where e.member_id = c.member_id order by 1) as numbers from (
      select member_number as n, min(member_id) as member_id from exchange.enrolment where member_number = any(${[...numbers]}::text[])
      group by member_number having count(distinct member_id) = 1) c
    left join exchange.member_profile p on p.member_id = c.member_id`;
  return new Map(rows.map((r) => [r.n, { memberId: r.memberId, born: r.born ?? [], numbers: r.numbers }]));
}

/** Links other coverage that named a payer before it was registered. Returns how many. */
export async function linkOtherCoverage(
  tx: Queryable,
  peer: { id: string; npi: string | null; name: string },
): Promise<number> {
  const linked = await tx`
    update exchange.other_coverage set peer_id = ${peer.id}
    where peer_id is null and (payer = ${peer.id} or payer = ${peer.npi} or lower(payer) = lower(${peer.name})) returning 1`;
  return linked.length;
}

type Former = {
  name?: PersonRow['names'];
  identifier?: { system?: string; value?: string }[];
  address?: PersonRow['addresses'];
  telecom?: PersonRow['telecoms'];
};

type PersonRow = {
  member_id: string;
  umbs: string[];
  names: { family?: string; given?: string[]; suffix?: string[] }[] | null;
  births: string[] | null;
  numbers: string[] | null;
  subscribers: string[] | null;
  mbis: string[] | null;
  addresses: { line?: string[]; postalCode?: string }[] | null;
  telecoms: { system?: string; value?: string }[] | null;
  died: string | null;
  /** Patients of members who go on as this one: how else the person is called, and reached */
  formers: Former[] | null;
};

const MBI = 'http://hl7.org/fhir/sid/us-mbi';
const asList = <T>(value: T[] | null): T[] => (Array.isArray(value) ? value : []);

/** What a Patient says of death, as the last day that may be meant; `-infinity` when it says only that. */
function dayOfDeath(told: string | null): string | null {
  if (told === null || told === 'false') return null;
  if (/^\d{4}-\d\d-\d\d/.test(told)) return told.slice(0, 10);
  if (/^\d{4}-\d\d$/.test(told))
    return new Date(Date.UTC(Number(told.slice(0, 4)), Number(told.slice(5)), 0)).toISOString().slice(0, 10);
  return /^\d{4}$/.test(told) ? `${told}-12-31` : '-infinity';
}

/**
 * Rebuilds what matching compares for members, from their Patient (every name) and their enrolment (every card); of one that others go on as, with what
 * theirs say, but for the birth date. Who goes on as another is not found. Own data only, never a peer's.
 */
export async function refreshProfiles(tx: Queryable, memberIdList: readonly string[], now: Date): Promise<void> {
  const people = await tx<PersonRow[]>`
    select m.id as member_id, array[m.umb] || array(select f.umb from exchange.member_merge g join exchange.member f on f.id = g.former_id where g.member_id = m.id and g.undone_at is null) as umbs,
      p.names, p.births, p.mbis, p.addresses, p.telecoms, p.died,
      (select jsonb_agg(r.body::jsonb) from exchange.member_merge g join exchange.resource r on r.member_id = g.former_id and r.type = 'Patient' and r.id = g.former_id and not r.deleted
        where g.member_id = m.id and g.undone_at is null) as formers,
      (select array_agg(distinct e.member_number) from exchange.enrolment e where e.member_id = m.id) as numbers,
      (select array_agg(distinct e.subscriber_id) from exchange.enrolment e where e.member_id = m.id and e.subscriber_id is not null) as subscribers
    from exchange.member m
    left join lateral (
      select (r.body::jsonb)->'name' as names, (r.body::jsonb)->'address' as addresses, (r.body::jsonb)->'telecom' as telecoms,
        coalesce((r.body::jsonb)->>'deceasedDateTime', (r.body::jsonb)->>'deceasedBoolean') as died, array[(r.body::jsonb)->>'birthDate'] as births,
        (select array_agg(i->>'value') from jsonb_array_elements((r.body::jsonb)->'identifier') i where i->>'system' = 'http://hl7.org/fhir/sid/us-mbi') as mbis
      from exchange.resource r where r.member_id = m.id and r.type = 'Patient' and r.id = m.id and not r.deleted
    ) p on true
    where m.id = any(${[...memberIdList]}::text[]) and not ${tx.unsafe(isFormerSql('m.id'))}`;
  const profiles = people.map((row) => {
    const family = new Set<string>();
    const suffix = new Set<string>();
    const given = new Set<string>();
    const formers = asList(row.formers);
    const addresses = [...asList(row.addresses), ...formers.flatMap((f) => asList(f.address ?? null))];
    const telecoms = [...asList(row.telecoms), ...formers.flatMap((f) => asList(f.telecom ?? null))];
    const mbis = formers
      .flatMap((f) => asList(f.identifier ?? null))
      .flatMap((i) => (i.system === MBI && i.value ? [i.value] : []));
    for (const name of [...asList(row.names), ...formers.flatMap((f) => asList(f.name ?? null))]) {
      const read = familyName(name.family, name.suffix ?? []);
      for (const n of read.names) family.add(n);
      for (const s of read.suffix) suffix.add(s);
      for (const g of givenNames(name.given ?? [])) given.add(g);
    }
    return {
      id: row.member_id,
      family: [...family],
      given: [...given],
      suffix: [...suffix],
      dob: (row.births ?? []).flatMap((b) => birthDate(b, now)),
      mb: (row.numbers ?? []).flatMap(memberIds),
      // a card number may be all that a peer knows of the policy: it counts as subscriber id too, with the full name
      sub: [...new Set([...(row.subscribers ?? []), ...(row.numbers ?? [])].flatMap(memberIds))],
      mbi: [...new Set([...(row.mbis ?? []), ...mbis].flatMap(memberIds))],
      umb: row.umbs.flatMap(memberIds),
      street: addresses.flatMap((a) => streets(a.line?.[0], a.postalCode)),
      phone: telecoms.flatMap((t) => (t.system === 'phone' || t.system === 'sms' ? phones(t.value) : [])),
      email: telecoms.flatMap((t) => (t.system === 'email' ? emails(t.value) : [])),
      died: dayOfDeath(row.died),
    };
  });
  const json = JSON.stringify(profiles);
  await tx`
    insert into exchange.member_profile (member_id, family, given, suffix, dob, mb, sub, mbi, umb, street, phone, email, died)
    select id, family, given, suffix, dob, mb, sub, mbi, umb, street, phone, email, died
    from jsonb_to_recordset(${json}::text::jsonb) as p(id text, family text[], given text[], suffix text[], dob text[], mb text[], sub text[], mbi text[], umb text[],
      street text[], phone text[], email text[], died date)
    on conflict (member_id) do update set family = excluded.family, given = excluded.given, suffix = excluded.suffix, dob = excluded.dob,
      mb = excluded.mb, sub = excluded.sub, mbi = excluded.mbi, umb = excluded.umb,
      street = excluded.street, phone = excluded.phone, email = excluded.email, died = excluded.died`;
  const all = profiles.flatMap((p) => tokens(p).map((t) => ({ id: p.id, kind: t.kind, text: t.text })));
  await tx`delete from exchange.member_token where member_id = any(${[...memberIdList]}::text[])`;
  await tx`delete from exchange.member_profile p where p.member_id = any(${[...memberIdList]}::text[]) and ${tx.unsafe(isFormerSql('p.member_id'))}`;
  await tx`
    insert into exchange.member_token (kind, hash, member_id)
    select distinct kind, hashtextextended(t, kind), id
    from unnest(${all.map((t) => t.kind)}::smallint[], ${all.map((t) => t.text)}::text[], ${all.map((t) => t.id)}::text[]) as x(kind, t, id)`;
}

/** Members who named a peer as their other payer. Reads other_coverage whole: once, when a peer is added. */
export async function countLinked(sql: Queryable, peerId: string): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(distinct member_id)::int as n from exchange.other_coverage where peer_id = ${peerId}`;
  return row?.n ?? 0;
}

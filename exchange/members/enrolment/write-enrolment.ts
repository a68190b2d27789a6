// Writing enrolment: coverage with us, other coverage, choices. Set-based, a batch at a time; what is there already is only read.
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { choicesOf, type KnownChoice, notSaidYet, type Said } from '../consent/file-choices.ts';
import { tellsAllowedSql } from '../merge/member-merge.ts';
import type { CoverageRow } from './coverage.ts';
import type { CardCoverage } from './next-member-id.ts';
import { type Card, settleCards } from './next-member-id-rows.ts';

/** How many of each were new. */
export type EnrolmentCounts = { enrolments: number; otherCoverages: number; choices: number };

/** Which of these are members. member_pkey. */
export async function membersAmong(sql: Queryable, ids: readonly string[]): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select m.id from (select distinct unnest(${arrayLiteral(ids)}::text::text[]) as id) u join exchange.member m using (id)`;
  return rows.map((r) => r.id);
}

/** Members that a batch names and that are not there yet become members. */
export async function addEnrolled(tx: Queryable, memberIds: readonly string[]): Promise<void> {
  if (memberIds.length === 0) return;
  await tx`
    insert into exchange.member (id, umb)
    select id, 'U-' || replace(gen_random_uuid()::text, '-', '')
      from (select distinct unnest(${arrayLiteral(memberIds)}::text::text[]) as id) d
    on conflict do nothing`;
}

/**
 * Writes what rows say of death, of several about one member the later one. What says nothing of it changes nothing.
 * Whose it changed: their profiles are to be made again. member_pkey.
 */
export async function writeDeaths(
  tx: Queryable,
  rows: readonly { memberId: string; died: string | null | undefined }[],
): Promise<string[]> {
  const said = rows.filter((r) => r.died !== undefined);
  if (said.length === 0) return [];
  const changed = await tx<{ id: string }[]>`
    update exchange.member m set died = t.d
    from (select distinct on (id) id, d::date as d
      from unnest(${said.map((r) => r.memberId)}::text[], ${said.map((r) => r.died ?? null)}::text[]) with ordinality as t(id, d, place)
        order by id, place desc) t
    where m.id = t.id and m.died is distinct from t.d returning m.id`;
  return changed.map((r) => r.id);
}

/** On which days those of these members died of whom that was stated. member_pkey. */
export async function knownDeaths(sql: Queryable, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await sql<{ id: string; died: string }[]>`
    select m.id, m.died::text as died from (select distinct unnest(${arrayLiteral(ids)}::text::text[]) as id) u
    cross join lateral (select x.id, x.died from exchange.member x where x.id = u.id offset 0) m where m.died is not null`;
  return new Map(rows.map((r) => [r.id, r.died]));
}

/**
 * What is stated to be over under a card is over in all that the member has under it in that plan and line of business,
 * began by then and no row of the batch tells: a first day that was put right, or a new year, leaves one beside it that
 * no file would name again. enrolment_number.
 */
async function endBeside(tx: Queryable, rows: readonly CoverageRow[]): Promise<Card[]> {
  const over = rows.filter((r) => r.ends !== undefined && r.ends !== r.starts && r.isBeside !== true);
  if (over.length === 0) return [];
  const statedOf = new Map<string, string[]>();
  const cardOf = (r: CoverageRow) => JSON.stringify([r.memberId, r.memberNumber]);
  for (const r of rows) statedOf.set(cardOf(r), [...(statedOf.get(cardOf(r)) ?? []), r.starts]);
  return [
    ...(await tx<Card[]>`
      update exchange.enrolment c set ends = least(c.ends, t.e), said_ends = case when c.ends < t.e then t.e end
      from (
        select m, n, l, p, max(e::date) as e, stated from unnest(
          ${over.map((r) => r.memberId)}::text[], ${over.map((r) => r.memberNumber)}::text[], ${over.map((r) => r.lob)}::text[],
            ${over.map((r) => r.plan)}::text[],
          ${over.map((r) => r.ends ?? null)}::text[], ${over.map((r) => (statedOf.get(cardOf(r)) ?? []).join(' '))}::text[]) t(m, n, l, p,
            e, stated) group by m, n, l, p, stated) t
      where c.member_id = t.m and c.member_number = t.n and c.lob = t.l and c.plan = t.p and c.starts <= t.e
        and coalesce(c.said_ends, c.ends, 'infinity'::date) > t.e and not c.starts::text = any(string_to_array(t.stated, ' '))
      returning c.member_id as "memberId", c.member_number as "memberNumber", c.starts::text as starts`),
  ];
}

/** What a batch changed; whose coverage with us did, for what matching compares. */
export type Enrolled = { enrolments: number; otherCoverages: number; choices: number; memberIds: string[] };

/**
 * Coverage, other payers and choices of a batch. A payer is linked to a registered peer by id, NPI or name, and by
 * whichever of them it is one. Of the days of another coverage what the file says otherwise than before is taken over:
 * what it repeats, or leaves out, leaves what a member stated. A coverage whose card another one took the place of,
 * which stands (or the one after that), is over when that began, whatever its row says of its end; where that one was
 * cancelled, it is as its row says. Running it again changes nothing, and locks nothing; a new end date of a known
 * coverage is taken over. Who says no after a yes withdraws; of one day the later row holds, and that of the later
 * file. enrolment_pkey, other_coverage_member.
 */
export async function writeEnrolment(
  tx: Queryable,
  rows: readonly CoverageRow[],
  source: string,
  today: string,
): Promise<Enrolled> {
  const written = await tx<Card[]>`
    with stated as materialized (
      select distinct on (m, n, s) m, n, f, sub, p, s::date as s, e::date as e, l, a::date as a
      from unnest(${rows.map((r) => r.memberId)}::text[], ${rows.map((r) => r.memberNumber)}::text[],
        ${rows.map((r) => r.formerNumber ?? null)}::text[],
        ${rows.map((r) => r.subscriberId ?? null)}::text[], ${rows.map((r) => r.plan)}::text[], ${rows.map((r) => r.starts)}::text[], ${rows.map((r) => r.ends ?? null)}::text[],
        ${rows.map((r) => r.lob)}::text[], ${rows.map((r) => r.acceptedOn ?? null)}::text[]) with ordinality as t(m, n, f, sub, p, s, e, l,
          a, place)
      order by m, n, s, place desc
    ), t as materialized (
      -- a coverage that a next card ended stays over; what is said of its end is kept beside it
      select stated.*, case when known.said_ends is null then stated.e else least(known.ends, stated.e) end as ends,
        case when known.said_ends is not null and (stated.e is null or stated.e > known.ends)
          then coalesce(stated.e, 'infinity') end as said,
        coalesce(stated.a, known.accepted_on) as accepted_on, coalesce(stated.f, known.former_number) as former_number,
        case when known.member_id is not null then (known.ends, known.said_ends, known.plan, known.subscriber_id, known.lob,
          known.accepted_on, known.former_number) end as was
      from stated
      left join lateral (
        select * from exchange.enrolment e where e.member_id = stated.m and e.member_number = stated.n
          and e.starts = stated.s offset 0) known on true
    )
    insert into exchange.enrolment (member_id, member_number, former_number, subscriber_id, plan, starts, ends, said_ends, lob, accepted_on)
    select m, n, f, sub, p, s, ends, said, l, a from t
    where was is distinct from (ends, said, p, sub, l, accepted_on, former_number)
    on conflict (member_id, member_number, starts) do update set ends = excluded.ends, said_ends = excluded.said_ends, plan = excluded.plan,
        subscriber_id = excluded.subscriber_id, lob = excluded.lob, accepted_on = coalesce(excluded.accepted_on,
          exchange.enrolment.accepted_on),
        former_number = coalesce(excluded.former_number, exchange.enrolment.former_number)
    returning member_id as "memberId", member_number as "memberNumber", starts::text as starts`;
  const beside = await endBeside(tx, rows);
  const settled = await settleCards(
    tx,
    rows,
    [...written, ...beside].map((w) => w.memberId),
    today,
  );
  const changed = [...written, ...beside, ...settled];
  const placeOf = ({ memberId, memberNumber, starts }: Card) => JSON.stringify([memberId, memberNumber, starts]);
  const otherCoverages = await writeOthers(tx, rows);
  const choices = await writeChoices(
    tx,
    rows.flatMap(({ memberId, choice }) => (choice === undefined ? [] : [{ memberId, ...choice }])),
    source,
  );
  return {
    enrolments: new Set(changed.map(placeOf)).size,
    otherCoverages,
    choices,
    memberIds: [...new Set(changed.map((c) => c.memberId))],
  };
}

/**
 * Other coverage that rows tell, linked to registered peers. Of its days what is said otherwise than before is taken
 * over. How many are new, or are reported differently. other_coverage_member.
 */
export async function writeOthers(
  tx: Queryable,
  rows: readonly Pick<CoverageRow, 'memberId' | 'prior'>[],
): Promise<number> {
  const sayAnewEnds = tx`(excluded.ends is distinct from o.file_ends or o.ends < excluded.starts
    and excluded.starts is distinct from o.file_starts)`;
  const prior = rows.flatMap((r) => (r.prior === undefined ? [] : [{ memberId: r.memberId, ...r.prior }]));
  if (prior.length === 0) return 0;
  const other = await tx`
    with said as materialized (
      select m, p, n, s::date as s, e::date as e, place
      from unnest(${prior.map((r) => r.memberId)}::text[], ${prior.map((r) => r.payer)}::text[],
        ${prior.map((r) => r.memberNumber ?? '')}::text[],
        ${prior.map((r) => r.starts ?? null)}::text[], ${prior.map((r) => r.ends ?? null)}::text[]) with ordinality as t(m, p, n, s, e,
          place)
    ), payer as materialized (
      select p, (select id from exchange.peer where id = p or npi = p or lower(name) = lower(p)
        order by id = p desc, npi = p desc, id limit 1) as peer_id
      from (select distinct p from said) d
    ), t as materialized (
      select distinct on (m, coalesce(peer_id, p), n) * from said join payer using (p) order by m, coalesce(peer_id, p), n, place desc
    )
    insert into exchange.other_coverage as o (id, member_id, payer, peer_id, member_number, starts, ends, file_starts, file_ends)
    select gen_random_uuid()::text, t.m, coalesce(known.payer, t.p), t.peer_id, t.n, t.s, t.e, t.s, t.e
    from t
    left join lateral (
      select * from exchange.other_coverage k where k.member_id = t.m and k.member_number = t.n and (k.payer = t.p or k.peer_id = t.peer_id)
      order by k.in_error_at is null desc, k.payer = t.p desc, k.known_at, k.id limit 1) known on true
    where known.id is null or (known.peer_id, known.file_starts, known.file_ends) is distinct from (t.peer_id, t.s, t.e)
    on conflict (member_id, payer, member_number) do update set peer_id = excluded.peer_id, file_starts = excluded.starts,
      file_ends = excluded.ends,
        -- a day that the file says again, and one that cannot be beside it
        starts = case when excluded.starts is distinct from o.file_starts or excluded.ends < o.starts then excluded.starts
          else o.starts end,
        ends = case when ${sayAnewEnds} then excluded.ends else o.ends end,
        ends_known_at = case when ${sayAnewEnds} and excluded.ends is distinct from o.ends then now() else o.ends_known_at end
    returning 1`;
  return other.length;
}

/** What members chose, by day and in the order in which it came. consent_member. */
async function knownChoices(tx: Queryable, members: string): Promise<KnownChoice[]> {
  return [
    ...(await tx<KnownChoice[]>`
      select c.member_id as "memberId", c.choice = 'opt-in' as "optIn", c.policy, c.recorded_on::text as on,
        c.given_at is null as "isImported"
      from unnest(${members}::text::text[]) m(id)
      cross join lateral (select * from exchange.consent x where x.member_id = m.id and ${tx.unsafe(tellsAllowedSql('x'))} offset 0) c
      order by c.recorded_on, c.created_at`),
  ];
}

/** Writes those that are new, for one writer of a member at a time. Returns how many. */
async function writeChoices(tx: Queryable, said: readonly Said[], source: string): Promise<number> {
  if (said.length === 0) return 0;
  const fresh = (known: readonly KnownChoice[]) =>
    notSaidYet(
      known.filter((k) => k.isImported),
      said,
    );
  const who = (all: readonly Said[]) => arrayLiteral([...new Set(all.map((s) => s.memberId))].sort());
  // most files say what was said before: then there is nothing to wait for
  const perhaps = fresh(await knownChoices(tx, who(said)));
  if (perhaps.length === 0) return 0;
  const members = who(said);
  await tx`select from exchange.member where id = any(${members}::text::text[]) order by id for update`;
  const known = await knownChoices(tx, members);
  const added = choicesOf(known, fresh(known));
  await tx`
    insert into exchange.consent (id, member_id, choice, policy, recorded_on, sequence, source, created_at)
    select gen_random_uuid()::text, m, c, p, d::date, a, ${source}, now() + place * interval '1 microsecond'
    from unnest(${added.map((s) => s.memberId)}::text[], ${added.map((s) => s.choice)}::text[], ${added.map((s) => s.policy)}::text[],
      ${added.map((s) => s.on)}::text[], ${added.map((s) => s.again)}::smallint[]) with ordinality as t(m, c, p, d, a, place)
    order by place`;
  return added.length;
}

type Ended = { memberId: string | null; changed: number; goesOn: string[] };

/**
 * Ends coverage that is known: what one member has under a number (and birth date, where it is said) and began by then. Known to have
 * ended then, or before, it stays as it is; what a next card ended is said to end then all the same, unless another one
 * goes on. In the order given: whose it is, null when no member's, how many changed, and, where it was over before that
 * day, the numbers of the member's other coverage in the same line of business that goes on after it.
 */
export async function endCoverage(
  tx: Queryable,
  ends: readonly { memberNumber: string; birthDate: string | undefined; endsOn: string }[],
): Promise<Ended[]> {
  if (ends.length === 0) return [];
  const rows = await tx<(Ended & { place: number })[]>`
    with said as materialized (
      select n, b, e::date as e, place::int as place
      from unnest(${ends.map((x) => x.memberNumber)}::text[], ${ends.map((x) => x.birthDate ?? null)}::text[],
        ${ends.map((x) => x.endsOn)}::text[]) with ordinality as t(n, b, e, place)
    ), whose as materialized (
      select s.place, s.n, s.e, min(c.member_id) as member_id
      from said s join exchange.enrolment c on c.member_number = s.n and c.starts <= s.e
      left join exchange.member_profile p on p.member_id = c.member_id
      where s.b is null or p.dob is null or cardinality(p.dob) = 0 or s.b = any(p.dob)
      group by s.place, s.n, s.e having count(distinct c.member_id) = 1
    ), changed as (
      update exchange.enrolment c set ends = least(c.ends, w.e), said_ends = case when c.ends < w.e then w.e end
      from (select n, member_id, min(e) as e from whose group by n, member_id) w
      where c.member_id = w.member_id and c.member_number = w.n and c.starts <= w.e and (coalesce(c.ends, 'infinity'::date) > w.e
        or c.said_ends > w.e and not exists (
          select from exchange.enrolment o where o.member_id = c.member_id and o.member_number <> w.n and o.lob = c.lob and o.starts <= w.e
            and coalesce(o.ends, 'infinity'::date) > w.e))
      returning c.member_id
    )
    select s.place, w.member_id as "memberId", (select count(*)::int from changed x where x.member_id = w.member_id) as changed,
      array(select distinct c.member_number from exchange.enrolment c where c.member_id = w.member_id and c.member_number <> w.n
        and c.starts <= w.e
        and coalesce(c.ends, 'infinity'::date) > w.e
        and exists (select from exchange.enrolment o where o.member_id = w.member_id and o.member_number = w.n and o.starts <= w.e
          and o.lob = c.lob)
        and (select max(coalesce(o.ends, 'infinity'::date)) < w.e from exchange.enrolment o where o.member_id = w.member_id
          and o.member_number = w.n and o.starts <= w.e)
        order by 1) as "goesOn"
    from said s left join whose w using (place) order by s.place`;
  return rows.map(({ memberId, changed, goesOn }) => ({ memberId, changed, goesOn }));
}

/**
 * Who holds a card, with the birth dates that we know of the person and all numbers of the person's cards. `coverage`:
 * all of those who have a card that took the place of another one.
 */
export type CardHolder = { memberId: string; born: string[]; numbers: string[]; coverage: CardCoverage[] };

/**
 * Holders of numbers that exactly one member has. enrolment_number, enrolment_pkey, member_profile_pkey.
 * @param isWhole with the coverage of each
 */
export async function cardHolders(
  sql: Queryable,
  numbers: readonly string[],
  isWhole = false,
): Promise<Map<string, CardHolder>> {
  const rows = await sql<(Omit<CardHolder, 'born'> & { n: string; born: string[] | null })[]>`
    select u.n, c.member_id as "memberId", p.dob as born, k.numbers, k.coverage
    from unnest(${arrayLiteral(numbers)}::text::text[]) u(n)
    cross join lateral (
      select min(e.member_id) as member_id from exchange.enrolment e
        where e.member_number = u.n having count(distinct e.member_id) = 1 offset 0) c
    cross join lateral (
      select array_agg(distinct e.member_number order by e.member_number) as numbers,
        case when count(e.former_number) = 0 and not ${isWhole}::boolean then '[]'
          else jsonb_agg(jsonb_build_object('number', e.member_number, 'former', e.former_number, 'lob', e.lob, 'starts', e.starts, 'ends',
          e.ends,
          'said', nullif(coalesce(e.said_ends, e.ends), 'infinity')) order by e.starts) end as coverage
      from exchange.enrolment e where e.member_id = c.member_id) k
    left join exchange.member_profile p on p.member_id = c.member_id`;
  return new Map(rows.map(({ n, born, ...holder }) => [n, { ...holder, born: born ?? [] }]));
}

/** Members who named a peer as their other payer. Reads other_coverage whole: once, when a peer is added. */
export async function countLinked(sql: Queryable, peerId: string): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(distinct member_id)::int as n from exchange.other_coverage where peer_id = ${peerId} and in_error_at is null`;
  return row?.n ?? 0;
}

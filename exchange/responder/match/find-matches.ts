// Matching, set-based: one statement for a whole batch against all members. Blocking joins hashed tokens (primary key of
// member_token); the rules then compare the arrays, so a hash collision never decides.
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { type RawRows, rawRows } from '../../../src/db/raw-rows.ts';
import type { Tried } from './attempt.ts';
import { countTried, glance, lookValues, readFound } from './attempt-rows.ts';
import type { MatchQuery } from './read-member-bundle.ts';
import type { FuzzyName } from './rules.ts';
import type { AskedAttempt } from './tally.ts';

/** `persons`: how many different members fit; the rest is meaningful when it is 1. */
export type MatchAnswer = {
  position: number;
  persons: number;
  memberId: string | null;
  rule: number | null;
  /** the name that agreed but for one letter */
  fuzzy: FuzzyName | null;
  /** the id of the member that peers are given */
  umb: string | null;
  /** the day on which the member last said no, when that is the member's newest word; YYYY-MM-DD */
  refusedOn: string | null;
  /** the day on which the member died, as far as we know; YYYY-MM-DD, or `-infinity` */
  diedOn: string | null;
  /** the first of those who fit, when there are several */
  candidates: string[] | null;
  /** by what the member stands for another person too as it is found: ids of those merges */
  asOne: string[] | null;
};
/** Kinds of tokens that hold a coverage anchor. */
const ANCHORS: ReadonlySet<number> = new Set([1, 2, 7, 8]);
const MOST_CANDIDATES = 5;
/** Birth date and family name: for cards that no one here has. */
const STRANGER = 3;

/** May a person be found by name, birth date and where they live or are reached, when the card is unknown? */
const isDescribed = (q: Pick<MatchQuery, 'street' | 'phone' | 'email'>): boolean =>
  q.street.length + q.phone.length + q.email.length > 0;

/**
 * Candidates by exact token, then the rules of the CMS matching proposal that hold a coverage anchor: 26 (UMB and birth
 * date), 27, 28 (member id), 31, 32 (subscriber id), 8 (MBI). One fuzzy name at most; birth dates and ids exact. A card of ours
 * that no one here has (an old number) leaves rules 01 to 03: both names, birth date and street, phone or e-mail, all exact.
 */
function matched(tx: Queryable, queries: readonly Omit<MatchQuery, 'tries'>[]) {
  const rows = queries.map(({ tokens: _, ...q }) => q);
  const json = JSON.stringify(rows);
  const all = queries.flatMap((q) =>
    q.tokens
      .filter((t) => ANCHORS.has(t.kind) || (t.kind === STRANGER && isDescribed(q)))
      .map((t) => ({ position: q.position, ...t })),
  );
  return tx`q as materialized (
      select * from jsonb_to_recordset(${json}::text::jsonb)
        as x(position integer, dob text[], family text[], given text[], suffix text[], mb text[], sub text[], mbi text[], umb text[],
          street text[], phone text[], email text[])
    ), q_token as materialized (
      select p as position, k as kind, hashtextextended(t, k) as hash
      from unnest(${arrayLiteral(all.map((t) => t.position))}::text::integer[], ${arrayLiteral(all.map((t) => t.kind))}::text::smallint[],
        ${arrayLiteral(all.map((t) => t.text))}::text::text[]) as x(p, k, t)
    ), anchored as materialized (
      select distinct q_token.position, m.member_id, false as is_stranger from q_token join exchange.member_token m using (kind, hash)
      where kind <> ${STRANGER}
    ), cand as (
      select * from anchored
      union all
      select distinct t.position, m.member_id, true from q_token t join exchange.member_token m using (kind, hash)
      where t.kind = ${STRANGER} and not exists (select from anchored a where a.position = t.position)
    ), hit as (
      -- every rule holds the birth date; of the rules that fit the first counts, and names are compared letter by letter last
      select * from (
        select q.position, c.member_id, m.died, case
          when c.is_stranger then case
            when not (q.given && m.given and q.family && m.family) then null
            when q.street && m.street then 9
            when q.phone && m.phone then 10
            when q.email && m.email then 11 end
          else ${tx.unsafe(ANCHORED_PLACE)} end as place
        from cand c join q using (position) join exchange.member_profile m using (member_id)
        where ${tx.unsafe(MAY_BE)}
      ) h where place is not null
    ), strongest as (
      -- an exact first name on a policy wins over a fuzzy one: twins differ in nothing else
      select position, member_id, place, died from (
        select hit.*, bool_or(${tx.unsafe(IS_EXACT)}) over (partition by position) as exact from hit
      ) h where not exact or ${tx.unsafe(IS_EXACT)}
    ), matched as (
    select ${tx.unsafe(ANSWER)}
    from (select q.position, count(s.member_id)::int as persons, min(s.member_id) as member_id, max(s.died) as died,
        to_jsonb((array_agg(s.member_id order by s.member_id))[1:${MOST_CANDIDATES}]) as candidates,
        min(s.place) as place
      from q left join strongest s using (position) group by q.position) f
    ${tx.unsafe(OF_MEMBER)})`;
}

/** A rule of `q` and `m` as its place among all, the first that fits; names are compared letter by letter last. */
const ANCHORED_PLACE = `case
            when q.umb && m.umb then 1
            when q.mb && m.mb and q.given && m.given then 2
            when q.mb && m.mb and q.family && m.family then 3
            when q.mb && m.mb and exchange.any_dl1(q.family, m.family) then 4
            when q.sub && m.sub and q.family && m.family and q.given && m.given then 5
            when q.sub && m.sub and q.family && m.family and exchange.any_dl1(q.given, m.given) then 6
            when q.sub && m.sub and q.given && m.given and exchange.any_dl1(q.family, m.family) then 7
            when q.mbi && m.mbi and q.given && m.given then 8 end`;
/** What every rule asks for. */
const MAY_BE = `q.dob && m.dob and not (cardinality(q.suffix) > 0 and cardinality(m.suffix) > 0 and not (q.suffix && m.suffix))`;
const IS_EXACT = `place in (1, 2, 3, 4, 5, 8)`;
/** Of those who fit (`f`), with the member when there is one (`m`) and its newest word (`c`). */
const ANSWER = `f.position, f.persons, f.member_id as "memberId", (array[26, 27, 28, 28, 31, 31, 32, 8, 1, 2, 3])[f.place] as rule,
      case f.place when 4 then 'family' when 6 then 'given' when 7 then 'family' end as fuzzy, m.umb,
      case when c.choice <> 'opt-in' then c.recorded_on::text end as "refusedOn",
      case when f.persons = 1 then f.died::text end as "diedOn", case when f.persons > 1 then f.candidates end as candidates,
      (select to_jsonb(array_agg(g.id)) from exchange.member_merge g where g.member_id = m.id and g.undone_at is null) as "asOne"`;
const OF_MEMBER = `left join exchange.member m on m.id = f.member_id and f.persons = 1
    left join lateral (select choice, recorded_on from exchange.consent c where c.member_id = m.id
      order by recorded_on desc, created_at desc limit 1) c on true`;

/**
 * The same of a few questions, each by itself, and without those of a card that no one here has: a plan of a third of the parts,
 * which the server makes ready for each statement. `known`: how many hold one of the ids. `$1`: {@link fewJson}.
 */
const MATCHED_OF_FEW = `matched as (
    select ${ANSWER}, f.known
    from (select q.position, f.known, case when f.exacts > 0 then f.exacts else f.alls end as persons,
        case when f.exacts > 0 then f.exact_member else f.member end as member_id, case when f.exacts > 0 then f.exact_place
          else f.place end as place,
        case when f.exacts > 0 then f.exact_died else f.died end as died,
        to_jsonb((case when f.exacts > 0 then f.exact_members else f.members end)[1:${MOST_CANDIDATES}]) as candidates
      from jsonb_to_recordset($1::text::jsonb)
        as q(position integer, dob text[], family text[], given text[], suffix text[], mb text[], sub text[], mbi text[], umb text[], kinds
          smallint[], texts text[])
      cross join lateral (
        select count(*)::int as known, (count(*) filter (where place is not null))::int as alls, (count(*) filter (where
          ${IS_EXACT}))::int as exacts,
          min(member_id) filter (where place is not null) as member, min(member_id) filter (where ${IS_EXACT}) as exact_member,
          min(place) as place, min(place) filter (where ${IS_EXACT}) as exact_place,
          max(died) filter (where place is not null) as died, max(died) filter (where ${IS_EXACT}) as exact_died,
          array_agg(member_id) filter (where place is not null) as members, array_agg(member_id) filter (where ${IS_EXACT}) as exact_members
        from (
          select m.member_id, m.died, case when ${MAY_BE} then ${ANCHORED_PLACE} end as place
          from (select distinct t.member_id from unnest(q.kinds, q.texts) a(kind, text)
              join exchange.member_token t on t.kind = a.kind and t.hash = hashtextextended(a.text, a.kind)) t
            join exchange.member_profile m using (member_id)
          order by m.member_id
        ) h) f) f
    ${OF_MEMBER})`;

const fewJson = (queries: readonly MatchQuery[]): string =>
  JSON.stringify(
    queries.map(({ tokens, tries: _, street: __, phone: ___, email: ____, ...q }) => {
      const anchors = tokens.filter((t) => ANCHORS.has(t.kind));
      return { ...q, kinds: anchors.map((t) => t.kind), texts: anchors.map((t) => t.text) };
    }),
  );

export async function matchMembers(
  tx: Queryable,
  queries: readonly Omit<MatchQuery, 'tries'>[],
): Promise<MatchAnswer[]> {
  return [...(await tx<MatchAnswer[]>`with ${matched(tx, queries)} select * from matched order by position`)];
}

/**
 * The same of a few, with what was tried before, which is recorded: one statement, as each costs as much again as a question does.
 * @param attempts of the queries, by their position
 */
export async function matchAndTry(
  sql: Queryable,
  queries: readonly MatchQuery[],
  attempts: readonly AskedAttempt[],
  now: Date,
): Promise<{ answer: MatchAnswer; tried: Tried | undefined }[]> {
  const values = [fewJson(queries), ...lookValues(attempts, now)];
  const rows = await rawRows(sql, MATCH_AND_TRY, values, { prepare: true, short: true });
  const answers = Array.from({ length: rows.length }, (_, row) => readAnswer(rows, row));
  const found = Array.from({ length: rows.length }, (_, row) => readFound(rows, row, 11)).filter((f) =>
    attempts.some((a) => a.position === f.position),
  );
  const tried = await countTried(sql, attempts, found, now);
  const unknown = queries.filter(
    (q) => answers.some((a) => a.position === q.position && a.known === 0) && isDescribed(q),
  );
  const strangers = new Map((unknown.length === 0 ? [] : await matchMembers(sql, unknown)).map((a) => [a.position, a]));
  return answers.map(({ known: _, ...answer }) => ({
    answer: strangers.get(answer.position) ?? answer,
    tried: tried.get(answer.position),
  }));
}

const MATCH_AND_TRY = `
    with ${MATCHED_OF_FEW}, ${glance(2)}
    select m.position, m.persons, m."memberId", m.rule, m.fuzzy, m.umb, m."refusedOn", m."diedOn", m.candidates, m.known, m."asOne",
      m.position, g.cards, g.persons, g.near
    from matched m left join glance g using (position) order by m.position`;

function readAnswer(rows: RawRows, row: number): MatchAnswer & { known: number } {
  const text = (column: number) => rows.text(row, column);
  const rule = text(3);
  const list = (json: string | null) => (json === null ? null : (JSON.parse(json) as string[]));
  return {
    position: Number(text(0)),
    persons: Number(text(1)),
    memberId: text(2),
    rule: rule === null ? null : Number(rule),
    fuzzy: text(4) as FuzzyName | null,
    umb: text(5),
    refusedOn: text(6),
    diedOn: text(7),
    candidates: list(text(8)),
    known: Number(text(9)),
    asOne: list(text(10)),
  };
}

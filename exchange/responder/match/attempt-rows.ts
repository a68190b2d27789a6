// Statements of the defence against trying: attempts of thirty days, and call budgets.
import { arrayLiteral, type Queryable, type Sql } from '../../../src/db/database.ts';
import { type RawRows, rawRows } from '../../../src/db/raw-rows.ts';
import { KEY_OF_PERSON, KEY_RANGE, MOST_CARDS_NEAR, type Tried } from './attempt.ts';
import { type AskedAttempt, type FoundRows, tally } from './tally.ts';

const KEEP_DAYS = 30;
/** Questions that may each look at what is known of them. */
const FEW = 64;
/** Cards of a person that are counted at most: more than any verdict asks for, or a batch of many cards for one person is endless. */
const ENOUGH_CARDS = 8;
/** Rows of a range of keys that are looked at: a card is there once for each person that it was tried for. */
const ENOUGH_NEAR = MOST_CARDS_NEAR * 10;
/** Rows that a few questions look at, for each key: who has as many is counted as many are, by set. */
const GLANCE = { cards: 40, persons: 120, near: 80 };

type Asked = readonly AskedAttempt[];

/**
 * Not so old as to be forgotten. Written so that no index serves it: nearly all rows are, and the planner, which takes
 * the rows of a person or of a range for more than they are, would look through the times of the whole table for each.
 */
const isKept = (row: string, oldest: string): string => `${row}.at + interval '0' > ${oldest}`;

/**
 * Records attempts and tells what was tried before, this time included; of many cards for a person, that they are many. Its cost grows with
 * the rows that it reads, whatever a batch holds. Repeating a pair counts once, and renews it once an
 * hour. One statement: what it writes it does not see, and what came beside is counted with it. match_attempt_pkey, match_attempt_card.
 * No one waits for the disk: others see the rows at once, a server that loses its power forgets those of its last half second, and what was
 * decided is written durably afterwards.
 * @returns by position
 */
export async function recordAttempts(tx: Queryable, attempts: Asked, now: Date): Promise<Map<number, Tried>> {
  if (attempts.length === 0) return new Map();
  if (attempts.length > FEW) return countMany(tx, attempts, now);
  const rows = await rawRows(tx, LOOK, lookValues(attempts, now), { prepare: true });
  const found = Array.from({ length: rows.length }, (_, row) => readFound(rows, row, 0));
  return countTried(tx, attempts, found, now);
}

async function countMany(tx: Queryable, attempts: Asked, now: Date): Promise<Map<number, Tried>> {
  const rows = await tx<Tried[]>`with ${triedOfMany(tx, attempts, now)} select * from tried`;
  return new Map(rows.map((r) => [r.position, r]));
}

/**
 * Columns of {@link glance} from `column` on. @returns no lists where nothing could be tried
 */
export function readFound(rows: RawRows, row: number, column: number): FoundRows {
  const list = (at: number): string[] => {
    const text = rows.text(row, at);
    return text === null || text === '' ? [] : text.split(' ');
  };
  return {
    position: Number(rows.text(row, column)),
    cards: list(column + 1),
    persons: list(column + 2),
    near: list(column + 3),
  };
}

/**
 * Counts what {@link glance} found. Who has more rows than it looked at, which no one honest has, is counted by set.
 * @returns by position
 */
export async function countTried(
  tx: Queryable,
  attempts: Asked,
  found: readonly FoundRows[],
  now: Date,
): Promise<Map<number, Tried>> {
  // each key is looked at by itself, so that lists which are shorter than one key's may be are whole
  const isWhole = found.every(
    (f) => f.cards.length < GLANCE.cards && f.persons.length < GLANCE.persons && f.near.length < GLANCE.near,
  );
  return isWhole ? new Map(tally(attempts, found).map((t) => [t.position, t])) : countMany(tx, attempts, now);
}

/** Rows that a few questions bring, each once, in the order of the key: who writes at the same time waits for no one who waits. */
function rowsOf(attempts: Asked): { person: string; card: string; peerId: string }[] {
  const rows = new Map<string, { person: string; card: string; peerId: string }>();
  for (const { stored, card, peerId } of attempts)
    for (const person of stored) rows.set(`${person} ${card} ${peerId}`, { person, card, peerId });
  const order = (a: string, b: string) => (a === b ? 0 : BigInt(a) < BigInt(b) ? -1 : 1);
  return [...rows.values()].sort(
    (a, b) => order(a.person, b.person) || order(a.card, b.card) || (a.peerId < b.peerId ? -1 : 1),
  );
}

/**
 * For each question: cards of its person, persons of its card, and cards of those who are like it, as lists; each key is one short look
 * into an index, and what is put together of them is put together here, where it costs less than a plan of many parts does. What
 * is there and young is not written again, not even locked: most repeated questions are retries. Values come by way of `given`: were
 * the lengths of the lists known, the server would make a plan for each. As a part of a statement: `glance`.
 * @param n number of the first of the parameters, {@link lookValues}
 */
export const glance = (n: number) => `given as materialized (
      select set_config('synchronous_commit', 'off', true) as is_off, $${n}::text::timestamptz as now,
        $${n}::text::timestamptz - interval '${KEEP_DAYS} days' as oldest,
        $${n + 1}::text::bigint[] as persons, $${n + 2}::text::bigint[] as cards, $${n + 3}::text::text[] as peers,
        $${n + 4}::text::int[] as positions, $${n + 5}::text::text[] as sought, $${n + 6}::text::text[] as near, $${n + 7}::text::bigint[] as card_of,
        $${n + 8}::text::text[] as peer_of
    ), written as (
      insert into exchange.match_attempt as old (person, card, peer_id, at)
      select s.person, s.card, s.peer_id, g.now from given g cross join unnest(g.persons, g.cards, g.peers) s(person, card, peer_id)
      where coalesce((select f.at from exchange.match_attempt f where f.person = s.person and f.card = s.card
        and f.peer_id = s.peer_id), '-infinity')
        < g.now - interval '1 hour'
      on conflict (person, card, peer_id) do update set at = excluded.at where old.at < excluded.at - interval '1 hour'
    ), glance as (
      select a.position,
        array_to_string(array(select case when m.peer_id = a.peer_id then m.card::text else m.card || '*' end
          from unnest(a.sought::bigint[]) k cross join lateral (select x.card, x.peer_id from exchange.match_attempt x
            where x.person = k and ${isKept('x', 'g.oldest')} limit ${GLANCE.cards}) m), ' ') as cards,
        array_to_string(array(select x.person from exchange.match_attempt x
          where x.card = a.card and x.peer_id = a.peer_id and ${isKept('x', 'g.oldest')} limit ${GLANCE.persons}), ' ') as persons,
        array_to_string(array(select k || ':' || m.card
          from unnest(a.near::bigint[]) k cross join lateral (select x.card from exchange.match_attempt x
            where x.person >= k and x.person < k + ${KEY_RANGE}::bigint and x.peer_id = a.peer_id
              and ${isKept('x', 'g.oldest')} limit ${GLANCE.near}) m), ' ') as near
      from given g cross join unnest(g.positions, g.sought, g.near, g.card_of, g.peer_of) a(position, sought, near, card, peer_id)
    )`;

export function lookValues(attempts: Asked, now: Date): string[] {
  const rows = rowsOf(attempts);
  const numbers = (keys: readonly (string | number)[]) => `{${keys.join(',')}}`;
  return [
    now.toISOString(),
    numbers(rows.map((r) => r.person)),
    numbers(rows.map((r) => r.card)),
    arrayLiteral(rows.map((r) => r.peerId)),
    numbers(attempts.map((a) => a.position)),
    arrayLiteral(attempts.map((a) => numbers(a.sought))),
    arrayLiteral(attempts.map((a) => numbers(a.near))),
    numbers(attempts.map((a) => a.card)),
    arrayLiteral(attempts.map((a) => a.peerId)),
  ];
}

const LOOK = `with ${glance(1)} select position, cards, persons, near from glance`;

/** Not joined: the planner takes both for small, and would look through the one for each row of the other. */
const TRIED = (tx: Queryable) => tx`tried as (
      select position, max(mine) as cards, max(everybodys) as "cardsOfAll", max(n) as persons, max(beside) as near
      from (select position, mine, everybodys, 0 as n, 0 as beside from cards union all select position, 0, 0, n, 0 from persons
        union all select position, 0, 0, 0, n from near) t cross join relaxed
      group by position
    )`;

/**
 * The cards that a peer tried in each range of keys, those of this time included; each range is looked at once. match_attempt_pkey.
 * @param own rows that this time brings
 */
const nearby = (tx: Queryable, own: ReturnType<Queryable>, now: Date) => tx`
    asked_near as materialized (
      select a.position, low, a.peer_id from asked a cross join unnest(a.near::bigint[]) low
    ), key_range as materialized (
      select distinct low, peer_id from asked_near
    ), near_of as materialized (
      select low, peer_id, count(distinct card)::int as n from (
        select w.low, w.peer_id, m.card from key_range w
        cross join lateral (select a.card from exchange.match_attempt a
          where a.person >= w.low and a.person < w.low + ${KEY_RANGE}::bigint and a.peer_id = w.peer_id
            and a.at + interval '0' > ${now}::timestamptz - ${KEEP_DAYS} * interval '1 day'
          limit ${ENOUGH_NEAR}) m
        union all
        select w.low, w.peer_id, s.card from key_range w join ${own} s on s.person >> 24 = w.low >> 24 and s.peer_id = w.peer_id
      ) x group by low, peer_id
    ), near as (
      select a.position, max(o.n) as n from asked_near a join near_of o using (low, peer_id) group by a.position
    )`;

/**
 * The same where a batch may ask ten thousand times for one person: each person and each card is looked at once, and of the cards of a
 * person no more are kept than a verdict looks at, those of the asker first.
 */
function triedOfMany(tx: Queryable, attempts: Asked, now: Date) {
  // each question once, its keys as one text: ten thousand have two hundred thousand keys
  const keys = (of: (a: Asked[number]) => readonly string[]) =>
    arrayLiteral(attempts.map((a) => `{${of(a).join(',')}}`));
  return tx`relaxed as materialized (
      select set_config('synchronous_commit', 'off', true) as is_off
    ), asked as materialized (
      select * from unnest(${arrayLiteral(attempts.map((a) => a.position))}::text::int[],
        ${arrayLiteral(attempts.map((a) => a.card))}::text::bigint[],
        ${arrayLiteral(attempts.map((a) => a.peerId))}::text::text[], ${keys((a) => a.sought)}::text::text[], ${keys((a) => a.stored)}::text::text[],
        ${keys((a) => a.near)}::text::text[]) a(position, card, peer_id, sought, stored, near)
    ), sought as materialized (
      select a.position, k as person, a.card, a.peer_id from asked a cross join unnest(a.sought::bigint[]) k
    ), stored as materialized (
      select distinct k as person, a.card, a.peer_id from asked a cross join unnest(a.stored::bigint[]) k
    ), written as (
      insert into exchange.match_attempt as old (person, card, peer_id, at)
      select person, card, peer_id, ${now}::timestamptz from stored order by 1, 2, 3
      on conflict (person, card, peer_id) do update set at = excluded.at where old.at < excluded.at - interval '1 hour'
    ), cards_of as materialized (
      select person, peer_id, card, is_mine from (
        select person, peer_id, card, bool_or(is_mine) as is_mine,
          row_number() over (partition by person, peer_id order by bool_or(is_mine) desc, card) as n
        from (
          select a.person, a.peer_id, m.card, m.peer_id = a.peer_id as is_mine
          from (select distinct person, peer_id from sought) a join exchange.match_attempt m on m.person = a.person
          where m.at + interval '0' > ${now}::timestamptz - ${KEEP_DAYS} * interval '1 day'
          union all
          select a.person, a.peer_id, m.card, m.peer_id = a.peer_id
          from (select distinct person, peer_id from sought) a join stored m on m.person = a.person
        ) x group by person, peer_id, card
      ) y where n <= ${ENOUGH_CARDS}
    ), cards as (
      select s.position, count(distinct o.card) filter (where o.is_mine)::int as mine, count(distinct o.card)::int as everybodys
      from sought s join cards_of o on o.person = s.person and o.peer_id = s.peer_id group by s.position
    ), persons_of as materialized (
      select card, peer_id, count(distinct person) filter (where person & 3 = ${KEY_OF_PERSON})::int as n
      from (
        select h.card, h.peer_id, m.person from (select distinct card, peer_id from sought) h
        join exchange.match_attempt m on m.card = h.card and m.peer_id = h.peer_id
        where m.at + interval '0' > ${now}::timestamptz - ${KEEP_DAYS} * interval '1 day'
        union all
        select h.card, h.peer_id, m.person from (select distinct card, peer_id from sought) h
        join stored m on m.card = h.card and m.peer_id = h.peer_id
      ) x group by card, peer_id
    ), persons as (
      select s.position, o.n from (select distinct position, card, peer_id from sought) s join persons_of o using (card, peer_id)
    ), ${nearby(tx, tx`stored`, now)}, ${TRIED(tx)}`;
}

/** Forgets attempts that no longer count. match_attempt_at. */
export async function forgetAttempts(sql: Queryable, now: Date): Promise<void> {
  await sql`delete from exchange.match_attempt where at < ${now}::timestamptz - ${KEEP_DAYS} * interval '1 day'`;
}

/** `$1` peer, `$2` kind, `$3` calls a minute, `$4` the most, `$5` now. What is left after a refusal is kept less one, below zero. */
const take = (values: string) => `
    insert into exchange.call_budget as b (peer_id, kind, calls, at) ${values}
    on conflict (peer_id, kind) do update set at = greatest(b.at, excluded.at),
      calls = least($4::text::float8, b.calls + (b.calls < 0)::int
        + greatest(0, extract(epoch from excluded.at - b.at)) * $3::text::float8 / 60.0) - 1
    returning calls`;
const FIRST = `$1::text, $2::text, $4::text::float8 - 1, $5::text::timestamptz`;
const TAKE = take(`values (${FIRST})`);
const TAKE_ALONE = `with relaxed as materialized (select set_config('synchronous_commit', 'off', true) as is_off)
  ${take(`select ${FIRST} from relaxed`)}`;

const waitOf = (left: number, perMinute: number): number =>
  left >= 0 ? 0 : Math.max(1, Math.ceil((-left * 60) / perMinute));

/**
 * Takes one call from a peer's budget, which refills at `perMinute` and holds `burst`. Who is refused takes nothing: waiting as long as it
 * was reported is enough.
 * @returns seconds until the next call is possible; 0 when this one is
 */
export async function takeCall(
  sql: Queryable,
  peerId: string,
  kind: string,
  perMinute: number,
  now: Date,
  burst = perMinute * 2,
): Promise<number> {
  const values = [peerId, kind, String(perMinute), String(burst), now.toISOString()];
  const [row] = await sql.unsafe<{ calls: number }[]>(TAKE, values, { prepare: true });
  return waitOf(row?.calls ?? 0, perMinute);
}

/**
 * The same of a call that is no part of a transaction: no one waits for the disk, and a server that loses its power forgets what was
 * taken in its last half second.
 */
export async function takeCallAlone(
  sql: Sql,
  peerId: string,
  kind: string,
  perMinute: number,
  now: Date,
  burst = perMinute * 2,
): Promise<number> {
  const values = [peerId, kind, String(perMinute), String(burst), now.toISOString()];
  const rows = await rawRows(sql, TAKE_ALONE, values, { prepare: true, short: true });
  const left = Number(rows.text(0, 0));
  return waitOf(left, perMinute);
}

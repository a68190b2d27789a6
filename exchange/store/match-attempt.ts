// Statements of the defence against trying: attempts of thirty days, and call budgets.
import { arrayLiteral, type Queryable } from '../../src/store/database.ts';
import type { Attempt, Tried } from '../match/attempt.ts';

const KEEP_DAYS = 30;

/**
 * Records attempts and tells what was tried before, this time included. Repeating a pair counts once, and renews it once an
 * hour. One statement: what it writes it does not see, and counts beside what it finds. match_attempt_pkey, match_attempt_card. Nobody
 * waits for the disk: others see the rows at once, a server that loses its power forgets those of its last half second, and what was
 * decided is written durably afterwards.
 * @returns by position
 */
export async function recordAttempts(
  tx: Queryable,
  attempts: readonly (Attempt & { peerId: string })[],
  now: Date,
): Promise<Map<number, Tried>> {
  if (attempts.length === 0) return new Map();
  const each = <T>(of: (a: Attempt) => readonly T[]) => attempts.flatMap((a) => of(a).map((value) => ({ a, value })));
  const stored = each((a) => a.stored);
  const sought = each((a) => a.sought);
  const list = (values: readonly (string | number)[]) => arrayLiteral(values);
  const rows = await tx<Tried[]>`
    with relaxed as materialized (
      select set_config('synchronous_commit', 'off', true) as is_off
    ), sought as materialized (
      select o as position, k as person, c as card, b as peer_id
      from unnest(${list(sought.map((s) => s.a.position))}::text::int[], ${list(sought.map((s) => s.value))}::text::bigint[],
        ${list(sought.map((s) => s.a.card))}::text::bigint[], ${list(sought.map((s) => s.a.peerId))}::text::text[]) u(o, k, c, b)
    ), stored as materialized (
      select distinct p as person, c as card, b as peer_id
      from unnest(${list(stored.map((s) => s.value))}::text::bigint[], ${list(stored.map((s) => s.a.card))}::text::bigint[],
        ${list(stored.map((s) => s.a.peerId))}::text::text[]) u(p, c, b)
    ), written as (
      insert into exchange.match_attempt as old (person, card, peer_id, at)
      select person, card, peer_id, ${now}::timestamptz from stored order by 1, 2, 3
      on conflict (person, card, peer_id) do update set at = excluded.at where old.at < excluded.at - interval '1 hour'
    ), cards as (
      select position, count(distinct card) filter (where is_mine)::int as mine, count(distinct card)::int as everybodys
      from (
        select s.position, m.card, m.peer_id = s.peer_id as is_mine from sought s join exchange.match_attempt m on m.person = s.person
        where m.at > ${now}::timestamptz - ${KEEP_DAYS} * interval '1 day'
        union all
        select s.position, m.card, m.peer_id = s.peer_id from sought s join stored m on m.person = s.person
      ) x group by position
    ), persons as (
      select position, count(distinct person)::int / 3 as n
      from (
        select s.position, m.person from (select distinct position, card, peer_id from sought) s
        join exchange.match_attempt m on m.card = s.card and m.peer_id = s.peer_id
        where m.at > ${now}::timestamptz - ${KEEP_DAYS} * interval '1 day'
        union all
        select s.position, m.person from (select distinct position, card, peer_id from sought) s
        join stored m on m.card = s.card and m.peer_id = s.peer_id
      ) x group by position
    )
    select position, c.mine as cards, c.everybodys as "cardsOfAll", coalesce(p.n, 0) as persons
    from relaxed cross join cards c left join persons p using (position)`;
  return new Map(rows.map((r) => [r.position, r]));
}

/** Forgets attempts that no longer count. match_attempt_at. */
export async function forgetAttempts(sql: Queryable, now: Date): Promise<void> {
  await sql`delete from exchange.match_attempt where at < ${now}::timestamptz - ${KEEP_DAYS} * interval '1 day'`;
}

/**
 * Takes one call from a peer's budget, which refills at `perMinute` and holds `burst`.
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
  const [row] = await sql<{ calls: number }[]>`
    insert into exchange.call_budget as b (peer_id, kind, calls, at) values (${peerId}, ${kind}, ${burst - 1}, ${now})
    on conflict (peer_id, kind) do update set at = greatest(b.at, excluded.at),
      calls = greatest(-1, least(${burst}::float8, b.calls + greatest(0, extract(epoch from excluded.at - b.at)) * ${perMinute} / 60.0) - 1)
    returning calls`;
  const left = row?.calls ?? 0;
  return left >= 0 ? 0 : Math.max(1, Math.ceil((-left * 60) / perMinute));
}

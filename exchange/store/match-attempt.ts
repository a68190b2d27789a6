// Statements of the defence against trying: attempts of thirty days, and call budgets.
import { arrayLiteral, type Queryable } from '../../src/store/database.ts';
import type { Attempt, Tried } from '../match/attempt.ts';

const KEEP_DAYS = 30;

/**
 * Records attempts and tells what was tried before, this time included. Repeating a pair counts once. match_attempt_pkey,
 * match_attempt_card.
 */
export async function recordAttempts(
  tx: Queryable,
  peerId: string,
  attempts: readonly Attempt[],
  now: Date,
): Promise<Map<number, Tried>> {
  if (attempts.length === 0) return new Map();
  const each = <T>(of: (a: Attempt) => readonly T[]) => attempts.flatMap((a) => of(a).map((value) => ({ a, value })));
  const stored = each((a) => a.stored);
  const sought = each((a) => a.sought);
  await tx`
    insert into exchange.match_attempt (person, card, peer_id, at)
    select distinct p, c, ${peerId}, ${now}::timestamptz
    from unnest(${arrayLiteral(stored.map((s) => s.value))}::text::bigint[], ${arrayLiteral(stored.map((s) => s.a.card))}::text::bigint[]) u(p, c)
    order by 1, 2
    on conflict (person, card, peer_id) do update set at = excluded.at`;
  const rows = await tx<Tried[]>`
    with sought as materialized (
      select o as position, k as person, c as card
      from unnest(${arrayLiteral(sought.map((s) => s.a.position))}::text::int[], ${arrayLiteral(sought.map((s) => s.value))}::text::bigint[],
        ${arrayLiteral(sought.map((s) => s.a.card))}::text::bigint[]) u(o, k, c)
    ), cards as (
      select s.position, count(distinct m.card) filter (where m.peer_id = ${peerId})::int as mine, count(distinct m.card)::int as everybodys
      from sought s join exchange.match_attempt m on m.person = s.person
      where m.at > ${now}::timestamptz - ${KEEP_DAYS} * interval '1 day'
      group by s.position
    ), persons as (
      select s.position, count(distinct m.person)::int / 3 as n
      from (select distinct position, card from sought) s
      join exchange.match_attempt m on m.card = s.card and m.peer_id = ${peerId}
      where m.at > ${now}::timestamptz - ${KEEP_DAYS} * interval '1 day'
      group by s.position
    )
    select position, coalesce(c.mine, 0) as cards, coalesce(c.everybodys, 0) as "cardsOfAll", coalesce(p.n, 0) as persons
    from cards c full join persons p using (position)`;
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

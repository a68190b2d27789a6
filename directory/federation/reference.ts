// Where references of peers' records lead: what answers to a name, what is there, and what leads nowhere.
import type { Queryable } from '../../src/db/database.ts';

export type NameRow = { peer: string; type: number; token: bigint };
export const nameKey = (n: NameRow): string => `${n.peer} ${n.type} ${n.token}`;

/** Keys of records that alone answer to a name, by {@link nameKey}. name_pkey */
export async function answering(sql: Queryable, names: readonly NameRow[]): Promise<Map<string, string>> {
  if (names.length === 0) return new Map();
  const rows = await sql.unsafe<{ peer: string; type: number; token: string; key: string }[]>(
    `select n.peer, n.type, n.token::text as token, min(s.key) as key
     from (select distinct * from unnest($1::text[], $2::smallint[], $3::bigint[]) n(peer, type, token)) n
     join federation.name k on k.token = n.token
     join federation.source s on s.rk = k.rk and s.peer = n.peer and s.type = n.type and s.state = 'l'
     group by 1, 2, 3 having count(*) = 1`,
    [
      `{${names.map((n) => n.peer).join(',')}}`,
      `{${names.map((n) => n.type).join(',')}}`,
      `{${names.map((n) => n.token).join(',')}}`,
    ],
  );
  return new Map(rows.map((r) => [nameKey({ peer: r.peer, type: r.type, token: BigInt(r.token) }), r.key]));
}

/** Which of these keys are records of peers. source_pkey */
export async function present(sql: Queryable, keys: readonly string[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const rows = await sql<{ key: string }[]>`
    select s.key from unnest(${[...keys]}::text[]) k(key) join federation.source s on s.rk = hashtextextended(k.key, 0) and s.key = k.key
    where s.state in ('l', 'e')`;
  return new Set(rows.map((r) => r.key));
}

export type Awaited = { rk: string; peer: string; type: number } & ({ token: bigint } | { key: string });

/** Replaces what is known of the references of these records. awaited_rk */
export async function noteAwaited(sql: Queryable, records: readonly string[], rows: readonly Awaited[]): Promise<void> {
  await sql`delete from federation.awaited where rk = any(${[...records]}::bigint[])`;
  if (rows.length === 0) return;
  const given = rows.map((r) => ('key' in r ? { ...r, token: null } : { ...r, token: String(r.token), key: null }));
  await sql`insert into federation.awaited (peer, type, token, rk)
    select u.peer, u.type, coalesce(u.token, hashtextextended(u.key, 0)), u.rk
    from jsonb_to_recordset(${JSON.stringify(given)}::text::jsonb) u(rk bigint, peer text, type smallint, token bigint, key text)
    on conflict do nothing`;
}

/** How many references of a peer's records lead nowhere today: by name, and by address. awaited_pkey */
export async function unresolvedCounts(sql: Queryable, peer: string): Promise<{ named: number; addressed: number }> {
  const [row] = await sql<{ named: number; addressed: number }[]>`
    select (count(*) filter (where u.type > 0 and 1 <> (
        select count(*) from federation.name k join federation.source n on n.rk = k.rk and n.state = 'l' and n.peer = u.peer and n.type = u.type
        where k.token = u.token)))::int as named,
      (count(*) filter (where u.type = 0 and s.rk is null))::int as addressed
    from federation.awaited u left join federation.source s on u.type = 0 and s.rk = u.token and s.state in ('l', 'e')
    where u.peer = ${peer}`;
  return row ?? { named: 0, addressed: 0 };
}

/** Records whose names have not been gathered, from a place on; undefined when all have. */
export async function namesFrom(sql: Queryable): Promise<string | undefined> {
  const [row] = await sql<{ at: string | null }[]>`select names_from::text as at from federation.own_state`;
  return row?.at ?? undefined;
}

/** The next records after a place. source_pkey */
export function nextRecords(sql: Queryable, after: string, count: number): Promise<{ rk: string; raw: string }[]> {
  return sql<{ rk: string; raw: string }[]>`
    select s.rk::text as rk, t.raw from federation.source s join federation.content t on t.id = s.content
    where s.rk > ${after}::bigint and s.state = 'l' order by s.rk limit ${count}`;
}

/** Notes names, and how far they are gathered; undefined: to the end. */
export async function addNames(
  sql: Queryable,
  rows: readonly { rk: string; tokens: readonly bigint[] }[],
  through: string | undefined,
): Promise<void> {
  const given = rows.map((r) => ({ rk: r.rk, names: `{${r.tokens.join(',')}}` }));
  await sql`with n as (
      update federation.source s set names = n.names::bigint[]
      from jsonb_to_recordset(${JSON.stringify(given)}::text::jsonb) n(rk bigint, names text) where s.rk = n.rk and n.names <> '{}'
      returning s.rk, s.names)
    insert into federation.name (token, rk) select distinct t, n.rk from n, unnest(n.names) t on conflict do nothing`;
  await sql`update federation.own_state set names_from = ${through ?? null}`;
}

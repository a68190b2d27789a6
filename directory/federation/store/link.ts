// Links between records: candidates by blocking keys, what was judged, and the clusters that come of it.
import type { Queryable, Sql } from '../../../src/store/database.ts';
import type { Side } from '../judge-pair.ts';

export type Candidate = { a: string; b: string; left: Side; right: Side };
export type LinkRow = {
  a: string;
  b: string;
  type: number;
  outcome: 'same' | 'review' | 'not';
  rule: string;
  score: number;
};

const SIDE = (x: string) =>
  `json_build_object('peer', ${x}.peer, 'npi', ${x}.npi::text, 'family', ${x}.family, 'given', ${x}.given, 'name', ${x}.name, 'address', ${x}.address::text,
    'street', ${x}.street::text, 'hasUnit', ${x}.has_unit, 'zip', ${x}.zip, 'state', ${x}.state, 'phone', ${x}.phone::text, 'ids', ${x}.ids::text[], 'lat', ${x}.lat, 'lon', ${x}.lon)`;

/** Of a block the first so many are compared with: all that are equal hang together by them. */
const NEAR = 24;

type Block = {
  on: string;
  /** equal keys are the same entity: each is compared with the first of its block, so that all hang together */
  first?: true;
};

/** By type, what two records must share to be compared at all, with the index that finds it. */
const BLOCKS: Readonly<Record<number, readonly Block[]>> = {
  1: [{ on: 'b.ids && a.ids', first: true }], // feature_id_pkey
  3: [{ on: 'b.ids && a.ids', first: true }],
  // feature_street, feature_phone, feature_cell
  4: [
    { on: 'b.street = a.street and a.street is not null', first: true },
    { on: 'b.phone = a.phone and a.phone is not null and b.zip = a.zip' },
    { on: 'b.cell = a.cell and a.cell is not null' },
  ],
  // feature_npi, feature_id_pkey, feature_phone
  5: [
    { on: 'b.npi = a.npi and a.npi is not null and not b.is_network', first: true },
    { on: 'b.ids && a.ids and not b.is_network', first: true },
    { on: 'b.phone = a.phone and a.phone is not null and not b.is_network' },
  ],
  // feature_npi, feature_id_pkey, feature_name_no_npi, feature_name
  7: [
    { on: 'b.npi = a.npi and a.npi is not null', first: true },
    { on: 'b.ids && a.ids' },
    {
      on: `a.family <> '' and b.family <> '' and b.family = a.family and b.state = a.state and b.npi is null and left(b.given, 1) = left(a.given, 1)`,
    },
    {
      on: `a.npi is null and a.family <> '' and b.family <> '' and b.family = a.family and b.state = a.state and left(b.given, 1) = left(a.given, 1)`,
    },
  ],
};
export const LINKED_TYPES = Object.keys(BLOCKS).map(Number);

// `b.rk + 0`: in the order of the primary key a plan would walk all records to find the first few
/** Pairs to be judged of records that are new or changed. A pair may come more than once. On a dedicated client. */
export async function* candidates(sql: Sql, type: number): AsyncGenerator<Candidate[]> {
  for (const block of BLOCKS[type] ?? []) {
    const byId = block.on.includes('ids &&');
    const guard = byId ? `and a.ids <> '{}'` : '';
    const among = byId
      ? 'unnest(a.ids) u(id) join federation.feature_id x on x.id = u.id and x.type = a.type join federation.feature b on b.rk = x.rk'
      : 'federation.feature b';
    const rows = sql<Candidate[]>`${sql.unsafe(`
      select least(a.rk, b.rk)::text as a, greatest(a.rk, b.rk)::text as b,
        case when a.rk < b.rk then ${SIDE('a')} else ${SIDE('b')} end as left, case when a.rk < b.rk then ${SIDE('b')} else ${SIDE('a')} end as right
      from federation.feature a cross join lateral (
        select b.* from ${among} where b.type = ${type} and b.rk <> a.rk and ${block.on} ${block.first ? 'order by b.rk + 0' : ''} limit ${NEAR}) b
      where a.type = ${type} and a.dirty and not a.is_network ${guard}`)}`;
    for await (const batch of rows.cursor(2000)) yield batch;
  }
}

/** Writes what rules said; the word of a person stays. link_pkey */
export async function writeLinks(sql: Queryable, rows: readonly LinkRow[], at: Date): Promise<void> {
  if (rows.length === 0) return;
  await sql`insert into federation.link as l (a, b, type, outcome, rule, score, by, at)
    select distinct on (r.a, r.b) r.a, r.b, r.type, r.outcome, r.rule, r.score, 'rule', ${at}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) r(a bigint, b bigint, type smallint, outcome text, rule text, score real)
    order by r.a, r.b, r.outcome desc
    on conflict (a, b) do update set outcome = excluded.outcome, rule = excluded.rule, score = excluded.score, at = excluded.at where l.by = 'rule'`;
}

/** How many records wait for their links. feature_dirty */
export async function countDirty(sql: Queryable): Promise<number> {
  const [row] = await sql<{ n: number }[]>`select count(*)::int as n from federation.feature where dirty`;
  return row?.n ?? 0;
}

export async function markClean(sql: Queryable): Promise<void> {
  await sql`update federation.feature set dirty = false where dirty`;
}

/**
 * Clusters anew of everything that hangs together with some records: all that are new, or those named.
 * cluster_pkey, cluster_cluster, link_pkey, link_b
 */
export async function recluster(tx: Queryable, rks?: readonly string[]): Promise<void> {
  await tx`create temp table affected (rk bigint primary key, cluster bigint) on commit drop`;
  await (rks === undefined
    ? tx`insert into affected (rk) select rk from federation.feature where dirty union select c.rk from federation.cluster c left join federation.feature f on f.rk = c.rk where f.rk is null`
    : tx`insert into affected (rk) select distinct u from unnest(${[...rks]}::bigint[]) u`);
  for (;;) {
    const { count } = await tx`insert into affected (rk)
      select c2.rk from affected x join federation.cluster c1 on c1.rk = x.rk join federation.cluster c2 on c2.cluster = c1.cluster
      union select l.b from affected x join federation.link l on l.a = x.rk and l.outcome = 'same'
      union select l.a from affected x join federation.link l on l.b = x.rk and l.outcome = 'same'
      on conflict do nothing`;
    if (count === 0) break;
  }
  await tx`delete from federation.cluster c using affected x where c.rk = x.rk`;
  await tx`update affected set cluster = rk`;
  await tx.unsafe(`create temp table edges on commit drop as
    select l.a, l.b from affected x join federation.link l on l.a = x.rk and l.outcome = 'same'
    join federation.feature fa on fa.rk = l.a join federation.feature fb on fb.rk = l.b`);
  await tx.unsafe('analyze edges; analyze affected');
  for (;;) {
    const { count } = await tx`update affected x set cluster = m.least from (
        select rk, min(cluster) as least from (
          select e.a as rk, y.cluster from edges e join affected y on y.rk = e.b
          union all select e.b, y.cluster from edges e join affected y on y.rk = e.a) n group by rk) m
      where m.rk = x.rk and m.least < x.cluster`;
    if (count === 0) break;
  }
  await tx`insert into federation.cluster (rk, cluster) select x.rk, x.cluster from affected x
    where exists (select from edges e where e.a = x.rk) or exists (select from edges e where e.b = x.rk)`;
}

/** Of the clusters just made, those in which two are said to be different, or two practitioners have different numbers. */
export async function conflicted(tx: Queryable): Promise<string[]> {
  const rows = await tx<{ cluster: string }[]>`
    select distinct c.cluster::text as cluster from affected x join federation.cluster c on c.rk = x.rk
      join federation.link l on l.a = c.rk and l.outcome = 'not' join federation.cluster d on d.rk = l.b and d.cluster = c.cluster
    union
    select c.cluster::text from affected x join federation.cluster c on c.rk = x.rk join federation.feature f on f.rk = c.rk
      where f.type = 7 and f.npi is not null group by c.cluster having count(distinct f.npi) > 1`;
  return rows.map((r) => r.cluster);
}

export type Conflict = {
  members: { rk: string; npi: string | null }[];
  links: { a: string; b: string; outcome: string; score: number; by: string }[];
};

/** cluster_cluster, link_pkey */
export async function readConflict(tx: Queryable, cluster: string): Promise<Conflict> {
  const members = await tx<{ rk: string; npi: string | null }[]>`
    select c.rk::text as rk, case when f.type = 7 then f.npi::text end as npi from federation.cluster c join federation.feature f on f.rk = c.rk where c.cluster = ${cluster}`;
  const links = await tx<Conflict['links']>`
    select l.a::text as a, l.b::text as b, l.outcome, l.score, l.by from federation.cluster c join federation.link l on l.a = c.rk
    join federation.cluster d on d.rk = l.b and d.cluster = c.cluster where c.cluster = ${cluster}`;
  return { members: [...members], links: [...links] };
}

/** Writes a cluster that was taken apart: members by their new cluster, and the links that were refused. */
export async function writeSplit(
  tx: Queryable,
  members: readonly { rk: string; cluster: string }[],
  refused: readonly { a: string; b: string }[],
): Promise<void> {
  await tx`update federation.cluster c set cluster = m.cluster from jsonb_to_recordset(${JSON.stringify(members)}::text::jsonb) m(rk bigint, cluster bigint) where c.rk = m.rk`;
  await tx`update federation.link l set outcome = 'review', note = 'would join what is said to be different'
    from jsonb_to_recordset(${JSON.stringify(refused)}::text::jsonb) r(a bigint, b bigint) where l.a = r.a and l.b = r.b and l.by = 'rule'`;
  await tx`delete from federation.cluster c where c.rk = any(${members.map((m) => m.rk)}::bigint[])
    and not exists (select from federation.cluster d where d.cluster = c.cluster and d.rk <> c.rk)`;
}

export type Link = {
  a: string;
  b: string;
  type: number;
  outcome: string;
  rule: string;
  score: number;
  by: string;
  at: Date;
  note: string;
  keyA: string;
  keyB: string;
  peerA: string;
  peerB: string;
};
const LINK = `l.a::text as a, l.b::text as b, l.type, l.outcome, l.rule, l.score, l.by, l.at, l.note, fa.key as "keyA", fb.key as "keyB", fa.peer as "peerA", fb.peer as "peerB"`;
const FROM =
  'from federation.link l join federation.feature fa on fa.rk = l.a join federation.feature fb on fb.rk = l.b';

/** Pairs that wait for a person, the likeliest first. link_review */
export async function reviewList(sql: Queryable, type: number | undefined, count: number): Promise<Link[]> {
  return sql.unsafe<Link[]>(
    `select ${LINK} ${FROM} where l.outcome = 'review' and ($1::smallint is null or l.type = $1::smallint) order by l.score desc, l.a, l.b limit $2`,
    [type ?? null, count],
  );
}

/** The word of a person about a pair, with its event. link_pkey */
export async function decideLink(
  tx: Queryable,
  pair: { a: string; b: string; type: number },
  outcome: 'same' | 'not' | 'rule',
  by: string,
  note: string,
  at: Date,
): Promise<void> {
  const [before] = await tx<
    { outcome: string; by: string }[]
  >`select outcome, by from federation.link where a = ${pair.a} and b = ${pair.b}`;
  await tx`insert into federation.link_event (a, b, before, after, by, at, note)
    values (${pair.a}, ${pair.b}, ${before ? `${before.outcome} by ${before.by}` : 'none'}, ${outcome}, ${by}, ${at}, ${note})`;
  if (outcome === 'rule') {
    await tx`delete from federation.link where a = ${pair.a} and b = ${pair.b}`;
    await tx`update federation.feature set dirty = true where rk in (${pair.a}, ${pair.b})`;
    return;
  }
  await tx`insert into federation.link (a, b, type, outcome, rule, score, by, at, note) values (${pair.a}, ${pair.b}, ${pair.type}, ${outcome}, 'person', 1, ${by}, ${at}, ${note})
    on conflict (a, b) do update set outcome = excluded.outcome, by = excluded.by, at = excluded.at, note = excluded.note`;
}

/** The two records of a pair by their keys; undefined when one is not there. feature_pkey */
export async function pairOf(
  sql: Queryable,
  keyA: string,
  keyB: string,
): Promise<{ a: string; b: string; type: number } | undefined> {
  const rows = await sql<
    { rk: string; type: number; network: boolean }[]
  >`select rk::text as rk, type, is_network as network from federation.feature
    where rk in (hashtextextended(${keyA}, 0), hashtextextended(${keyB}, 0)) order by rk`;
  const [a, b] = rows;
  return a && b && a.type === b.type && !a.network && !b.network ? { a: a.rk, b: b.rk, type: a.type } : undefined;
}

/** Links by outcome. */
export async function countLinks(sql: Queryable): Promise<Record<string, number>> {
  const rows = await sql<
    { outcome: string; n: number }[]
  >`select outcome, count(*)::int as n from federation.link group by 1`;
  return Object.fromEntries(rows.map((r) => [r.outcome, r.n]));
}

// Links between records: candidates by blocking keys, what was judged, and the clusters that come of it.
import type { Queryable, Sql } from '../../src/db/database.ts';
import type { Side } from './judge-pair.ts';

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

/** Of those that share a key, each is compared with so many that follow it in the order of the block. */
const NEAR = 24;
/** What more than this many share distinguishes no one: a chain of pharmacies has one tax number. They are compared with fewer. */
const LARGE = { members: 500, near: 4 } as const;

type Block = {
  /** what is equal, of a record `x`; left out: one of its identifiers is */
  key?: (x: string) => string[];
  /** of a record `x` that has it */
  has?: (x: string) => string;
  /** puts next to each other what may be the same, so that all that are equal hang together */
  order: readonly string[];
  /** only pairs of which one has no number */
  numberless?: true;
};

const by = (...columns: string[]) => ({
  key: (x: string) => columns.map((c) => `${x}.${c}`),
  has: (x: string) => `${x}.${columns[0]} is not null`,
});
const PERSON = ['family', 'given', 'address'];
const NAMED = ['name', 'address'];

/** By type, what two records must share to be compared at all, with the index that finds it. */
const BLOCKS: Readonly<Record<number, readonly Block[]>> = {
  1: [{ order: NAMED }], // feature_id_pkey
  3: [{ order: NAMED }],
  // feature_street, feature_phone, feature_cell
  4: [
    { ...by('street'), order: ['address', 'name'] },
    { ...by('phone', 'zip'), order: NAMED },
    { ...by('cell'), order: NAMED },
  ],
  // feature_npi, feature_id_pkey, feature_phone
  5: [{ ...by('npi'), order: ['address', 'name'] }, { order: NAMED }, { ...by('phone'), order: NAMED }],
  // feature_npi, feature_id_pkey, feature_name, feature_name_no_npi
  7: [
    { ...by('npi'), order: PERSON },
    { order: PERSON },
    {
      key: (x) => [`${x}.family`, `${x}.state`, `left(${x}.given, 1)`],
      has: (x) => `${x}.family <> ''`,
      order: PERSON,
      numberless: true,
    },
  ],
};
export const LINKED_TYPES = Object.keys(BLOCKS).map(Number);

/**
 * Pairs to be judged of records that are new or changed, as sets: what it takes grows with the records and not with the square of those that
 * share a key. A pair may come more than once. On a dedicated client.
 */
export async function* candidates(sql: Sql, type: number): AsyncGenerator<Candidate[]> {
  await sql.unsafe("set work_mem = '64MB'");
  for (const block of BLOCKS[type] ?? []) {
    for (const [table, rows] of pairTables(type, block))
      await sql.unsafe(`create temp table ${table} as ${rows}; analyze ${table}`);
    const rows = sql<Candidate[]>`${sql.unsafe(`
      select p.a::text as a, p.b::text as b, ${SIDE('a')} as left, ${SIDE('b')} as right
      from block_pair p join federation.feature a on a.rk = p.a join federation.feature b on b.rk = p.b`)}`;
    for await (const batch of rows.cursor(2000)) yield batch;
    await sql.unsafe('drop table block_pair, block_member, block_key');
  }
}

/** The keys of what is new or changed; all that have such a key, in order; who is compared with whom. */
function pairTables(type: number, block: Block): [table: string, rows: string][] {
  const key = block.key ?? ((x: string) => [`${x}_id.id`]);
  const from = (x: string) =>
    `federation.feature ${x} ${block.key ? '' : `join federation.feature_id ${x}_id on ${x}_id.rk = ${x}.rk`}`;
  const of = (x: string) => `${x}.type = ${type} and not ${x}.is_network ${block.has ? `and ${block.has(x)}` : ''}`;
  const same = (x: string, others: readonly string[]) =>
    key(x)
      .map((k, i) => `${k} = ${others[i]}`)
      .join(' and ');
  const noted = key('k').map((_, i) => `k.key${i}`);
  const without = `and exists (select from ${from('n')} where ${of('n')} and n.npi is null and ${same('n', key('a'))})`;
  const order = [...block.order, 'rk'].map((o) => `b.${o}`).join(', ');
  const near = `case when x.members > ${LARGE.members} then ${LARGE.near} else ${NEAR} end`;
  return [
    [
      'block_key',
      `select row_number() over () as block, k.* from (
         select distinct ${key('a')
           .map((k, i) => `${k} as key${i}`)
           .join(', ')} from ${from('a')}
         where ${of('a')} and a.dirty ${block.numberless ? without : ''}) k`,
    ],
    [
      'block_member',
      `select b.rk, b.dirty, b.npi is null as numberless, k.block, row_number() over (partition by k.block order by ${order}) as place,
         count(*) over (partition by k.block) as members
       from block_key k, ${from('b')} where ${same('b', noted)} and ${of('b')} ${block.key ? '' : `and b_id.type = ${type}`}`,
    ],
    [
      'block_pair',
      `select least(x.rk, y.rk) as a, greatest(x.rk, y.rk) as b from block_member x
       cross join lateral generate_series(x.place + 1, least(x.place + ${near}, x.members)) at
       join block_member y on y.block = x.block and y.place = at
       where (x.dirty or y.dirty) ${block.numberless ? 'and (x.numberless or y.numberless)' : ''}`,
    ],
  ];
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
 * Recomputes the clusters of everything that hangs together with some records: all that are new, or those named.
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
  // whole clusters join by their least record, then each member is updated: the rounds grow with the logarithm of a chain, not with its length
  for (;;) {
    const { count } = await tx`update affected r set cluster = m.least from (
        select greatest(x.cluster, y.cluster) as root, min(least(x.cluster, y.cluster)) as least
        from edges e join affected x on x.rk = e.a join affected y on y.rk = e.b where x.cluster <> y.cluster group by 1) m
      where r.rk = m.root`;
    if (count === 0) break;
    while (
      (
        await tx`update affected x set cluster = y.cluster from affected y where y.rk = x.cluster and y.cluster < x.cluster`
      ).count > 0
    );
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

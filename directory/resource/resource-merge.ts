// One batch of an import, from `incoming` into the directory, in one transaction. Every statement works on the set.

import type { Queryable } from '../../src/db/database.ts';
import { referenceToken } from '../../src/db/reference-token.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { extract } from '../../src/fhir/search/extract.ts';
import { TARGET } from '../../src/fhir/search/parameters-further.ts';
import { afterLogical, beforeLogical, enterLogical, followsLogical, removeLogical } from './resource-logical.ts';
import { afterReach, beforeReach } from './resource-reach.ts';
import { dateText } from './resource-staging.ts';

export type Merged = {
  created: number;
  updated: number;
  unchanged: number;
  deleted: number;
  /** keys whose surrogate is taken by another resource: they cannot be stored */
  collided: string[];
  /** changes of existing resources that were put into `waiting` */
  waiting: number;
  /** words of the names of versions that were replaced */
  leaving: string[];
  /** the change counter after this batch */
  change: bigint;
};

const count = async (sql: Queryable, text: string, values: (string | number)[] = []): Promise<number> =>
  (await sql.unsafe(text, values, { prepare: values.length === 0 })).count;

/**
 * Merges what is staged. The staging tables are emptied when the transaction ends.
 * @param now becomes `meta.lastUpdated` of everything that changed
 * @param base public FHIR base, for the entries of replaced versions
 * @param changes of existing resources: written, or moved to `waiting` as they are
 */
export async function mergeStaged(tx: Queryable, now: Date, base: string, changes: 'write' | 'wait'): Promise<Merged> {
  // resource_pkey: one probe a row
  const at = await changeTime(tx, now);
  await tx.unsafe(`insert into plan
    select i.seq, i.rk,
      (case when first_value(i.key) over (partition by i.rk order by i.seq) <> i.key then 'x'
        when row_number() over (partition by i.rk, i.key order by i.seq desc) > 1 then 's'
        when r.rk is null then case when i.deleted then 'n' else 'c' end
        when r.key <> i.key then 'x'
        when i.deleted then case when r.deleted then 'n' else 'd' end
        when not r.deleted and r.content_hash = i.content_hash then 'n'
        else 'u' end)::"char",
      coalesce(r.version, 0) + 1
    from incoming i left join directory.resource r on r.rk = i.rk`);
  const acts = await tx.unsafe<{ action: string; n: number }[]>(
    'select action::text as action, count(*)::int as n from plan group by 1',
  );
  const n = (action: string) => acts.find((a) => a.action === action)?.n ?? 0;
  const waiting = changes === 'wait' ? n('u') + n('d') : 0;
  if (waiting > 0) {
    await tx.unsafe(`insert into waiting select i.* from incoming i join plan p using (seq) where p.action in ('u', 'd');
      delete from plan where action in ('u', 'd')`);
  }
  const writes = n('c') + n('u') + n('d') > waiting;
  const replaces = waiting === 0 && n('u') + n('d') > 0;
  const leaving = replaces ? await noteLeaving(tx, base) : [];
  const follows = writes && (await beforeLogical(tx));
  const reaches = writes && (await beforeReach(tx));
  if (replaces && follows) await removeLogical(tx);
  if (replaces) await replaceVersions(tx);
  if (writes) await writeVersions(tx, at);
  if (follows) await afterLogical(tx);
  if (reaches) await afterReach(tx);
  const collided =
    n('x') === 0
      ? []
      : await tx.unsafe<{ key: string }[]>(`select i.key from incoming i join plan p using (seq) where p.action = 'x'`);
  const [state] = await tx.unsafe<{ change: string }[]>('select change::text as change from directory.state');
  return {
    created: n('c'),
    updated: waiting > 0 ? 0 : n('u'),
    unchanged: n('n'),
    deleted: waiting > 0 ? 0 : n('d'),
    waiting,
    leaving,
    collided: collided.map((r) => r.key),
    change: BigInt(state?.change ?? 0),
  };
}

/**
 * Takes the lock of all writers. What a publication covers is settled: a change that comes after it is dated after it,
 * whatever the clock says.
 * @returns the instant of the change, ISO
 */
export async function changeTime(tx: Queryable, now: Date): Promise<string> {
  const [state] = await tx.unsafe<{ through: Date | null }[]>(
    'select published_through as through from directory.state for update',
  );
  return new Date(Math.max(now.getTime(), (state?.through?.getTime() ?? -1) + 1)).toISOString();
}

/** Halves of characters, which an older program took, stand in the index as U+FFFD, and jsonb takes none. */
const asStored = (_: string, value: unknown): unknown => (typeof value === 'string' ? value.toWellFormed() : value);

/** Puts the index entries of the versions that are replaced into `leaving`. @returns words of their names */
async function noteLeaving(tx: Queryable, base: string): Promise<string[]> {
  const old = await tx.unsafe<{ rk: string; body: string }[]>(
    `select r.rk::text as rk, r.body from plan p join directory.resource r on r.rk = p.rk
     where p.action in ('u', 'd') and not r.deleted`,
  );
  const names: string[] = [];
  const rows = old.map(({ rk, body }) => {
    const e = extract(JSON.parse(body) as Resource, base);
    for (const word of e.nameWords) names.push(word);
    return {
      rk,
      tokens: e.tokens,
      token_seeds: e.tokenSeeds,
      refs: e.refs,
      ref_params: e.refParams,
      words: e.words.map((w) => w.folded),
      word_params: e.words.map((w) => w.param),
      dates: e.dates.map((d) => dateText(d.lo, d.hi)),
      date_params: e.dates.map((d) => d.param),
    };
  });
  if (rows.length === 0) return names;
  const given = JSON.stringify(rows);
  await count(tx, 'insert into leaving select * from jsonb_populate_recordset(null::leaving, $1::text::jsonb)', [
    /\\ud[89a-f]/.test(given) ? JSON.stringify(rows, asStored) : given,
  ]);
  return names;
}

/** Keeps the old versions and takes their entries, which are in `leaving`, out of the index, each by its exact key: lookup_pkey, words_folded, dates_pkey. */
async function replaceVersions(tx: Queryable): Promise<void> {
  await tx.unsafe(`insert into directory.history (rk, version, last_updated, deleted, body, type, content_hash)
      select r.rk, r.version, r.last_updated, r.deleted, r.body, r.type, r.content_hash from plan p join directory.resource r on r.rk = p.rk
      where p.action in ('u', 'd');
    delete from directory.lookup l using (
      select hashtextextended(t, s) as token, rk from leaving, unnest(tokens, token_seeds) u(t, s)
      union select ${referenceToken('hashtextextended(t, 0)', 's')}, rk from leaving, unnest(refs, ref_params) u(t, s)) o
    where l.token = o.token and l.rk = o.rk`);
  await tx.unsafe(`delete from directory.words w using (
      select distinct s as param, t as folded, rk from leaving, unnest(words, word_params) u(t, s)) o
    where w.param = o.param and w.folded = o.folded collate "C" and w.rk = o.rk`);
  await tx.unsafe(`delete from directory.dates d using (
      select s as param, split_part(t, '/', 1)::timestamptz as lo, split_part(t, '/', 2)::timestamptz as hi, rk
      from leaving, unnest(dates, date_params) u(t, s)) o
    where d.param = o.param and d.lo = o.lo and d.hi = o.hi and d.rk = o.rk;
    delete from directory.place p using leaving o where p.rk = o.rk;
    delete from directory.boundary b using leaving o where b.rk = o.rk;
    delete from directory.verification v using (
      select hashtextextended(t, 0) as target, rk from leaving, unnest(refs, ref_params) u(t, s) where s = ${TARGET}) o
    where v.target = o.target and v.rk = o.rk`);
}

/** One round trip: the client is busy with the next batch and would answer late between statements. */
async function writeVersions(tx: Queryable, at: string): Promise<void> {
  const now = `'${at}'`; // made by toISOString
  await tx.unsafe(
    `insert into directory.resource as r (rk, last_updated, version, type, deleted, key, content_hash, params, refs, ref_params, findings, body, hours, sort)
    select i.rk, ${now}::timestamptz, p.version, i.type, i.deleted, i.key, i.content_hash, i.params,
      array(select hashtextextended(t, 0) from unnest(i.refs) with ordinality u(t, n) order by n), i.ref_params, i.findings,
      case when i.deleted then '' else i.head || p.version || '","lastUpdated":"' || ${now} || i.tail end,
      hashtextextended(i.hours, 0), i.sort
    from incoming i join plan p using (seq) where p.action in ('c', 'u', 'd')
    order by i.rk
    on conflict (rk) do update set last_updated = excluded.last_updated, version = excluded.version, deleted = excluded.deleted,
      content_hash = excluded.content_hash, params = excluded.params, refs = excluded.refs, ref_params = excluded.ref_params,
      findings = excluded.findings, body = excluded.body, hours = excluded.hours, sort = excluded.sort;
    ${INSERT_ENTRIES};
    update directory.state set change = change + 1, changed_at = ${now}::timestamptz, counts = (
      select array_agg(c.n + coalesce(d.n, 0) order by c.type)
      from unnest(counts) with ordinality c(n, type)
      left join (
        select i.type, sum(case p.action when 'c' then 1 when 'd' then -1 else 0 end) + count(*) filter (where h.deleted) as n
        from incoming i join plan p using (seq)
        left join directory.history h on h.rk = i.rk and h.version = p.version - 1 and p.action = 'u'
        where p.action in ('c', 'u', 'd') group by i.type) d on d.type = c.type)`,
  );
}

/** Entries, parameters and references of everything staged, for a reindex. Empties the staging table. */
export async function insertStagedEntries(tx: Queryable): Promise<void> {
  await tx.unsafe(`insert into plan select seq, rk, 'c'::"char", 0 from incoming;
    update directory.resource r set params = i.params, ref_params = i.ref_params,
      hours = hashtextextended(i.hours, 0), sort = i.sort,
      refs = array(select hashtextextended(t, 0) from unnest(i.refs) with ordinality u(t, n) order by n)
    from incoming i where r.rk = i.rk;
    ${INSERT_ENTRIES}${followsLogical(tx) ? `;\n${enterLogical('incoming i', '')}` : ''};
    truncate incoming, plan`);
}

/**
 * Sorted, so that pages of the index are touched once a batch. Nothing conflicts: `union` takes repetitions out, and the
 * entries of replaced versions are gone already; `on conflict` would double the cost of a row.
 */
const INSERT_ENTRIES = `insert into directory.lookup
    select hashtextextended(t, s), i.rk from incoming i join plan p using (seq), unnest(i.tokens, i.token_seeds) u(t, s)
    where p.action in ('c', 'u')
    union
    select ${referenceToken('hashtextextended(t, 0)', 's')}, i.rk from incoming i join plan p using (seq), unnest(i.refs, i.ref_params) u(t, s)
    where p.action in ('c', 'u')
    order by 1, 2;
  insert into directory.words (rk, param, folded, raw)
    select i.rk, s, t, nullif(w, '') from incoming i join plan p using (seq), unnest(i.words, i.raws, i.word_params) u(t, w, s)
    where p.action in ('c', 'u') order by s, t collate "C", i.rk;
  insert into directory.dates (param, lo, hi, rk)
    select s, split_part(t, '/', 1)::timestamptz, split_part(t, '/', 2)::timestamptz, i.rk
    from incoming i join plan p using (seq), unnest(i.dates, i.date_params) u(t, s)
    where p.action in ('c', 'u') on conflict do nothing;
  insert into directory.place (rk, at, approximate)
    select i.rk, (i.more ->> 'place')::point, i.more ? 'approximate' from incoming i join plan p using (seq)
    where p.action in ('c', 'u') and i.more ? 'place';
  insert into directory.boundary (rk, part, bounds, ring, holes)
    select i.rk, n, box((a ->> 'ring')::polygon), (a ->> 'ring')::polygon,
      array(select h::polygon from jsonb_array_elements_text(a -> 'holes') h)
    from incoming i join plan p using (seq), jsonb_array_elements(i.more -> 'areas') with ordinality u(a, n)
    where p.action in ('c', 'u');
  insert into directory.verification (target, rk, lo, hi)
    select distinct hashtextextended(t, 0), i.rk, (i.more -> 'verified' ->> 0)::timestamptz, (i.more -> 'verified' ->> 1)::timestamptz
    from incoming i join plan p using (seq), unnest(i.refs, i.ref_params) u(t, s)
    where p.action in ('c', 'u') and s = ${TARGET} and i.more ? 'verified';
  insert into directory.opening (pattern, open)
    select distinct hashtextextended(i.hours, 0), i.hours::int4multirange from incoming i join plan p using (seq)
    where p.action in ('c', 'u') and i.hours is not null on conflict do nothing`;

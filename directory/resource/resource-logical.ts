// References by identifier alone (src/fhir/search/logical.ts), as the index follows them: `logical` keeps what each asks for, and where
// it leads stands at the end of the references of its row and among its entries, as if the record stated the address. Made for all
// at the end of a first load and of a reindex, and kept right in each batch. docs/decisions/019.

import type { Queryable } from '../../src/db/database.ts';
import { referenceToken } from '../../src/db/reference-token.ts';
import { schemaOf } from '../../src/db/schema-view.ts';
import { IDENTIFIER_SEEDS } from '../../src/fhir/search/logical.ts';
import { TARGET } from '../../src/fhir/search/parameters-further.ts';

/** Are they followed here? In the view of all directories those of the others are resolved before, within their own. */
export const followsLogical = (sql: Queryable): boolean => schemaOf(sql) === 'directory';

/**
 * Temporary tables of an import: the rows whose references may lead elsewhere after the batch, with how many references at the end of
 * the row were found, and the entries that follow from these.
 */
export const LOGICAL_STAGING = `
  create temp table logical_due (rk bigint primary key, added integer not null) on commit delete rows;
  create temp table logical_held (token bigint not null, rk bigint not null) on commit delete rows;`;

const same = (table: string): string => table;
const WRITTEN = 'incoming i join plan p using (seq)';

/** Enters what is staged. A verification whose target is not known yet stands under the target 0. */
export const enterLogical = (
  rows: string,
  test: string,
): string => `insert into directory.logical (rk, ord, param, before, token)
    select i.rk, l.ord, (l.one ->> 'param')::smallint, l.one ->> 'before', hashtextextended(t.form, t.seed)
    from ${rows} cross join lateral jsonb_array_elements(i.more -> 'logical') with ordinality l(one, ord)
      left join lateral (select t ->> 'form' as form, (t ->> 'seed')::bigint as seed from jsonb_array_elements(l.one -> 'targets') t) t on true
    where i.more ? 'logical'${test};
  insert into directory.verification (target, rk, lo, hi)
    select 0, i.rk, (i.more -> 'verified' ->> 0)::timestamptz, (i.more -> 'verified' ->> 1)::timestamptz
    from ${rows} where i.more ? 'logical' and i.more ? 'verified'${test}`;

const seeds = IDENTIFIER_SEEDS.join(', ');
const COMING = `select hashtextextended(t, s) as token, i.rk from ${WRITTEN}, unnest(i.tokens, i.token_seeds) u(t, s) where p.action in ('c', 'u') and s in (${seeds})`;
const GOING = `select hashtextextended(t, s) as token, rk from leaving, unnest(tokens, token_seeds) u(t, s) where s in (${seeds})`;

/**
 * Notes, before a batch is written and when `leaving` is filled, which rows have references that may lead elsewhere afterwards: those of the
 * batch, and those that ask for an identifier that comes or goes with it.
 * @returns whether there are any
 */
export async function beforeLogical(tx: Queryable): Promise<boolean> {
  if (!followsLogical(tx)) return false;
  const [some] = await tx.unsafe<{ here: boolean }[]>(
    `select exists (select from directory.logical) or exists (select from incoming where more ? 'logical') as here`,
  );
  if (some?.here !== true) return false;
  const { count } = await tx.unsafe(`insert into logical_due (rk, added)
    select d.rk, (select count(distinct (g.param, g.target)) from directory.logical g where g.rk = d.rk and g.before is null and g.target is not null)
    from (
      select i.rk from ${WRITTEN} where p.action in ('c', 'u') and i.more ? 'logical'
      union select g.rk from leaving o join directory.logical g on g.rk = o.rk
      union select g.rk from (
        select distinct token from ((${COMING} except ${GOING}) union all (${GOING} except ${COMING})) x) t
        cross join lateral (select g.rk from directory.logical g where g.token = t.token offset 0) g) d`);
  if (count > 0) await tx.unsafe(`analyze logical_due; insert into logical_held ${found('logical_due', same)}`);
  return count > 0;
}

/** Takes what was found for versions that are replaced out of the index: `leaving` holds them. */
export async function removeLogical(tx: Queryable): Promise<void> {
  await tx.unsafe(`delete from directory.lookup l using logical_held h join leaving o using (rk) where l.token = h.token and l.rk = h.rk;
    delete from directory.verification v using directory.logical g join leaving o using (rk)
      where v.target in (0, g.target) and v.rk = g.rk;
    delete from directory.logical g using leaving o where g.rk = o.rk;
    delete from logical_held h using leaving o where h.rk = o.rk;
    update logical_due d set added = 0 from leaving o where d.rk = o.rk`);
}

/** Writes where they lead, when a batch is written. */
export async function afterLogical(tx: Queryable): Promise<void> {
  await tx.unsafe(enterLogical(WRITTEN, ` and p.action in ('c', 'u')`));
  await resolve(tx, same, 'logical_due', 'few');
  await tx.unsafe(`delete from directory.lookup l using (
      select token, rk from logical_held except select token, rk from logical_now except select token, rk from logical_told) o
    where l.token = o.token and l.rk = o.rk;
    drop table logical_now, logical_told, logical_found`);
}

/** Writes where all of them lead, in tables that say nothing of it. `name` as of reachAll. */
export async function resolveAll(tx: Queryable, name: (table: string) => string): Promise<void> {
  if (!followsLogical(tx)) return;
  const logical = `directory.${name('logical')}`;
  const [some] = await tx.unsafe<{ here: boolean }[]>(`select exists (select from ${logical}) as here`);
  if (some?.here !== true) return;
  await tx.unsafe(`analyze ${logical}`);
  await resolve(tx, name, `(select distinct rk, 0 as added from ${logical})`, 'all');
  await tx.unsafe('drop table logical_now, logical_told, logical_found');
}

/** `token, rk` of the entries that follow from what was found. */
const found = (due: string, name: (table: string) => string): string =>
  `select distinct case when g.before is null then ${referenceToken('g.target', 'g.param')}
      else hashtextextended(g.before || t.key, g.param) end as token, g.rk
    from ${due} d join directory.${name('logical')} g on g.rk = d.rk
      left join directory.${name('resource')} t on t.rk = g.target and g.before is not null
    where g.target is not null`;

/** Leaves `logical_now`: the entries that follow, and `logical_told`: those of the references that have an address. */
async function resolve(
  tx: Queryable,
  name: (table: string) => string,
  due: string,
  finding: 'all' | 'few',
): Promise<void> {
  const [logical, lookup, resource] = ['logical', 'lookup', 'resource'].map((t) => `directory.${name(t)}`);
  const verification = `directory.${name('verification')}`;
  // the first and the last record that have the token: of very many the rest is not read
  const holders =
    finding === 'all'
      ? `join (select token, min(rk) as first, max(rk) as last from ${lookup} where token in (select token from ${logical}) group by token) t on t.token = g.token`
      : `cross join lateral (select min(l.rk) as first, max(l.rk) as last from (select rk from ${lookup} where token = g.token limit 2) l) t`;
  await tx.unsafe(`create temp table logical_told on commit drop as
      select distinct ${referenceToken('u.ref', 'u.param')} as token, r.rk
      from ${due} d join ${resource} r on r.rk = d.rk cross join lateral unnest(
        r.refs[1:cardinality(r.refs) - d.added], r.ref_params[1:cardinality(r.refs) - d.added]) u(ref, param)
      union select hashtextextended(g.before, g.param), g.rk from ${due} d join ${logical} g on g.rk = d.rk where g.before is not null and g.token is null;
    delete from ${verification} v using ${due} d join ${logical} g on g.rk = d.rk
      where g.param = ${TARGET} and v.target = g.target and v.rk = g.rk
        and not exists (select from logical_told o where o.token = ${referenceToken('g.target', TARGET)} and o.rk = g.rk);
    create temp table logical_found on commit drop as
      select g.rk, g.ord, case when min(t.first) = max(t.last) then min(t.first) end as target
      from ${due} d join ${logical} g on g.rk = d.rk ${holders} group by g.rk, g.ord;
    analyze logical_found;
    update ${logical} g set target = f.target from logical_found f where g.rk = f.rk and g.ord = f.ord and g.target is distinct from f.target;
    update ${resource} r set refs = n.refs, ref_params = n.params from (
        select d.rk, r.refs[1:cardinality(r.refs) - d.added] || coalesce(x.refs, '{}') as refs,
          r.ref_params[1:cardinality(r.refs) - d.added] || coalesce(x.params, '{}') as params
        from ${due} d join ${resource} r on r.rk = d.rk and not r.deleted
          left join (select x.rk, array_agg(x.target order by x.param, x.target) as refs, array_agg(x.param order by x.param, x.target) as params
            from (select distinct g.rk, g.param, g.target from ${due} d join ${logical} g on g.rk = d.rk
              where g.before is null and g.target is not null) x group by x.rk) x on x.rk = d.rk) n
      where r.rk = n.rk and (r.refs <> n.refs or r.ref_params <> n.params);
    create temp table logical_now on commit drop as ${found(due, name)};
    insert into ${lookup} (token, rk) select token, rk from logical_now except select token, rk from logical_told on conflict do nothing;
    insert into ${verification} (target, rk, lo, hi)
      select distinct g.target, v.rk, v.lo, v.hi from ${due} d join ${logical} g on g.rk = d.rk join ${verification} v on v.target = 0 and v.rk = g.rk
      where g.param = ${TARGET} and g.target is not null
        and not exists (select from logical_told o where o.token = ${referenceToken('g.target', TARGET)} and o.rk = g.rk)`);
}

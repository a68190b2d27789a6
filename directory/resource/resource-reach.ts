// Entries that follow from other resources (src/fhir/search/reached.ts): made for all at the end of a first load and of a
// reindex, and kept right in each batch that changes a resource on which they depend. All is read from the rows of resources.

import type { Queryable } from '../../src/db/database.ts';
import { referenceToken } from '../../src/db/reference-token.ts';
import { CITIES, NETWORKS } from '../../src/fhir/search/reached.ts';
import { SEPARATOR } from '../../src/fhir/search/sort.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { careRows } from '../search/care-at.ts';

const { Location, Practitioner, PractitionerRole } = TYPE_IDS;
const refs = (row: string, as: string) => `unnest(${row}.refs, ${row}.ref_params) ${as}(ref, param)`;
const city = (row: string) => `split_part(${row}.sort, E'\\x${SEPARATOR.charCodeAt(0).toString(16)}', ${CITIES.place})`;

/**
 * How rows are found whose key is known: all of them by whatever join is best; a few one by one, since statistics may be older than
 * the rows of a type, and a plan that takes these for none goes over all of them for each row.
 */
export type Finding = 'all' | 'few';
/** A row of a table by its key, under a name. */
const byKey = (table: string, as: string, key: string, finding: Finding): string =>
  finding === 'all'
    ? `join ${table} ${as} on ${as}.rk = ${key}`
    : `cross join lateral (select f.* from ${table} f where f.rk = ${key} offset 0) ${as}`;

/** `network, rk` of live people by the networks of these live roles. */
const networksOf = (roles: string, people: string, finding: Finding) =>
  `select distinct n.ref as network, p.ref as rk
   from ${roles} s cross join lateral ${refs('s', 'p')} cross join lateral ${refs('s', 'n')}
   where s.type = ${PractitionerRole} and not s.deleted and p.param = ${NETWORKS.back} and n.param = ${NETWORKS.of}
     and exists (select from ${people} t where t.rk = p.ref and t.type = ${Practitioner} and not t.deleted${finding === 'few' ? ' offset 0' : ''})`;

/** `rk, folded` of live roles by the cities of their live places. */
const citiesOf = (roles: string, places: string, finding: Finding) =>
  `select distinct s.rk, ${city('l')} as folded from ${roles} s cross join lateral ${refs('s', 'u')} ${byKey(places, 'l', 'u.ref', finding)}
   where s.type = ${PractitionerRole} and not s.deleted and u.param = ${CITIES.along} and l.type = ${Location} and not l.deleted
     and ${city('l')} <> ''`;

/** Makes them for all, in tables that have none. `resource` may be another table of the same columns, as the others; `kinds` as of {@link careRows}. */
export async function reachAll(tx: Queryable, name: (table: string) => string, kinds?: string): Promise<void> {
  const resources = `directory.${name('resource')}`;
  await tx.unsafe(`insert into directory.${name('lookup')} (token, rk) select ${referenceToken('network', NETWORKS.id)}, rk from (${networksOf(resources, resources, 'all')}) n;
    insert into directory.${name('words')} (rk, param, folded)
      select rk, ${CITIES.id}, folded from (${citiesOf(resources, resources, 'all')}) c order by folded, rk;
    insert into directory.${name('care_at')} (${CARE_COLUMNS})
      select ${CARE_COLUMNS} from (${careRows(resources, byKey(`directory.${name('place')}`, 'p', 'u.ref', 'all'), kinds)}) c order by ${CARE_COLUMNS}`);
}

/** Temporary tables of an import. */
export const REACH_STAGING = `
  create temp table reaching (rk bigint primary key, type smallint not null) on commit delete rows;
  create temp table reached (network bigint, folded text collate "C", rk bigint not null) on commit delete rows;
  create temp table care_held (token bigint, network bigint, rk bigint, x float8, y float8, approximate boolean) on commit delete rows;`;

const RESOURCES = 'directory.resource';
/** Roles in `reaching`, and with them all roles of the people in it. */
const ROLES = `(select r.* from reaching h ${byKey(RESOURCES, 'r', 'h.rk', 'few')} where h.type = ${PractitionerRole})`;
const ROLES_TOO = `(select r.* from (
      select rk from reaching where type = ${PractitionerRole}
      union select l.rk from reaching h cross join lateral
        (select l.rk from directory.lookup l where l.token = ${referenceToken('h.rk', NETWORKS.back)} offset 0) l
        where h.type = ${Practitioner} offset 0) x ${byKey(RESOURCES, 'r', 'x.rk', 'few')})`;

/** What people have by these roles, and what the roles in `reaching` have, by the tables as they are. */
export const HELD = `select network, null::text as folded, rk from (${networksOf(ROLES_TOO, RESOURCES, 'few')}) n
  union all select null, folded, rk from (${citiesOf(ROLES, RESOURCES, 'few')}) c`;
const CARE_COLUMNS = 'token, network, rk, x, y, approximate';
export const CARE_HELD = careRows(ROLES, byKey('directory.place', 'p', 'u.ref', 'few'));

const people = (text: string) => `select ${text} as rk, ${Practitioner}::smallint as type`;
const roles = (text: string) => `select ${text} as rk, ${PractitionerRole}::smallint as type`;
const batch = (type: number, actions: string) =>
  `(select i.* from plan p join incoming i using (seq) where i.type = ${type} and p.action in (${actions})) i`;

/** Places whose city or position is another one afterwards: of a new name nothing follows for the roles there, who may be very many. */
const MOVED_PLACES = `(select i.rk from plan p join incoming i using (seq)
    left join lateral (select ${city('f')} as city from directory.resource f where f.rk = i.rk and not f.deleted offset 0) r on true
    left join lateral (select f.at, f.approximate from directory.place f where f.rk = i.rk offset 0) h on true
    cross join lateral (select (i.more ->> 'place')::point as at, i.more ? 'approximate' as approximate) n
    where i.type = ${Location} and (p.action in ('c', 'd') or p.action = 'u'
      and (${city('i')} is distinct from r.city or n.at[0] is distinct from h.at[0] or n.at[1] is distinct from h.at[1]
        or n.approximate is distinct from coalesce(h.approximate, false))))`;

/**
 * Notes, before a batch is written, by what entries may change, and what they are: roles that are written, that name a place that is
 * and is somewhere else then, or that name others afterwards (`logical_due`); people who come or go. Of others it is enough to look at the roles that are written: of a
 * hundred roles of one person the rest is not read.
 * @returns whether there are any
 */
export async function beforeReach(tx: Queryable): Promise<boolean> {
  const { count } = await tx.unsafe(`insert into reaching
    ${people('i.rk')} from ${batch(Practitioner, `'c', 'd'`)}
    union ${people('i.rk')} from ${batch(Practitioner, `'u'`)} join directory.resource r on r.rk = i.rk and r.deleted
    union ${roles('i.rk')} from ${batch(PractitionerRole, `'c', 'u', 'd'`)}
    union ${roles('d.rk')} from logical_due d ${byKey(RESOURCES, 'r', 'd.rk', 'few')} where r.type = ${PractitionerRole}
    union ${roles('l.rk')} from ${MOVED_PLACES} i join directory.lookup l on l.token = ${referenceToken('i.rk', CITIES.along)}
    on conflict do nothing`);
  if (count > 0) await tx.unsafe(`insert into reached ${HELD}; insert into care_held ${CARE_HELD}`);
  return count > 0;
}

/** Is the person of the row `o` here, and has another role the network? lookup_pkey for each role of the person. */
const HAS_STILL = `(exists (select from directory.resource t where t.rk = o.rk and t.type = ${Practitioner} and not t.deleted offset 0)
        and exists (select from directory.lookup a where a.token = ${referenceToken('o.rk', NETWORKS.back)}
          and exists (select from directory.lookup b where b.token = ${referenceToken('o.network', NETWORKS.of)} and b.rk = a.rk offset 0) offset 0))`;

/** Writes what is otherwise now. */
export async function afterReach(tx: Queryable): Promise<void> {
  await tx.unsafe(`create temp table reached_now on commit drop as ${HELD};
    delete from directory.lookup l using (select network, rk from reached where network is not null except select network, rk from reached_now) o
      where l.token = ${referenceToken('o.network', NETWORKS.id)} and l.rk = o.rk and not ${HAS_STILL};
    insert into directory.lookup (token, rk) select ${referenceToken('network', NETWORKS.id)}, rk from reached_now where network is not null
      except select ${referenceToken('network', NETWORKS.id)}, rk from reached order by 1, 2 on conflict do nothing;
    delete from directory.words w using (select folded, rk from reached where folded is not null except select folded, rk from reached_now) o
      where w.param = ${CITIES.id} and w.folded = o.folded and w.rk = o.rk;
    insert into directory.words (rk, param, folded) select rk, ${CITIES.id}, folded from (
      select folded, rk from reached_now where folded is not null except select folded, rk from reached) n order by folded, rk;
    drop table reached_now;
    create temp table care_now on commit drop as ${CARE_HELD};
    delete from directory.care_at c using (select * from care_held except select * from care_now) o
      where c.token = o.token and c.network = o.network and c.rk = o.rk and c.x = o.x and c.y = o.y and c.approximate = o.approximate;
    insert into directory.care_at (${CARE_COLUMNS}) select * from care_now except select * from care_held order by ${CARE_COLUMNS};
    drop table care_now`);
}

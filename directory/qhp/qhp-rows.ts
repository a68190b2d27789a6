// Providers of a scope with their roles and places, one row a provider. The scope is filled by mpf-scope.ts.

import type { Queryable, Sql } from '../../src/db/database.ts';
import { referenceToken } from '../../src/db/reference-token.ts';
import { parameter } from '../../src/fhir/search/parameters.ts';
import { type DirectoryType, TYPE_IDS } from '../../src/fhir/search/types.ts';

const id = (type: DirectoryType, code: string): number => parameter(type, code)?.id ?? 0;

/** `links` and `places` are resources, one a line: bodies hold no line break, and an array would be parsed by the character. */
export type ProviderRow = { body: string; links: string; places: string };

/**
 * Each provider of a type, the roles or affiliations of the scope that name it by one of these parameters, and the places
 * of those. lookup_pkey, resource_pkey.
 */
function providers(
  sql: Sql,
  type: DirectoryType,
  link: DirectoryType,
  params: string[],
  more = '',
): AsyncIterable<ProviderRow[]> {
  const tokens = params.map((p) => referenceToken('p.rk', id(link, p))).join(', ');
  return sql
    .unsafe<ProviderRow[]>(
      `select p.body, l.links, coalesce(x.places, '') as places from scope s
       join directory.resource p on p.rk = s.rk and p.type = ${TYPE_IDS[type]}
       join lateral (
         select array_agg(distinct r.rk) as rks from directory.lookup k join scope n on n.rk = k.rk
         join directory.resource r on r.rk = k.rk and r.type = ${TYPE_IDS[link]}
         where k.token in (${tokens})${more}) a on a.rks is not null
       cross join lateral (select string_agg(r.body, e'\\n') as links from directory.resource r where r.rk = any(a.rks)) l
       cross join lateral (
         select string_agg(l.body, e'\\n') as places from directory.resource l where not l.deleted and l.rk in (
           select u.ref from directory.resource r, unnest(r.refs, r.ref_params) u(ref, param)
           where r.rk = any(a.rks) and u.param = ${id(link, 'location')})) x`,
    )
    .cursor(200);
}

export const people = (sql: Sql) => providers(sql, 'Practitioner', 'PractitionerRole', ['practitioner']);
/** The primary organization is the facility only where there is no participant: elsewhere it is the payer of them all. */
export const facilities = (sql: Sql) => {
  const participant = id('OrganizationAffiliation', 'participating-organization');
  return providers(
    sql,
    'Organization',
    'OrganizationAffiliation',
    ['participating-organization', 'primary-organization'],
    ` and (k.token = ${referenceToken('p.rk', participant)} or not ${participant} = any(r.params))`,
  );
};

/** The lasting id of a plan; made when the plan is new. */
export async function planUuids(sql: Queryable, plans: readonly string[]): Promise<Map<string, string>> {
  await sql`insert into directory.plan_uuid (plan) select distinct p from unnest(${[...plans]}::text[]) p on conflict do nothing`;
  const rows = await sql<{ plan: string; id: string }[]>`
    select plan, id::text as id from directory.plan_uuid where plan = any(${[...plans]}::text[])`;
  return new Map(rows.map((r) => [r.plan, r.id]));
}

/** Names of networks by key. resource_pkey. */
export async function networkNames(sql: Queryable, keys: readonly string[]): Promise<Map<string, string>> {
  const rows = await sql<{ key: string; body: string }[]>`
    select r.key, r.body from unnest(${[...keys]}::text[]) k(key)
    join directory.resource r on r.rk = hashtextextended(k.key, 0) and r.key = k.key and not r.deleted`;
  return new Map(rows.map((r) => [r.key, String((JSON.parse(r.body) as { name?: unknown }).name ?? '')]));
}

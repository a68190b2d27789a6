// What belongs to some plans: networks, who is in them on a day, and where. In a temporary table of the caller's connection,
// by sets; parameters of the search name the references.

import type { Sql } from '../../src/db/database.ts';
import { referenceToken } from '../../src/db/reference-token.ts';
import { parameter } from '../../src/fhir/search/parameters.ts';
import { type DirectoryType, TYPE_IDS } from '../../src/fhir/search/types.ts';

const id = (type: DirectoryType, code: string): number => {
  const found = parameter(type, code);
  if (!found) throw new Error(`${type} has no parameter ${code}`);
  return found.id;
};

/** All live plans, by cursor. resource_type. */
export function planRows(sql: Sql): AsyncIterable<{ rk: string; body: string }[]> {
  return sql
    .unsafe<{ rk: string; body: string }[]>(
      `select rk::text as rk, body from directory.resource where type = ${TYPE_IDS.InsurancePlan} and not deleted order by rk`,
    )
    .cursor(200);
}

export type ScopeOf = {
  /** keys of the plans */
  plans: readonly string[];
  /** `Organization/id` of their networks */
  networks: readonly string[];
  /** who is in a network on this day */
  day: Date;
};

/**
 * Fills the table `scope (rk)` of this transaction. lookup_pkey finds who is in a network; their references are those of
 * their rows.
 */
export async function fillScope(sql: Sql, of: ScopeOf): Promise<void> {
  await sql.unsafe(`drop table if exists scope, absent;
    create temp table scope (rk bigint primary key, round smallint not null) on commit drop;
    create temp table absent (rk bigint not null) on commit drop`);
  // whose period leaves the day out: once and as a whole, since the dates are not in the order of resources
  await sql.unsafe(
    `insert into absent select rk from directory.dates
     where param in (${id('PractitionerRole', 'period')}, ${id('OrganizationAffiliation', 'period')})
       and not (lo <= $1::timestamptz and hi > $1::timestamptz)`,
    [of.day.toISOString()],
  );
  await sql.unsafe('analyze absent');
  const live = 'join directory.resource r on r.rk = k.rk and not r.deleted';
  const keys = 'select distinct hashtextextended(k, 0) as rk from unnest($1::text[]) k';
  await sql.unsafe(
    `insert into scope select k.rk, 0 from (${keys}) k ${live} where r.type = ${TYPE_IDS.InsurancePlan}`,
    [[...of.plans]],
  );
  await sql.unsafe(
    `insert into scope select k.rk, 1 from (${keys}) k ${live} where r.type = ${TYPE_IDS.Organization} on conflict do nothing`,
    [[...of.networks]],
  );
  for (const type of ['PractitionerRole', 'OrganizationAffiliation'] as const)
    await sql.unsafe(
      `insert into scope select k.rk, 2 from (
         select distinct l.rk from scope n join directory.lookup l on l.token = ${referenceToken('n.rk', id(type, 'network'))}
         where n.round = 1) k ${live}
       where r.type = ${TYPE_IDS[type]} and strpos(r.body, '"active":false') = 0
         and k.rk not in (select rk from absent)
       on conflict do nothing`,
    );
  await sql.unsafe('analyze scope');
  const follow = (round: number, params: number[]) =>
    sql.unsafe(`insert into scope select k.rk, ${round + 1} from (
        select distinct u.ref as rk from scope s join directory.resource f on f.rk = s.rk, unnest(f.refs, f.ref_params) u(ref, param)
        where s.round <= ${round} and u.param in (${params.join(', ')})) k ${live}
      on conflict do nothing`);
  await follow(2, [
    id('PractitionerRole', 'practitioner'),
    id('PractitionerRole', 'organization'),
    id('PractitionerRole', 'location'),
    id('OrganizationAffiliation', 'participating-organization'),
    id('OrganizationAffiliation', 'location'),
    id('InsurancePlan', 'owned-by'),
    id('InsurancePlan', 'administered-by'),
  ]);
  // an affiliation without a participant has its facility as the primary organization
  await sql.unsafe(`insert into scope select k.rk, 3 from (
      select distinct u.ref as rk from scope s join directory.resource f on f.rk = s.rk, unnest(f.refs, f.ref_params) u(ref, param)
      where s.round = 2 and u.param = ${id('OrganizationAffiliation', 'primary-organization')}
        and not ${id('OrganizationAffiliation', 'participating-organization')} = any(f.params)) k ${live}
    on conflict do nothing`);
  await follow(3, [id('Location', 'organization')]);
  // of networks, the payer
  await sql.unsafe(`insert into scope select k.rk, 4 from (
      select distinct u.ref as rk from scope s join directory.resource f on f.rk = s.rk, unnest(f.refs, f.ref_params) u(ref, param)
      where s.round = 1 and u.param = ${id('Organization', 'partof')}) k ${live}
    on conflict do nothing`);
  await sql.unsafe('analyze scope');
}

/** Resources of a type that are in scope, by cursor. resource_pkey. */
export function scopeRows(sql: Sql, type: DirectoryType): AsyncIterable<{ body: string }[]> {
  return sql
    .unsafe<{ body: string }[]>(
      `select r.body from scope s join directory.resource r on r.rk = s.rk where r.type = ${TYPE_IDS[type]}`,
    )
    .cursor(1000);
}

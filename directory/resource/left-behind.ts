// What tables made of someone stays when they say that the NPI is deactivated: they name the person or the organization then, and no place.

import type { Database, Sql } from '../../src/db/database.ts';
import { referenceToken } from '../../src/db/reference-token.ts';
import { PARAMETERS } from '../../src/fhir/search/parameters.ts';
import { type ImportEntry, importResources } from './resource-import.ts';

const number = (type: 'PractitionerRole' | 'HealthcareService' | 'OrganizationAffiliation', name: string): number => {
  const id = PARAMETERS.get(type)?.get(name)?.id;
  if (id === undefined) throw new Error(`${type} has no parameter ${name}`);
  return id;
};

/** References to the one that is gone: of roles, services and affiliations. */
const BACK = [
  number('PractitionerRole', 'practitioner'),
  number('HealthcareService', 'organization'),
  number('OrganizationAffiliation', 'participating-organization'),
];

/** What a role says it is part of: the telehealth of a person names that person in its id alone. */
const SERVICE = number('PractitionerRole', 'service');

/** Ids that tables give to what they make of an NPI: what others say of it is theirs. */
const made = (key: string, npi: string) => `${key} ~ ('^[A-Za-z]+/(role|svc|aff)-' || ${npi} || '-')`;

/** lookup_pkey, resource_pkey. */
const LEFT = `with tied as (
    select r.key, r.refs, r.ref_params, right(k.key, 10) as npi
    from unnest($1::text[]) k(key)
      cross join lateral (select hashtextextended(k.key, 0) as rk offset 0) g
      cross join unnest($2::int[]) b(param)
      cross join lateral (select l.rk from directory.lookup l where l.token = ${referenceToken('g.rk', 'b.param')} offset 0) l
      cross join lateral (select f.* from directory.resource f where f.rk = l.rk offset 0) r
    where not r.deleted and ${made('r.key', 'right(k.key, 10)')}
      and not exists (select from directory.resource f where f.rk = g.rk and not f.deleted offset 0))
  select key from tied
  union select s.key from tied t cross join lateral unnest(t.refs, t.ref_params) u(ref, param)
    cross join lateral (select f.key, f.deleted from directory.resource f where f.rk = u.ref offset 0) s
    where u.param = ${SERVICE} and not s.deleted and ${made('s.key', 't.npi')}
  order by 1`;

const AT_ONCE = 1000;

/** NPIs of which something may be left, as numbers: a register has some hundred thousands. */
type Gone = { add: (key: string) => void; npis: () => Iterable<number> };

export function gone(): Gone {
  const held = new Set<number>();
  return { add: (key) => void held.add(Number(key.slice(-10))), npis: () => held };
}

/**
 * Deletes the roles, services and affiliations that tables made of NPIs which are gone, and are not there again.
 * @returns how many there were
 */
export async function deleteLeftBehind(
  database: Database,
  { npis }: Gone,
  options: Parameters<typeof importResources>[2],
): Promise<number> {
  const left: string[] = [];
  let keys: string[] = [];
  const look = async () => {
    if (keys.length > 0) left.push(...(await leftOf(database.sql, keys)));
    keys = [];
  };
  for (const npi of npis()) {
    keys.push(`Practitioner/npi-${npi}`, `Organization/org-${npi}`);
    if (keys.length >= AT_ONCE) await look();
  }
  await look();
  if (left.length === 0) return 0;
  const entries = left.map((url): ImportEntry => {
    return { source: 'deactivated', line: 0, text: '', request: { method: 'DELETE', url } };
  });
  return (await importResources(database, entries, options)).deleted;
}

async function leftOf(sql: Sql, keys: readonly string[]): Promise<string[]> {
  const rows = await sql.unsafe<{ key: string }[]>(LEFT, [keys as string[], BACK]);
  return rows.map(({ key }) => key);
}

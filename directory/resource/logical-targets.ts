// Where the references by identifier alone of some records lead, for those who read records as a whole. Searches find it in the index.

import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { logicalReferences } from '../../src/fhir/search/logical.ts';
import { followsLogical } from './resource-logical.ts';

/** The bodies of rows as records whose references all have addresses, as far as they lead somewhere. */
export async function readAddressed(sql: Queryable, rows: readonly { body: string }[]): Promise<Resource[]> {
  const resources = rows.map(({ body }) => JSON.parse(body) as Resource); // as the store keeps it
  await addressLogical(sql, resources);
  return resources;
}

/** lookup_pkey, resource_pkey: of an identifier that very many records have two are read. */
const HOLDERS = `select distinct t.i, r.key from unnest($1::int[], $2::text[], $3::bigint[]) t(i, form, seed)
  cross join lateral (select rk from directory.lookup where token = hashtextextended(t.form, t.seed) limit 2) l
  join directory.resource r on r.rk = l.rk and not r.deleted`;

/**
 * Gives references by identifier alone the address of the one record that has it, as the index does (directory/resource/resource-logical.ts): in the objects themselves,
 * which are copies of what is stored. Where no record has such references nothing is asked, nor in the view of all directories, where another's record may have
 * the identifier.
 * @returns whether the database was asked: of the state that it has by then
 */
export async function addressLogical(sql: Queryable, resources: Iterable<Resource>): Promise<boolean> {
  if (!followsLogical(sql)) return false;
  const all = [...resources].flatMap(logicalReferences);
  if (all.length === 0) return false;
  const asked = all.flatMap(({ targets }, i) => targets.map(({ form, seed }) => ({ i, form, seed })));
  const rows = await sql.unsafe<{ i: number; key: string }[]>(
    HOLDERS,
    [
      arrayLiteral(asked.map((a) => a.i)),
      arrayLiteral(asked.map((a) => a.form)),
      arrayLiteral(asked.map((a) => a.seed)),
    ],
    { prepare: true },
  );
  const keys = new Map<number, string[]>();
  for (const { i, key } of rows) keys.set(i, [...(keys.get(i) ?? []), key]);
  for (const [i, [key, second]] of keys) {
    const reference = all[i]?.reference;
    if (reference !== undefined && key !== undefined && second === undefined) reference['reference'] = key;
  }
  return true;
}

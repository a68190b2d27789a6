// What we know ourselves, for walking through directories that list nothing.

import type { Queryable } from '../../src/db/database.ts';
import { NPI_SYSTEM } from '../../src/fhir/npi.ts';

/** NPIs of our own practitioners after one, in order. As json, which takes numbers of any length. resource_type */
export async function knownNpis(sql: Queryable, after: string, count: number): Promise<string[]> {
  const rows = await sql<{ npi: string }[]>`
    select distinct i ->> 'value' as npi from directory.resource r, json_array_elements(r.body::json -> 'identifier') i
    where r.type = 7 and not r.deleted and i ->> 'system' = ${NPI_SYSTEM} and i ->> 'value' > ${after}
    order by 1 limit ${count}`;
  return rows.map((r) => r.npi);
}

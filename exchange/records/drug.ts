// Records of a work that name their drug by a Medication, and the Medications that are named.

import { arrayLiteral, type Queryable, type Sql } from '../../src/db/database.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { recordKeys } from '../reconcile/record-keys.ts';
import { DRUG_TYPES, type Drugs, medicationOf, withDrug } from './facts/drug.ts';
import { keyColumns } from './keys-made.ts';
import type { Range } from './slice.ts';

/**
 * Medications by our key `Medication/id`; those that are not known are left out.
 * @param work what it has staged counts too. Primary key of shared_resource; staging_shared
 */
export async function namedDrugs(sql: Queryable, keys: readonly string[], work?: string): Promise<Drugs> {
  const known = keys.filter((key) => key.startsWith('Medication/'));
  if (known.length === 0) return new Map();
  const rows = await sql<{ key: string; body: string }[]>`
    select k.key, coalesce(s.body, e.body) as body
    from (select distinct t as key, split_part(t, '/', 2) as id from unnest(${arrayLiteral(known)}::text::text[]) t) k
    left join exchange.shared_resource e on e.type = 'Medication' and e.id = k.id and not e.deleted
    left join lateral (
      -- of an import that is not decided yet by its own id
      select t.body from (
        select file, line, entry from exchange.staging where pull_id = ${work ?? ''} and is_shared and type = 'Medication' and local_id = k.id
          and (outcome is null or outcome in ('created', 'updated', 'shared'))
        union all
        -- not by staging_shared: of nothing that was staged a moment ago anything is known, and all that is not decided would be read for each
        select file, line, entry from exchange.staging where pull_id = ${work ?? ''} and type = 'Medication' and source_id = k.id and is_shared and coalesce(local_id, '') = ''
      ) s join exchange.staged_text t on t.pull_id = ${work ?? ''} and t.file = s.file and t.line = s.line and t.entry = s.entry
      order by s.file desc, s.line desc, s.entry desc limit 1) s on true
    where coalesce(s.body, e.body) is not null`;
  return new Map(rows.map((r) => [r.key, JSON.parse(r.body) as Resource]));
}

/** The Medications that some stored records name. */
export const drugsOf = (sql: Queryable, records: readonly { type: string; body: string }[]): Promise<Drugs> =>
  namedDrugs(
    sql,
    records.flatMap((r) => (DRUG_TYPES.includes(r.type) ? (medicationOf(JSON.parse(r.body) as Resource) ?? []) : [])),
  );

/** `body` with references in our ids. */
export type DrugUnit = { file: number; line: number; entry: number; body: string };

/** Units of a work that name a Medication, in pages from a cursor on a client of its own. staging_bucket, primary keys. */
export function drugUnits(
  reader: Sql,
  work: string,
  range: Pick<Range, 'first' | 'last'>,
  size: number,
): AsyncIterable<DrugUnit[]> {
  return reader
    .unsafe<DrugUnit[]>(
      `select s.file, s.line, s.entry, coalesce(w.final, t.body) as body
       from exchange.staging s
       cross join lateral (select body from exchange.staged_text x where x.pull_id = $1 and x.file = s.file and x.line = s.line and x.entry = s.entry offset 0) t
       left join lateral (select final from exchange.staged_reference x where x.pull_id = $1 and x.file = s.file and x.line = s.line and x.entry = s.entry offset 0) w on true
       where s.pull_id = $1 and s.bucket between $2 and $3 and s.type = any($4::text::text[]) and not s.is_shared and s.has_body and not s.booked
         and (s.outcome is null or s.outcome in ('created', 'updated', 'linked-duplicate')) and t.body like '%"medicationReference"%'`,
      [work, range.first, range.last, arrayLiteral(DRUG_TYPES)],
    )
    .cursor(size);
}

/** A record that is led to a Medication which came after it. */
export type LateDrug = { memberId: string; type: string; id: string; body: string };

/** What records are known by when their drug comes after them, or becomes another. resource_pkey. */
export async function tellLateDrugs(tx: Queryable, records: readonly LateDrug[]): Promise<void> {
  if (records.length === 0) return;
  const drugs = await drugsOf(tx, records);
  const rows = records.map(({ body, ...place }) => {
    const record = JSON.parse(body) as Resource;
    return { ...place, keys: recordKeys(withDrug(record, drugs)) };
  });
  await tx.unsafe(
    `with keyed as (
       select n, array_agg(hashtextextended(k, 0) order by i) as keys
       from unnest($4::text::int[], $5::text::text[]) with ordinality as u(n, k, i) group by n
     )
     update exchange.resource r set keys = keyed.keys
     from unnest($1::text::text[], $2::text::text[], $3::text::text[]) with ordinality as s(member_id, type, id, n)
     left join keyed on keyed.n = s.n
     where r.member_id = s.member_id and r.type = s.type and r.id = s.id and r.keys is distinct from keyed.keys`,
    [
      arrayLiteral(rows.map((r) => r.memberId)),
      arrayLiteral(rows.map((r) => r.type)),
      arrayLiteral(rows.map((r) => r.id)),
      ...keyColumns(rows),
    ],
  );
}

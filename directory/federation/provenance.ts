// Provenance of a merged record: which peer it is from, at which address, and when it was seen and changed.
// https://hl7.org/fhir/R4/provenance.html

import type { Queryable } from '../../src/db/database.ts';
import { formatInstant } from '../../src/fhir/instant.ts';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { type SourceRow, sourceByKey, sourceByRk } from './source.ts';

/** The Provenance with an id of ours (a number); undefined when it is none. */
export async function provenance(sql: Queryable, id: string, base: string): Promise<JsonObject | undefined> {
  if (!/^-?\d{1,19}$/.test(id) || BigInt.asIntN(64, BigInt(id)) !== BigInt(id)) return undefined;
  const row = await sourceByRk(sql, id);
  return row && toProvenance(row, base);
}

/** A searchset with the Provenance of one record of a peer; our own have none. */
export async function provenanceOf(sql: Queryable, target: string, base: string): Promise<JsonObject> {
  const key = target.startsWith(`${base}/`) ? target.slice(base.length + 1) : target;
  const row = await sourceByKey(sql, key);
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    total: row ? 1 : 0,
    link: [{ relation: 'self', url: `${base}/Provenance?target=${encodeURIComponent(target)}` }],
    ...(row
      ? {
          entry: [
            { fullUrl: `${base}/Provenance/${row.rk}`, resource: toProvenance(row, base), search: { mode: 'match' } },
          ],
        }
      : {}),
  };
}

function toProvenance(row: SourceRow, base: string): JsonObject {
  const [type] = row.key.split('/');
  return {
    resourceType: 'Provenance',
    id: row.rk,
    target: [{ reference: row.key }],
    occurredDateTime: formatInstant(row.contentChangedAt),
    recorded: formatInstant(row.contentChangedAt),
    activity: { text: 'harvested' },
    agent: [
      {
        type: { text: 'source' },
        who: { display: row.name, identifier: { system: `${base}/CodeSystem/origin`, value: row.peer } },
      },
    ],
    entity: [
      {
        role: 'source',
        what: {
          identifier: {
            system: 'urn:ietf:rfc:3986',
            value:
              row.base === null
                ? `urn:payer-node:${row.peer}/${type}/${row.sourceId}`
                : `${row.base}/${type}/${row.sourceId}`,
          },
        },
      },
    ],
  };
}

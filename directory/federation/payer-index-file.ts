// Addresses of payers out of files: the payer index in both shapes (publication.md 6.2 to 6.4) and the list of state Medicaid
// agencies. Endpoint resources: endpoint-file.ts. Pure.
import { parse } from 'csv-parse/sync';
import { isObject, type Json, type JsonObject, objects, text } from '../../src/fhir/resource.ts';
import { urlsIn } from './classify-url.ts';

type OwnerIdentifier = { system: string; value: string };
export type Owner = { name: string; identifiers: OwnerIdentifier[] };
export type Seeded = {
  owner: Owner;
  /** in the words of its source: a key of the payer index, a column, a connection type */
  endpoints: { family: 'directory' | 'bulk' | 'payer-to-payer' | 'other'; key: string; url: string }[];
};

export type IndexFile =
  | { kind: 'index'; seeded: Seeded; plans: number }
  /** the file says where the newer one is */
  | { kind: 'moved'; to: string }
  | { kind: 'fault'; fault: string };

const FAMILIES: Readonly<Record<string, Seeded['endpoints'][number]['family']>> = {
  davinci_pdex_provider_directory_endpoint: 'directory',
  davinci_pdex_provider_directory_endpoint_all_at_once: 'bulk',
  davinci_payer_to_payer_endpoint: 'payer-to-payer',
  davinci_pdex_payer_endpoint: 'payer-to-payer',
};

/** Reads one payer index. A key that is `null` or missing makes no statement. */
export function readIndexFile(content: unknown): IndexFile {
  if (!isObject(content)) return { kind: 'fault', fault: 'not a JSON object' };
  const moved = text(content['new_file']);
  if (moved !== undefined) return { kind: 'moved', to: moved };
  const identifiers = objects(content['identifier']);
  const groups = objects(content['plan_groups']);
  if (identifiers.length === 0 || !Array.isArray(content['plan_groups']))
    return { kind: 'fault', fault: 'no identifier[] or no plan_groups[]: not a payer index' };
  const name = text(content['payerLegalName']) ?? identifiers.map((i) => text(i['payerLegalName'])).find(Boolean);
  if (name === undefined) return { kind: 'fault', fault: 'no payerLegalName' };
  const endpoints = new Map<string, Seeded['endpoints'][number]>();
  for (const group of groups)
    for (const e of endpointsOf(group['plan_endpoints'])) endpoints.set(`${e.family} ${e.url}`, e);
  return {
    kind: 'index',
    seeded: { owner: { name, identifiers: identifiers.flatMap(identifierOf) }, endpoints: [...endpoints.values()] },
    plans: groups.reduce((n, g) => n + objects(g['plan_identifiers']).length, 0),
  };
}

function identifierOf(i: JsonObject): OwnerIdentifier[] {
  const value = text(i['value']);
  const system = text(i['system']);
  if (value === undefined || system === undefined) return [];
  const source = text(i['fpi_source_value']);
  const sourceSystem = text(i['fpi_source_system']);
  return [
    { system, value },
    ...(source === undefined || sourceSystem === undefined ? [] : [{ system: sourceSystem, value: source }]),
  ];
}

function endpointsOf(given: Json | undefined): Seeded['endpoints'] {
  if (!isObject(given)) return [];
  return Object.entries(given).flatMap(([key, value]) => {
    const family = FAMILIES[key.split('#', 1)[0] ?? ''] ?? 'other';
    return typeof value === 'string' ? urlsIn(value).map((url) => ({ family, key, url })) : [];
  });
}

/** Column of the state list that holds the base of the provider directory. */
const STATE_COLUMN = 'provider directory production base url';

/**
 * Rows of the state Medicaid list: two rows of headings, cells with several addresses and line breaks.
 * @throws Error in a sentence, when it is not that table
 */
export function readStateList(csv: string): Seeded[] {
  const rows = parse(csv, { bom: true, relax_column_count: true, skip_empty_lines: true }) as string[][];
  const head = rows.findIndex((r) => r.some((c) => c.trim().toLowerCase().startsWith(STATE_COLUMN)));
  const column = rows[head]?.findIndex((c) => c.trim().toLowerCase().startsWith(STATE_COLUMN)) ?? -1;
  if (column < 0) throw new Error('The table has no column "Provider Directory Production Base URL".');
  return rows.slice(head + 1).flatMap((row) => {
    const state = row[0]?.trim() ?? '';
    const urls = urlsIn(row[column] ?? '');
    if (state === '' || urls.length === 0) return [];
    const owner = {
      name: `${state} Medicaid`,
      identifiers: [{ system: 'urn:ietf:rfc:3986', value: `us-state-medicaid:${state}` }],
    };
    return [{ owner, endpoints: urls.map((url) => ({ family: 'directory' as const, key: STATE_COLUMN, url })) }];
  });
}
